// HTTP messages in both directions. Bodies are bytes; text and JSON are read when they are asked for.

import { PluginError } from "./errors.js";

const encoder = new TextEncoder();

export function toBytes(body) {
  if (body == null) return new Uint8Array();
  return typeof body === "string" ? encoder.encode(body) : new Uint8Array(body);
}

/** `name=value&…` of an object, or of pairs. */
export function formEncoded(fields) {
  const pairs = Array.isArray(fields) ? fields : Object.entries(fields);
  const given = pairs.filter(([, value]) => value !== undefined);
  return given.map((pair) => pair.map(formWord).join("=")).join("&");
}

function formWord(value) {
  return encodeURIComponent(String(value)).replace(/%20/g, "+");
}

/** The pairs of `name=value&…`. */
export function formDecoded(text) {
  const parts = text.split("&").filter((part) => part !== "");
  return parts.map((part) => {
    const at = part.indexOf("=");
    return at < 0 ? [word(part), ""] : [word(part.slice(0, at)), word(part.slice(at + 1))];
  });
}

function word(text) {
  const spaced = text.replace(/\+/g, " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

class Message {
  constructor(headers, body) {
    this.headers = headers;
    this.body = body;
  }

  /** The first value of a header, whatever the case of its name. */
  header(name) {
    const wanted = name.toLowerCase();
    return this.headers.find(([found]) => found.toLowerCase() === wanted)?.[1];
  }
}

/** A request of a platform to this plugin. */
export class WebhookRequest extends Message {
  constructor({ method, path, query, headers, body }) {
    super(headers, body);
    this.method = method;
    this.path = path;
    this.query = query;
  }

  /** The first query parameter of this name, decoded. */
  queryParam(name) {
    return formDecoded(this.query).find(([found]) => found === name)?.[1];
  }

  text() {
    return readable("the body of the webhook is not UTF-8", () => strict(this.body));
  }

  json() {
    return readable("the body of the webhook is not JSON", () => JSON.parse(strict(this.body)));
  }

  /** The fields of a form. */
  form() {
    return Object.fromEntries(formDecoded(this.text()));
  }
}

/** A platform's answer, whatever its status. */
export class HttpResponse extends Message {
  constructor({ status, headers, body }) {
    super(headers, body);
    this.status = status;
  }

  get ok() {
    return this.status >= 200 && this.status < 300;
  }

  text() {
    return new TextDecoder().decode(this.body);
  }

  json() {
    return JSON.parse(this.text());
  }

  /**
   * Itself if its status is 200 to 299; otherwise throws, `unavailable` for 429 and 5xx. The details have the status as
   * `platform_status` and the beginning of the body as `platform_body`.
   */
  orThrow() {
    if (this.ok) return this;
    const kind = this.status === 429 || this.status >= 500 ? "unavailable" : "internal";
    const text = this.text();
    const message = `the platform answered ${this.status}: ${text.slice(0, 200)}`;
    const details = { platform_status: this.status };
    // Whole characters: half of one would be no JSON that the host carries.
    if (text) details.platform_body = Array.from(text.slice(0, 2000)).slice(0, 1000).join("");
    throw new PluginError(kind, message, { details });
  }
}

function strict(body) {
  return new TextDecoder("utf-8", { fatal: true }).decode(body);
}

function readable(what, read) {
  try {
    return read();
  } catch (cause) {
    throw PluginError.invalid(`${what}: ${cause.message}`, { cause });
  }
}

/** The contract's record of what a handler returned: nothing, or `{status, headers, json | text | body}`. */
export function toResponse(answer) {
  if (answer == null) return null;
  const { status = 200, headers = {}, json, text, body } = answer;
  const list = Array.isArray(headers) ? [...headers] : Object.entries(headers);
  const content = json === undefined ? (text ?? body) : JSON.stringify(json);
  if (json !== undefined) addIfAbsent(list, "content-type", "application/json");
  else if (text !== undefined) addIfAbsent(list, "content-type", "text/plain; charset=utf-8");
  return { status, headers: list, body: toBytes(content) };
}

export function addIfAbsent(headers, name, value) {
  if (!headers.some(([found]) => found.toLowerCase() === name)) headers.push([name, value]);
}
