// A vote: webhooks bring the ballots; it ends when enough people have voted, or when somebody closes it.

import { definePlugin } from "moothall";
import * as z from "zod";

import { vote } from "./vote.ts";

export default definePlugin({
  name: "my-plugin",
  title: "My Plugin",
  version: "0.1.0",
  description: "Votes.",
  // What a community sets when it enables the plugin.
  config: z.object({
    webhook_slug: z.string().describe("Makes the URL for ballots hard to guess: its last part."),
  }),
  processes: { vote },
});
