// What a component adds to QuickJS. This file runs in a process of its own, whose globals it replaces.

import assert from "node:assert/strict";
import { test } from "node:test";

import { within } from "../src/host.js";

delete globalThis.crypto;
const builtIn = Math.random;
const { seedFrom } = await import("../src/globals.js");

/** The host's random bytes: what is in `source`, again and again. */
let source = Uint8Array.of(0);
let asked = 0;
seedFrom((count) => {
  asked += 1;
  return Uint8Array.from({ length: count }, (_, at) => source[at % source.length]);
});

test("the console writes to the host's log", () => {
  const lines = [];
  within({ log: { log: (level, message) => lines.push([level, message]) } }, () => {
    console.log("tea", { cups: 2 }, 3n, undefined);
    console.warn(new TypeError("cold"));
  });
  console.error("outside of a call there is no log");
  assert.deepEqual(lines[0], ["info", 'tea {"cups":2} 3 undefined']);
  assert.match(lines[1][1], /^TypeError: cold\n[\s\S]*globals\.test\.js/);
  assert.equal(lines.length, 2);
});

test("random numbers are of the host's bytes, and only during a call", () => {
  const drawn = (bytes, count) => {
    source = Uint8Array.from(bytes);
    return within({}, () => Array.from({ length: count }, Math.random));
  };
  const most = 1 - 2 ** -53;
  assert.deepEqual(drawn([255], 32), Array(32).fill(most));
  assert.deepEqual(drawn([0], 32), Array(32).fill(0));
  assert.equal(asked, 2, "bytes are asked for in advance");
  const before = asked;
  const outside = Math.random();
  assert(outside > 0 && outside < 1 && asked === before);
  assert.notEqual(Math.random, builtIn);
});

test("ids and bytes are of the host's, too", () => {
  source = Uint8Array.of(255);
  within({}, () => {
    assert.equal(crypto.randomUUID(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    assert.deepEqual(crypto.getRandomValues(new Uint16Array(2)), Uint16Array.of(65535, 65535));
  });
});
