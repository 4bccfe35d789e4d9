// The plugin's own tests: an in-memory host, no wasm. `npm test` runs them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Host } from "moothall/testing";

import plugin from "../src/plugin.ts";

const config = { server_url: "https://platform.example", api_key: "s3cret" };

test("people are greeted and counted, and drivers hear of it", () => {
  const host = new Host(plugin, { config: { greeting: "Hi" } });
  host.enable();
  assert.deepEqual(host.action("greet", { name: "Ann" }), { text: "Hi, Ann!", greeted: 1 });
  assert.deepEqual(host.action("greet", { name: "Bob" }), { text: "Hi, Bob!", greeted: 2 });
  assert.deepEqual(host.events.map(({ data }) => data), [{ name: "Ann" }, { name: "Bob" }]);
});

test("a refusal leaves nothing behind", () => {
  const host = new Host(plugin, { state: { greeted: 7 } });
  assert.throws(() => host.action("greet", { name: "nobody" }), { kind: "invalid", message: /name somebody/ });
  assert.throws(() => host.action("greet", {}), { kind: "invalid" });
  assert.equal(host.state("greeted"), 7);
  assert.equal(host.events.length, 0);
});

test("the platform is asked with the key, which the plugin does not see", () => {
  const host = new Host(plugin, { config });
  host.answer("GET", "https://platform.example/forecast?city=Bad+T%C3%B6lz", { json: { days: [{ sky: "blue" }] } });
  assert.deepEqual(host.action("forecast", { city: "Bad Tölz" }), { sky: "blue" });
  assert.deepEqual(host.sent[0]?.headers, [["authorization", "Bearer s3cret"]]);
});

test("what goes wrong unforeseen is in the log and not in the answer", () => {
  const host = new Host(plugin, { config });
  host.answer("GET", "https://platform.example/forecast?city=Rome", { json: { days: [] } });
  assert.throws(() => host.action("forecast", { city: "Rome" }), { kind: "internal", message: /unexpectedly/ });
  const error = host.log.find(({ level }) => level === "error");
  assert.match(error?.message ?? "", /TypeError: .*'sky'[\s\S]*plugin\.ts/);
});

test("posts are emitted once, by webhook and by polling", () => {
  const host = new Host(plugin, { config });
  const answer = host.webhook({ json: { text: "Tea?", account: "ann" } });
  assert.equal(answer.status, 202);
  assert.deepEqual(host.events[0]?.initiator, { user_id: "ann", provider: "platform" });
  const posts = { json: [{ id: 4, text: "Cake?" }] };
  host.answer("GET", "https://platform.example/posts?after=0", posts);
  host.tick();
  host.answer("GET", "https://platform.example/posts?after=4", posts);
  host.tick();
  assert.deepEqual(host.events.map(({ data }) => data.text), ["Tea?", "Cake?"]);
});

test("a vote ends at its quorum", () => {
  const host = new Host(plugin);
  const id = host.start("vote", { question: "Lunch?", quorum: 2 });
  assert.equal(host.webhook({ json: { vote: "yes", account: "ann" } }).json().counted, 1);
  host.update(id);
  assert.equal(host.process(id)?.status, "pending");
  host.webhook({ json: { vote: "no", account: "bob" } });
  host.webhook({ json: { vote: "yes", account: "bob" } });
  host.update(id);
  assert.equal(host.process(id)?.status, "completed");
  assert.deepEqual(host.process(id)?.outcome, { question: "Lunch?", votes: { yes: 2, no: 0 } });
});

test("a vote that somebody closes counts what there is", () => {
  const host = new Host(plugin);
  const id = host.start("vote", { question: "Lunch?", options: ["pizza", "soup"], closing_at: "2030-01-01T12:00:00Z" });
  assert.equal(host.process(id)?.closingAt, "2030-01-01T12:00:00Z");
  host.webhook({ json: { vote: "soup", account: "ann" } });
  host.close(id);
  assert.deepEqual(host.process(id)?.outcome.votes, { pizza: 0, soup: 1 });
});
