// The plugin as a host calls it, without a host: after the check of a webhook's signature.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Host } from "moothall/testing";

import plugin from "../src/plugin.ts";

const config = { signing_secret: "a secret of at least 16 bytes", ignored_accounts: ["bot"] };

test("a post becomes an event once", () => {
  const host = new Host(plugin, { config });
  for (const _ of [1, 2]) {
    assert.equal(host.webhook({ json: { id: "7", account: "ann", text: "Tea?" } }).status, 200);
  }
  assert.deepEqual(host.events.map(({ type, data }) => ({ type, data })), [
    { type: "posted", data: { id: "7", text: "Tea?" } },
  ]);
});

test("posts are counted, but not those of ignored accounts", () => {
  const host = new Host(plugin, { config });
  for (const [id, account] of [["1", "ann"], ["2", "bot"]]) {
    host.webhook({ json: { id, account, text: "Tea?" } });
  }
  assert.deepEqual(host.action("received"), { posts: 1 });
});

test("a body that is no post is an error", () => {
  assert.throws(() => new Host(plugin, { config }).webhook({ json: { hello: "world" } }), { kind: "invalid" });
});
