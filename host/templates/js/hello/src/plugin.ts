// Greets people, and counts them.

import { definePlugin } from "moothall";
import * as z from "zod";

// What a community sets when it enables the plugin.
const Config = z.object({
  greeting: z.string().default("Hello").describe("The word before the name."),
});

export default definePlugin({
  name: "my-plugin",
  title: "My Plugin",
  version: "0.1.0",
  description: "Greets people, and counts them.",
  config: Config,
  actions: {
    greet: {
      description: "Greets somebody.",
      public: true,
      parameters: z.object({ name: z.string().describe("Who is greeted.") }),
      response: z.object({
        text: z.string(),
        greeted: z.int().describe("How many were greeted so far, this one included."),
      }),
      run({ parameters, config, state }) {
        const greeted = (state.get<number>("greeted") ?? 0) + 1;
        state.set("greeted", greeted);
        return { text: `${config.greeting}, ${parameters.name}!`, greeted };
      },
    },
  },
});
