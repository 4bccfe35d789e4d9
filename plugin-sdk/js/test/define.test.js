// What an author writes becomes the manifest and the world, or a message that says what is wrong where.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as z from "zod";

import { definePlugin } from "../src/index.js";
import { worldOf } from "../src/world.js";
import { secret } from "../src/zod.js";

const run = () => undefined;

test("a mistake is named with its place", () => {
  const told = (definition, message) => assert.throws(() => definePlugin({ name: "a", ...definition }), { message });
  told({ action: {} }, /the plugin has no key `action`; did you mean `actions`\?/);
  told({ actions: { greet: { run, paramters: {} } } }, /the action 'greet' has no key `paramters`; did you mean `parameters`\?/);
  told({ actions: { greet: {} } }, /the action 'greet' needs a function `run`/);
  told({ actions: { greet: { async run() {} } } }, /`run` of the action 'greet' is async/);
  told({ processes: { vote: { start: run, closed: run } } }, /the process 'vote' has no key `closed`; did you mean `close`\?/);
  told({ producer: { every: "60s" } }, /`producer` needs a function `tick`/);
  told({ webhook: run }, /`webhook` is no object|needs a function `receive`/);
  told({ config: "none" }, /a schema is a JSON Schema or one of zod, not none/);
});

test("only what the plugin has is in its world", () => {
  const interfaces = (definition) => definePlugin({ name: "a", ...definition }).interfaces;
  assert.deepEqual(interfaces({}), ["plugin"]);
  assert.deepEqual(interfaces({ actions: {}, processes: {} }), ["plugin"]);
  assert.deepEqual(interfaces({ actions: { greet: { run } }, initialize: run }), ["plugin", "lifecycle", "actions"]);
  const world = worldOf(interfaces({ webhook: { receive: run }, producer: { tick: run } }));
  const exported = world.split("\n").filter((line) => line.includes("export"));
  assert.deepEqual(exported.map((line) => line.trim()), ["export plugin;", "export webhooks;", "export producer;"]);
});

test("the manifest says what was written, and nothing else", () => {
  const { manifest } = definePlugin({
    name: "a",
    title: "An A",
    homepage: "https://a.example",
    authType: "api_key",
    configChanged: run,
    actions: { greet: { readOnly: true, parameters: { type: "object" }, run } },
    processes: { vote: { schedule: { every: "5m", timeZone: "UTC" }, start: run, close: run, receiveWebhook: run } },
    producer: { every: "30s", jitter: "5s", tick: run },
    workers: { w: { events: ["edge2:*"], maxAttempts: 3, handle: run } },
    routes: { "/teapot": { methods: ["GET"], auth: "public", handle: run } },
  });
  assert.deepEqual(manifest, {
    name: "a",
    title: "An A",
    homepage: "https://a.example",
    auth_type: "api_key",
    lifecycle: ["config-changed"],
    actions: [{ slug: "greet", read_only: true, parameters_schema: { type: "object" } }],
    processes: [
      { name: "vote", functions: ["close", "receive-webhook"], schedule: { every: "5m", time_zone: "UTC" } },
    ],
    producer: { every: "30s", jitter: "5s" },
    workers: [{ name: "w", events: ["edge2:*"], max_attempts: 3 }],
    routes: [{ path: "/teapot", methods: ["GET"], auth: "public" }],
  });
});

test("schemas of zod become JSON Schemas that the host can read", () => {
  const Config = z.object({
    key: secret(),
    mail: z.email(),
    nested: z.object({ at: z.iso.datetime().optional() }).default({}),
    open: z.looseObject({}).optional(),
  });
  const { config_schema } = definePlugin({ name: "a", config: Config }).manifest;
  const { key, mail, nested, open } = config_schema.properties;
  assert.equal(key.writeOnly, true);
  assert.deepEqual([mail.format, mail.pattern], ["email", undefined]);
  assert.equal(nested.properties.at.pattern, undefined);
  assert.deepEqual([config_schema.additionalProperties, nested.additionalProperties], [false, false]);
  assert.notEqual(open.additionalProperties, false);
  assert.deepEqual(config_schema.required, ["key", "mail"]);
});

test("a library without JSON Schema is told to use one that has it", () => {
  const schema = { "~standard": { version: 1, vendor: "old", validate: run } };
  assert.throws(() => definePlugin({ name: "a", config: schema }), /of old makes no JSON Schema by itself/);
});
