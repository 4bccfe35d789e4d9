// The plugin as a host calls it, without a host, and with a feed that answers what a test says.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Host } from "moothall/testing";

import plugin from "../src/plugin.ts";

const feed = "https://feed.example/items";
const enabled = () => new Host(plugin, { config: { feed_url: feed } });

test("each item is an event once", () => {
  const host = enabled();
  host.answer("GET", `${feed}?after=0`, { json: [{ id: 3, title: "Tea" }, { id: 5, title: "Cake" }] });
  host.answer("GET", `${feed}?after=5`, { json: [] });
  host.tick();
  host.tick();
  assert.deepEqual(host.events.map(({ data }) => data.title), ["Tea", "Cake"]);
});

test("a feed that fails is asked again for the same", () => {
  const host = enabled();
  host.answer("GET", `${feed}?after=0`, { status: 503 });
  assert.throws(() => host.tick(), { kind: "unavailable" });
  assert.equal(host.state("last_id"), undefined);
});

test("items are counted until midnight", () => {
  const host = enabled();
  for (const id of [1, 2]) {
    host.handle("count", { event_type: "item_found", data: { id, title: "Tea" } });
  }
  assert.deepEqual(host.action("report"), { today: 2, yesterday: null });
  host.schedule("midnight");
  assert.deepEqual(host.action("report"), { today: 0, yesterday: 2 });
});
