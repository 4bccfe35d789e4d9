// A plugin in TypeScript with one of each: a configuration with a secret, state, actions, an event, outbound HTTP,
// a receiver of webhooks, a producer, and a governance process.

import { PluginError, definePlugin } from "moothall";
import { secret } from "moothall/zod";
import * as z from "zod";

import { vote } from "./vote.ts";

const Config = z.object({
  webhook_slug: z.string().optional().describe("Makes the URL for webhooks hard to guess."),
  greeting: z.string().default("Hello"),
  server_url: z.string().optional().describe("The platform's URL. Without it, the producer does nothing."),
  api_key: secret().optional().describe("The key of the community's account on the platform."),
});

export default definePlugin({
  name: "hello-js",
  title: "Hello, TypeScript",
  version: "0.1.0",
  description: "Greets people, in TypeScript.",
  authType: "api_key",
  config: Config,
  requests: { http: ["config:/server_url"] },
  events: {
    greeted: { description: "Somebody was greeted.", schema: z.object({ name: z.string() }) },
    posted: { description: "Something was posted on the platform." },
  },

  initialize({ state }) {
    state.set("greeted", 0);
  },

  actions: {
    greet: {
      description: "Greets somebody, and counts.",
      public: true,
      parameters: z.object({ name: z.string().max(100) }),
      response: z.object({ text: z.string(), greeted: z.int() }),
      run({ parameters: { name }, config, state, events }) {
        if (name === "nobody") throw PluginError.invalid("nobody cannot be greeted; name somebody");
        const greeted = (state.get<number>("greeted") ?? 0) + 1;
        state.set("greeted", greeted);
        events.emit("greeted", { name });
        return { text: `${config.greeting}, ${name}!`, greeted };
      },
    },

    draw: {
      description: "Draws a number by lot.",
      readOnly: true,
      parameters: z.object({ most: z.int().min(1).max(1_000_000) }),
      response: z.object({ number: z.int() }),
      run: ({ parameters: { most } }) => ({ number: 1 + Math.floor(Math.random() * most) }),
    },

    forecast: {
      description: "Asks the platform for tomorrow's weather.",
      parameters: z.object({ city: z.string().max(100) }),
      response: z.object({ sky: z.string() }),
      run({ parameters: { city }, config, http, log }) {
        const { server_url, api_key } = config;
        if (server_url === undefined) throw PluginError.unavailable("no `server_url` is configured");
        const answer = http.get(`${server_url}/forecast`, { query: { city }, bearer: api_key }).orThrow();
        log.info(`the platform answered ${answer.status}`);
        return { sky: answer.json().days[0].sky };
      },
    },
  },

  webhook: {
    receive({ request, events }) {
      const { text, account, vote } = request.json();
      if (vote !== undefined) return;
      events.emit("posted", { text }, { initiator: { user_id: account, provider: "platform" } });
      return { status: 202, json: { received: true } };
    },
  },

  producer: {
    every: "60s",
    tick({ config, state, events, http }) {
      if (config.server_url === undefined) return;
      const after = state.get<number>("last_post") ?? 0;
      const answer = http.get(`${config.server_url}/posts`, { query: { after }, bearer: config.api_key });
      for (const post of answer.orThrow().json()) {
        events.emit("posted", { text: post.text }, { dedupeKey: `post-${post.id}` });
        state.set("last_post", post.id);
      }
    },
  },

  processes: { vote },
});
