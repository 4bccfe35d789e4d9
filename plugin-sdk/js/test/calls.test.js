// Calls on the in-memory host: values go in and out as the contract has them, and every failure says whose it is.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as z from "zod";

import { PluginError, definePlugin, state } from "../src/index.js";
import { Host } from "../src/testing.js";
import { secret } from "../src/zod.js";

function hostOf(definition, setup) {
  return new Host(definePlugin({ name: "a", ...definition }), setup);
}

/** A host whose only action runs this. */
function hostOfAction(run, { setup, ...rest } = {}) {
  return hostOf({ actions: { act: { run } }, ...rest }, setup);
}

test("own errors keep their kind and details, whatever they are caused by", () => {
  const host = hostOfAction(() => {
    throw new PluginError("out-of-tea", "no tea is left", { details: { cups: 0 }, retryable: true });
  });
  assert.throws(() => host.action("act"), {
    kind: "out-of-tea",
    message: "no tea is left",
    details: { cups: 0 },
    retryable: true,
  });
});

test("an unforeseen error is told to the log with its cause, and to nobody else", () => {
  const host = hostOfAction(() => {
    throw new Error("password is hunter2", { cause: new TypeError("x is undefined") });
  });
  assert.throws(() => host.action("act"), { kind: "internal", message: /^the plugin failed unexpectedly/ });
  assert.match(host.log[0].message, /hunter2[\s\S]*calls\.test\.js[\s\S]*caused by TypeError: x is undefined/);
  const thrown = hostOfAction(() => {
    throw "tea";
  });
  assert.throws(() => thrown.action("act"), { kind: "internal" });
  assert.match(thrown.log[0].message, /threw tea, which is no Error/);
});

test("a promise is refused, because nobody would wait for it", () => {
  const host = hostOfAction(() => Promise.resolve(1));
  assert.throws(() => host.action("act"), { kind: "internal" });
  assert.match(host.log[0].message, /returned a promise/);
});

test("a failed call leaves nothing, a successful one all", () => {
  const host = hostOfAction(({ state, events, parameters }) => {
    state.set("x", { deep: [1] });
    events.emit("seen");
    if (parameters.fail) throw PluginError.conflict("no");
    return state.keys();
  });
  assert.throws(() => host.action("act", { fail: true }), { kind: "conflict" });
  assert.deepEqual([host.state("x"), host.events.length], [undefined, 0]);
  assert.deepEqual(host.action("act"), ["x"]);
  assert.deepEqual([host.state("x"), host.events[0].type], [{ deep: [1] }, "seen"]);
});

test("state refuses what the real host refuses", () => {
  const refused = (kind, run, action = {}) => {
    const host = hostOf({ actions: { act: { run, ...action } } });
    assert.throws(() => host.action("act"), { kind });
  };
  refused("invalid", ({ state }) => state.set("", 1));
  refused("invalid", ({ state }) => state.get("k".repeat(513)));
  refused("invalid", ({ state }) => state.set("k", "x".repeat(256 << 10)));
  refused("conflict", ({ state }) => {
    for (let n = 0; n <= 1000; n++) state.set("k", n);
  });
  refused("forbidden", ({ state }) => state.set("k", 1), { readOnly: true });
  refused("internal", ({ state }) => state.set("k", undefined));
});

test("outside of a call the host is not there", () => {
  assert.throws(() => state.get("x"), { kind: "forbidden", message: /during a call only/ });
});

test("secrets are places, and their values need a grant", () => {
  const config = z.object({ key: secret(), deep: z.object({ key: secret() }) });
  const setup = { config: { key: "s1", deep: { key: "s2" } } };
  const reads = { actions: { act: { run: ({ config, secret }) => [config, secret("/deep/key").reveal()] } }, config };
  const granted = hostOf({ ...reads, requests: { reveal: ["/deep/key"] } }, setup);
  assert.deepEqual(granted.action("act"), [{ key: { $secret: "/key" }, deep: { key: { $secret: "/deep/key" } } }, "s2"]);
  assert.throws(() => hostOf(reads, setup).action("act"), { kind: "forbidden", message: /\/deep\/key/ });
  const missing = hostOfAction(({ secret }) => secret("/none").reveal());
  assert.throws(() => missing.action("act"), { kind: "not-found" });
});

test("the host places secrets in requests", () => {
  const config = z.object({ key: secret() });
  const send = ({ config: { key }, http }) => {
    http.post("https://a.example/?x=1#end", {
      json: { auth: {} },
      bearer: key,
      secrets: [
        { in: "query", name: "token", secret: key },
        { in: "json", pointer: "/auth/key", secret: key },
        { in: "basic-password", user: "me", secret: key },
      ],
    });
    http.post("https://a.example/", { form: { a: "1 2" }, secrets: [{ in: "form", name: "key", secret: key }] });
  };
  const host = hostOf({ actions: { act: { run: send } }, config, requests: { http: ["a.example"] } }, { config: { key: "s&t" } });
  host.answer("POST", "https://a.example/?x=1#end", {}).answer("POST", "https://a.example/", {});
  host.action("act");
  const [json, form] = host.sent.map(({ url, headers, body }) => ({ url, headers, body: Buffer.from(body).toString() }));
  assert.deepEqual(json, {
    url: "https://a.example/?x=1&token=s%26t#end",
    headers: [["content-type", "application/json"], ["authorization", "Bearer s&t"], ["authorization", "Basic bWU6cyZ0"]],
    body: '{"auth":{"key":"s&t"}}',
  });
  assert.equal(form.body, "a=1+2&key=s%26t");
});

test("only what the manifest asks for is reached", () => {
  const config = { server: "https://forum.example:8443/" };
  for (const [pattern, url, isReached] of [
    ["a.example", "https://a.example/x?y", true],
    ["a.example", "https://a.example:81", false],
    ["a.example:81", "https://a.example:81", true],
    ["*.example", "https://b.a.example", true],
    ["*.a.example", "https://a.example", false],
    ["*", "https://a.example", true],
    ["*", "https://a.example:81", false],
    ["config:/server", "https://forum.example:8443/posts", true],
    ["config:/server", "https://forum.example/posts", false],
    ["config:/other", "https://forum.example:8443/", false],
    ["a.example", "HTTP://A.Example./", true],
  ]) {
    const host = hostOfAction(({ http }) => void http.get(url), { requests: { http: [pattern] }, setup: { config } });
    host.answer("GET", url, {});
    if (isReached) host.action("act");
    else assert.throws(() => host.action("act"), { kind: "forbidden", message: /may not reach/ }, `${pattern} ${url}`);
  }
  for (const url of ["https://user@a.example", "ftp://a.example", "a.example"]) {
    const host = hostOfAction(({ http }) => void http.get(url), { requests: { http: ["*"] } });
    assert.throws(() => host.action("act"), { kind: "invalid" }, url);
  }
});

test("a platform's failure says whether it is worth another try", () => {
  for (const [status, kind, retryable] of [[503, "unavailable", true], [429, "unavailable", true], [404, "internal", false]]) {
    const host = hostOfAction(({ http }) => http.get("https://a.example/").orThrow().text(), { requests: { http: ["*"] } });
    host.answer("GET", "https://a.example/", { status, text: "tea" });
    const details = { platform_status: status, platform_body: "tea" };
    assert.throws(() => host.action("act"), { kind, retryable, details, message: `the platform answered ${status}: tea` });
  }
  const host = hostOfAction(({ http }) => http.get("https://a.example/").orThrow().text(), { requests: { http: ["*"] } });
  host.answer("GET", "https://a.example/", { status: 500, text: `a${"🍵".repeat(2_000)}` });
  const details = { platform_status: 500, platform_body: `a${"🍵".repeat(999)}` };
  assert.throws(() => host.action("act"), { details }, "no character is cut in two");
});

test("parameters and results are checked by their schemas, zod's own rules too", () => {
  const parameters = z.object({ n: z.int().default(2), even: z.int().refine((n) => n % 2 === 0, "is odd").optional() });
  const act = { parameters, response: z.object({ twice: z.int() }), run: ({ parameters: { n } }) => ({ twice: n * 2 }) };
  const host = hostOf({ actions: { act } });
  assert.deepEqual(host.action("act"), { twice: 4 });
  assert.throws(() => host.action("act", { n: "2" }), { kind: "invalid", details: { errors: [{ path: "/n", message: "must be integer" }] } });
  assert.throws(() => host.action("act", { m: 1 }), (error) => error.details.errors[0].path === "/m");
  assert.throws(() => host.action("act", { even: 3 }), { kind: "invalid", details: { errors: [{ path: "/even", message: "is odd" }] } });
  const wrong = hostOf({ actions: { act: { ...act, run: () => ({ twice: "4" }) } } });
  assert.throws(() => wrong.action("act"), { kind: "internal", message: /'\/twice' must be integer/ });
});

test("webhooks are read as what they are asked for", () => {
  const receive = ({ request }) => {
    if (request.header("content-type") === "application/x-www-form-urlencoded") return { json: request.form() };
    return { json: [request.queryParam("q"), request.json()] };
  };
  const host = hostOf({ webhook: { receive } });
  assert.deepEqual(host.webhook({ query: "q=two%20words+more", json: { a: 1 } }).json(), ["two words more", { a: 1 }]);
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  assert.deepEqual(host.webhook({ headers, text: "a=%26&b" }).json(), { a: "&", b: "" });
  assert.throws(() => host.webhook({ text: "{" }), { kind: "invalid", message: /is not JSON/ });
  assert.throws(() => host.webhook({ body: Uint8Array.of(0xff) }), { kind: "invalid" });
});

test("schedules, workers and routes are found by their names", () => {
  const host = hostOf({
    schedules: { nightly: { every: "1d", tick: ({ state, scheduledAt }) => state.set("at", scheduledAt) } },
    workers: { w: { events: ["a:*"], handle: ({ state, event }) => state.set("event", event.data) } },
    routes: { "/tea/{cup}": { handle: ({ captures, request }) => ({ status: 418, text: `${request.method} ${captures.cup}` }) } },
  });
  host.schedule("nightly", new Date("2030-01-01T00:00:00Z"));
  host.handle("w", { event_type: "a", data: { n: 1 } });
  assert.deepEqual([host.state("at"), host.state("event")], ["2030-01-01T00:00:00.000Z", { n: 1 }]);
  const answer = host.route("/tea/{cup}", { method: "GET" }, { cup: "mug" });
  assert.deepEqual([answer.status, answer.text()], [418, "GET mug"]);
  assert.throws(() => host.schedule("hourly"), { kind: "not-found" });
});

test("a changed configuration is given to the plugin with the one before", () => {
  const config = z.object({ foo: z.string(), key: secret().optional() });
  const configChanged = ({ previous, config, state }) => state.set("seen", [previous.foo, config.foo]);
  const host = hostOf({ config, configChanged }, { config: { foo: "bar" } });
  host.changeConfig({ foo: "baz", key: "k" });
  assert.deepEqual(host.state("seen"), ["bar", "baz"]);
  assert.throws(() => host.changeConfig({ foo: 1 }), { kind: "invalid" });
});

test("a process is finished once", () => {
  const start = ({ process }) => {
    process.url = "https://vote.example/1";
    process.state.set("votes", 0);
  };
  const close = ({ process }) => process.complete({ votes: process.state.get("votes") });
  const host = hostOf({ processes: { vote: { start, close, outcome: z.object({ votes: z.int() }) }, idle: { start, close() {} } } });
  const id = host.start("vote");
  assert.deepEqual([host.process(id).status, host.process(id).url], ["pending", "https://vote.example/1"]);
  assert.throws(() => host.update(id), { kind: "internal", message: /no function `update`/ });
  host.close(id);
  assert.deepEqual(host.process(id).outcome, { votes: 0 });
  assert.throws(() => host.close(id), { kind: "conflict" });
  assert.throws(() => host.close(host.start("idle")), /`close` returned and the process is not completed/);
});
