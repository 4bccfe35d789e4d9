// The encoder and the decoder do what Node.js's do.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Utf8Decoder, Utf8Encoder } from "../src/utf8.js";

// A generator of numbers with a fixed seed, so that a failure comes again.
function numbers(seed) {
  let at = seed;
  return (below) => {
    at = (Math.imul(at, 1664525) + 1013904223) >>> 0;
    return Math.floor((at / 2 ** 32) * below);
  };
}

test("texts are encoded as Node.js encodes them, lone surrogates too", () => {
  const next = numbers(1);
  for (let round = 0; round < 2000; round++) {
    const units = Array.from({ length: next(12) }, () => [0x20 + next(0x60), next(0x900), next(0x10000)][next(3)]);
    const text = String.fromCharCode(...units);
    assert.deepEqual(new Utf8Encoder().encode(text), new TextEncoder().encode(text), JSON.stringify(text));
  }
});

test("bytes are decoded as Node.js decodes them, also those that are not UTF-8", () => {
  const next = numbers(2);
  for (let round = 0; round < 20000; round++) {
    const edges = [0x7f, 0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xef, 0xbb, 0xf0, 0xf4, 0x90, 0xa0, 0xff];
    const bytes = Uint8Array.from({ length: next(7) }, () => (next(2) ? next(256) : edges[next(edges.length)]));
    assert.equal(new Utf8Decoder().decode(bytes), new TextDecoder().decode(bytes), String(bytes));
    assert.equal(isRefused(Utf8Decoder, bytes), isRefused(TextDecoder, bytes), String(bytes));
  }
});

function isRefused(Decoder, bytes) {
  try {
    new Decoder("utf-8", { fatal: true }).decode(bytes);
    return false;
  } catch (error) {
    assert(error instanceof TypeError);
    return true;
  }
}

test("a mark of the byte order is left out, unless it is wanted", () => {
  const marked = Uint8Array.of(0xef, 0xbb, 0xbf, 0x61);
  assert.equal(new Utf8Decoder().decode(marked), "a");
  assert.equal(new Utf8Decoder("utf-8", { ignoreBOM: true }).decode(marked.buffer), "\ufeffa");
  assert.throws(() => new Utf8Decoder("latin1"), RangeError);
});
