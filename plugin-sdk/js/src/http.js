// Outbound HTTP, to hosts that the manifest asks for and the operator grants. The host places secrets, so that a
// request never contains one.

import { ask } from "./host.js";
import { HttpResponse, addIfAbsent, formEncoded, toBytes } from "./web.js";

const BEARER = { in: "header", name: "authorization", prefix: "Bearer " };

function send(method, url, options = {}) {
  const { query, headers = {}, timeoutMs, bearer, secrets = [] } = options;
  const list = Array.isArray(headers) ? [...headers] : Object.entries(headers);
  const placements = bearer ? [{ ...BEARER, secret: bearer }, ...secrets] : secrets;
  const request = {
    method,
    url: withQuery(url, query),
    headers: list,
    body: bodyOf(options, list),
    timeoutMs: timeoutMs ?? null,
  };
  const placed = placements.map((one) => [placement(one), one.secret.handle()]);
  return new HttpResponse(ask("http", "send", request, placed));
}

const by = (method) => (url, options) => send(method, url, options);

export const http = {
  send,
  get: by("GET"),
  post: by("POST"),
  put: by("PUT"),
  patch: by("PATCH"),
  delete: by("DELETE"),
};

function withQuery(url, query) {
  if (query === undefined) return url;
  const [, before, fragment] = /^([^#]*)(.*)$/s.exec(url);
  return `${before}${before.includes("?") ? "&" : "?"}${formEncoded(query)}${fragment}`;
}

function bodyOf({ json, form, text, body }, headers) {
  if (json !== undefined) {
    addIfAbsent(headers, "content-type", "application/json");
    return toBytes(JSON.stringify(json));
  }
  if (form !== undefined) {
    addIfAbsent(headers, "content-type", "application/x-www-form-urlencoded");
    return toBytes(formEncoded(form));
  }
  if (text !== undefined) addIfAbsent(headers, "content-type", "text/plain; charset=utf-8");
  return toBytes(text ?? body);
}

/** The contract's place for `{in, …}`. */
function placement(one) {
  switch (one.in) {
    case "header":
      return { tag: "header", val: [one.name, one.prefix ?? ""] };
    case "basic-password":
      return { tag: "basic-password", val: one.user };
    case "basic-user":
      return { tag: "basic-user", val: one.password };
    case "query":
    case "form":
      return { tag: one.in, val: one.name };
    case "json":
      return { tag: "json", val: one.pointer };
    default:
      throw new TypeError(
        `a secret is placed \`in\` header, basic-password, basic-user, query, form or json, not ${one.in}`,
      );
  }
}
