// The plugin as a host calls it, without a host.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Host } from "moothall/testing";

import plugin from "../src/plugin.ts";

const config = { webhook_slug: "hard-to-guess" };

test("the quorum ends a vote, with each person's last choice", () => {
  const host = new Host(plugin, { config });
  const id = host.start("vote", { title: "Tea?", quorum: 2 });
  for (const [account, choice] of [["ann", "no"], ["ann", "yes"], ["eve", "perhaps"]]) {
    host.webhook({ json: { account, choice } });
  }
  host.update(id);
  assert.equal(host.process(id)?.status, "pending");

  host.webhook({ json: { account: "bob", choice: "yes" } });
  host.update(id);
  assert.equal(host.process(id)?.status, "completed");
  assert.deepEqual(host.process(id)?.outcome, { title: "Tea?", votes: { yes: 2, no: 0 } });
});

test("a vote can be closed, and has a time at which the host closes it", () => {
  const host = new Host(plugin, { config });
  const id = host.start("vote", { title: "When?", options: ["now"], minutes: 5 });
  assert.notEqual(host.process(id)?.closingAt, null);
  host.close(id);
  assert.deepEqual(host.process(id)?.outcome, { title: "When?", votes: { now: 0 } });
});

test("a vote needs an option", () => {
  const host = new Host(plugin, { config });
  assert.throws(() => host.start("vote", { title: "Tea?", options: [] }), { kind: "invalid" });
});
