// Key-value state: the instance's own, and with the same functions that of a process.

import { ask, fromJson, toJson } from "./host.js";

/** The state behind the interface `name`. */
function stateOf(name) {
  return {
    get: (key) => fromJson(ask(name, "get", key)),
    set: (key, value) => ask(name, "set", key, toJson(value, `the value of '${key}'`)),
    remove: (key) => ask(name, "remove", key),
  };
}

// The most keys that the host returns at once.
const PAGE = 1000;

export const state = {
  ...stateOf("state"),
  keys: (prefix = "", { after, limit = PAGE } = {}) =>
    ask("state", "keys", prefix, after ?? null, limit),
};

export const processState = stateOf("process");
