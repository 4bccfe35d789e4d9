// A real OpenID provider, as npm has it: nothing of it is changed, only configured.
//
// Says its issuer on standard output. Reads one line of JSON on standard input, the client as an operator
// registers it, and says `ready`. Everybody logs in as `ann` and agrees, but with the login hint `nobody`:
// that one refuses. Ends with its standard input.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Provider } from "oidc-provider";

const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
console.log(issuer);

const lines = createInterface({ input: process.stdin });
lines.once("line", (line) => serve(JSON.parse(line)));
lines.once("close", () => process.exit(0));

function serve(client) {
  const provider = new Provider(issuer, {
    clients: [client],
    scopes: ["openid", "app", "user"],
    pkce: { required: () => true },
    routes: { authorization: "/oauth/authorize", token: "/oauth/token" },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  });
  server.on("request", async (request, response) => {
    const url = new URL(request.url, issuer);
    if (!url.pathname.startsWith("/interaction/")) return provider.callback()(request, response);
    try {
      const result = await decide(provider, request, response);
      await provider.interactionFinished(request, response, result);
    } catch (error) {
      response.writeHead(400).end(String(error));
    }
  });
  console.log("ready");
}

// What the pages for login and consent come to.
async function decide(provider, request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (params.login_hint === "nobody") {
    return { error: "access_denied", error_description: "nobody may" };
  }
  if (prompt.name === "login") return { login: { accountId: "ann" } };
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return { consent: { grantId: await grant.save() } };
}
