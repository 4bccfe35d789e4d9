// The plugin as a host calls it, without a host.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Host } from "moothall/testing";

import plugin from "../src/plugin.ts";

test("people are greeted and counted", () => {
  const host = new Host(plugin, { config: { greeting: "Ahoy" } });
  assert.deepEqual(host.action("greet", { name: "Ann" }), { text: "Ahoy, Ann!", greeted: 1 });
  assert.deepEqual(host.action("greet", { name: "Bob" }), { text: "Ahoy, Bob!", greeted: 2 });
});

test("without a configuration the greeting is Hello", () => {
  assert.equal(new Host(plugin).action("greet", { name: "Ann" }).text, "Hello, Ann!");
});

test("nobody is greeted without a name", () => {
  const host = new Host(plugin);
  assert.throws(() => host.action("greet"), { kind: "invalid" });
  assert.equal(host.state("greeted"), undefined);
});
