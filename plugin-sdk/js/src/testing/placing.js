// Writes secrets into a request, where the real host would place them.

import { PluginError } from "../errors.js";
import { addIfAbsent, formEncoded, toBytes } from "../web.js";

const text = (bytes) => new TextDecoder().decode(bytes);

/** The request as the platform sees it. */
export function placed(request, secrets) {
  const sent = { ...request, headers: [...request.headers] };
  for (const [{ tag, val }, handle] of secrets) PLACES[tag](sent, val, handle.value);
  return sent;
}

const PLACES = {
  header: (sent, [name, prefix], secret) => sent.headers.push([name, `${prefix}${secret}`]),
  "basic-password": (sent, user, secret) => basic(sent, user, secret),
  "basic-user": (sent, password, secret) => basic(sent, secret, password),
  query: (sent, name, secret) => {
    const [, before, fragment] = /^([^#]*)(.*)$/s.exec(sent.url);
    sent.url = `${before}${before.includes("?") ? "&" : "?"}${formEncoded([[name, secret]])}${fragment}`;
  },
  form: (sent, name, secret) => {
    addIfAbsent(sent.headers, "content-type", "application/x-www-form-urlencoded");
    const before = text(sent.body);
    sent.body = toBytes(`${before}${before === "" ? "" : "&"}${formEncoded([[name, secret]])}`);
  },
  json: (sent, pointer, secret) => {
    const body = JSON.parse(text(sent.body));
    const keys = pointer.split("/").slice(1).map((key) => key.replace(/~1/g, "/").replace(/~0/g, "~"));
    const last = keys.pop();
    const above = keys.reduce((at, key) => at?.[key], body);
    if (typeof above !== "object" || above === null || !["string", "undefined"].includes(typeof above[last])) {
      throw PluginError.invalid(`there is no place for a secret at \`${pointer}\` of the body`);
    }
    above[last] = secret;
    sent.body = toBytes(JSON.stringify(body));
  },
};

function basic(sent, user, password) {
  if (user.includes(":")) throw PluginError.invalid("a user name of basic authentication has no colon");
  const credentials = Buffer.from(`${user}:${password}`).toString("base64");
  sent.headers.push(["authorization", `Basic ${credentials}`]);
}
