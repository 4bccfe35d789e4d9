// What programs for browsers and Node.js expect and QuickJS does not have. The first import of a component.
// Random numbers come from the host, because every call begins with the same memory.

import { isInCall } from "./host.js";
import { log } from "./log.js";
import { Utf8Decoder, Utf8Encoder } from "./utf8.js";

globalThis.console = { ...log, log: log.info };
globalThis.TextEncoder ??= Utf8Encoder;
globalThis.TextDecoder ??= Utf8Decoder;

// Before the first call, at the top of a module, there is no host to ask.
const builtIn = Math.random;
const POOL = 64;

/** Makes random numbers of the host's random bytes. */
export function seedFrom(randomBytes) {
  Math.random = () => (isInCall() ? fraction(randomBytes) : builtIn());
  globalThis.crypto ??= {
    getRandomValues(array) {
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(randomBytes(array.byteLength));
      return array;
    },
    randomUUID: () => uuid(randomBytes(16)),
  };
}

let pool = new Uint32Array();
let used = 0;

/** 53 random bits, as `Math.random` has. */
function fraction(randomBytes) {
  return (word(randomBytes) * 2 ** 21 + (word(randomBytes) >>> 11)) / 2 ** 53;
}

function word(randomBytes) {
  if (used === pool.length) {
    pool = new Uint32Array(Uint8Array.from(randomBytes(4 * POOL)).buffer);
    used = 0;
  }
  return pool[used++];
}

function uuid(bytes) {
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
