// The host that this call runs in: the real one's imports in a component, those of the in-memory host in tests.
// Every module asks through here, so that a plugin needs no other code in tests. Must never keep anything
// between two calls.

import { PluginError, fromContract } from "./errors.js";

let imports = null;

/** Runs one call with these imports. */
export function within(theImports, run) {
  const before = imports;
  imports = theImports;
  try {
    return run();
  } finally {
    imports = before;
  }
}

/** Whether a call runs: code at the top of a module runs when the plugin is built. */
export function isInCall() {
  return imports !== null;
}

/** Calls a function of an interface; a refusal becomes a PluginError. */
export function ask(name, method, ...values) {
  if (imports === null) {
    throw new PluginError(
      "forbidden",
      `\`${name}\` can be used during a call only, and not at the top of a module, which runs when the plugin is built`,
    );
  }
  try {
    return imports[name][method](...values);
  } catch (refusal) {
    throw refusal?.payload?.kind === undefined ? refusal : fromContract(refusal.payload);
  }
}

/** A value as a JSON text; what is no JSON is refused here, with the place in the author's code. */
export function toJson(value, what) {
  const json = JSON.stringify(value);
  if (json === undefined) throw new TypeError(`${what} is ${String(value)}, which is no JSON`);
  return json;
}

/** The value of an optional JSON text. */
export function fromJson(json) {
  return json == null ? undefined : JSON.parse(json);
}
