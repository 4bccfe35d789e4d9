// Turns a platform's webhooks into events. The host checks their signatures before it calls the plugin.

import { PluginError, definePlugin } from "moothall";
import { secret } from "moothall/zod";
import * as z from "zod";

// What a community sets when it enables the plugin.
const Config = z.object({
  signing_secret: secret().describe("With what the platform signs its webhooks."),
  ignored_accounts: z.array(z.string()).default([]).describe("Posts of these accounts are no events."),
});

// The body of the platform's webhook.
const Posted = z.object({ id: z.string(), account: z.string(), text: z.string() });

export default definePlugin({
  name: "my-plugin",
  title: "My Plugin",
  version: "0.1.0",
  description: "Turns a platform's webhooks into events.",
  authType: "api_key",
  config: Config,
  events: {
    posted: {
      description: "Somebody posted on the platform.",
      schema: z.object({ id: z.string().describe("The platform's id of the post."), text: z.string() }),
    },
  },

  webhook: {
    verify: { scheme: "hmac-sha256", secret: "/signing_secret", header: "X-Signature-256", prefix: "sha256=" },
    receive({ request, config, state, events, log }) {
      const posted = Posted.safeParse(request.json());
      if (!posted.success) throw PluginError.invalid(`the body is no post: ${z.prettifyError(posted.error)}`);
      const { id, account, text } = posted.data;
      if (config.ignored_accounts.includes(account)) {
        log.info(`post ${id} of ${account} is ignored`);
        return;
      }
      state.set("posts", (state.get<number>("posts") ?? 0) + 1);
      const initiator = { user_id: account, provider: "my-plugin" };
      // A platform that sends a post twice makes one event.
      events.emit("posted", { id, text }, { initiator, dedupeKey: `post-${id}` });
    },
  },

  actions: {
    received: {
      description: "How many posts became events.",
      readOnly: true,
      response: z.object({ posts: z.int() }),
      run: ({ state }) => ({ posts: state.get<number>("posts") ?? 0 }),
    },
  },
});
