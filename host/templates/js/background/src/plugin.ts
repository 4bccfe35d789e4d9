// Asks a feed for news, tells drivers of each item as an event, and counts them once a day: what a plugin does by itself.

import { definePlugin } from "moothall";
import * as z from "zod";

import { Item, itemsAfter } from "./feed.ts";

export default definePlugin({
  name: "my-plugin",
  title: "My Plugin",
  version: "0.1.0",
  description: "Asks a feed for news.",
  // What a community sets when it enables the plugin.
  config: z.object({ feed_url: z.string().describe("The feed's URL. The operator grants its host.") }),
  requests: { http: ["config:/feed_url"] },
  events: { item_found: { description: "The feed has a new item.", schema: Item } },

  // Called for each community. What it writes is committed together with the time of the next call.
  producer: {
    every: "60s",
    jitter: "5s",
    tick({ config, state, events }) {
      for (const item of itemsAfter(config.feed_url, state.get<number>("last_id") ?? 0)) {
        state.set("last_id", item.id);
        events.emit("item_found", item);
      }
    },
  },

  workers: {
    // Handles each event once, at its own pace.
    count: {
      events: ["my-plugin:item_found"],
      handle({ event, state, log }) {
        const today = (state.get<number>("today") ?? 0) + 1;
        log.info(`\`${event.data.title}\` is item ${today} of today`);
        state.set("today", today);
      },
    },
  },

  schedules: {
    midnight: {
      cron: "0 0 * * *",
      tick({ state }) {
        state.set("yesterday", state.get("today") ?? 0);
        state.set("today", 0);
      },
    },
  },

  actions: {
    report: {
      description: "How many items there were.",
      readOnly: true,
      response: z.object({
        today: z.int().describe("The items of today so far."),
        yesterday: z.int().nullable().describe("The items of the day before."),
      }),
      run({ state }) {
        return { today: state.get<number>("today") ?? 0, yesterday: state.get<number>("yesterday") ?? null };
      },
    },
  },
});
