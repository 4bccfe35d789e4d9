// UTF-8, which QuickJS does not offer: `TextEncoder` and `TextDecoder` as the Encoding Standard has them, for
// UTF-8 alone.

export class Utf8Encoder {
  get encoding() {
    return "utf-8";
  }

  encode(text = "") {
    const bytes = [];
    for (const letter of String(text)) {
      const point = letter.codePointAt(0);
      push(bytes, point >= 0xd800 && point <= 0xdfff ? REPLACEMENT : point);
    }
    return Uint8Array.from(bytes);
  }
}

const REPLACEMENT = 0xfffd;

function push(bytes, point) {
  if (point < 0x80) bytes.push(point);
  else if (point < 0x800) bytes.push(0xc0 | (point >> 6), rest(point));
  else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), rest(point >> 6), rest(point));
  else bytes.push(0xf0 | (point >> 18), rest(point >> 12), rest(point >> 6), rest(point));
}

function rest(bits) {
  return 0x80 | (bits & 0x3f);
}

export class Utf8Decoder {
  constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
    if (!/^utf-?8$/i.test(label)) throw new RangeError(`the encoding ${label} is not supported; use utf-8`);
    this.fatal = fatal;
    this.ignoreBOM = ignoreBOM;
  }

  get encoding() {
    return "utf-8";
  }

  decode(input = new Uint8Array()) {
    const bytes = bytesOf(input);
    const parts = [];
    let at = !this.ignoreBOM && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    while (at < bytes.length) {
      const [point, length] = pointAt(bytes, at);
      if (point === undefined && this.fatal) throw new TypeError(`byte ${at} is not UTF-8`);
      parts.push(String.fromCodePoint(point ?? REPLACEMENT));
      at += length;
    }
    return parts.join("");
  }
}

function bytesOf(input) {
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
}

/** The character that begins at `at`, none if it is not UTF-8, and how many bytes it takes. */
function pointAt(bytes, at) {
  const first = bytes[at];
  if (first < 0x80) return [first, 1];
  const more = first >= 0xc2 && first <= 0xdf ? 1 : first >> 4 === 0xe ? 2 : first >= 0xf0 && first <= 0xf4 ? 3 : 0;
  let point = first & (0x3f >> more);
  for (let step = 1; step <= more; step++) {
    const next = bytes[at + step];
    const [low, high] = step === 1 ? secondOf(first) : [0x80, 0xbf];
    if (next === undefined || next < low || next > high) return [undefined, step];
    point = (point << 6) | (next & 0x3f);
  }
  return more === 0 ? [undefined, 1] : [point, more + 1];
}

/** The bounds of the second byte, which exclude overlong forms, surrogates and what is beyond U+10FFFF. */
function secondOf(first) {
  if (first === 0xe0) return [0xa0, 0xbf];
  if (first === 0xed) return [0x80, 0x9f];
  if (first === 0xf0) return [0x90, 0xbf];
  if (first === 0xf4) return [0x80, 0x8f];
  return [0x80, 0xbf];
}
