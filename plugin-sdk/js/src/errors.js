// The failure of a call: what a plugin throws on purpose, and what the host refuses with. Must never carry what
// only the log may know, because drivers see it.

import { log } from "./log.js";
import { placed } from "./places.js";

// The kinds of the contract; every other kind is the plugin's own.
const KINDS = new Set([
  "invalid",
  "unauthorized",
  "forbidden",
  "not-found",
  "conflict",
  "unavailable",
  "internal",
]);

/** What a caller reads when a plugin failed in a way that its author did not foresee. */
export const UNEXPECTED = "the plugin failed unexpectedly; the host's log has the stack";

export class PluginError extends Error {
  constructor(kind, message, { details, retryable = kind === "unavailable", cause } = {}) {
    super(message, { cause });
    this.name = "PluginError";
    this.kind = kind;
    this.details = details;
    this.retryable = retryable;
  }

  static invalid(message, options) {
    return new PluginError("invalid", message, options);
  }

  static unauthorized(message, options) {
    return new PluginError("unauthorized", message, options);
  }

  static forbidden(message, options) {
    return new PluginError("forbidden", message, options);
  }

  static notFound(message, options) {
    return new PluginError("not-found", message, options);
  }

  static conflict(message, options) {
    return new PluginError("conflict", message, options);
  }

  static unavailable(message, options) {
    return new PluginError("unavailable", message, options);
  }

  static internal(message, options) {
    return new PluginError("internal", message, options);
  }

  /** A worker's failure that another attempt would not change. */
  static permanent(message, options) {
    return new PluginError("permanent", message, options);
  }
}

/** The contract's record of whatever was thrown. The stack of what nobody foresaw goes to the log. */
export function toContract(thrown) {
  if (isPluginError(thrown)) {
    const { kind, message, details, retryable } = thrown;
    return {
      kind: KINDS.has(kind) ? { tag: kind } : { tag: "other", val: String(kind) },
      message: String(message),
      details: details === undefined ? null : JSON.stringify(details),
      retryable: Boolean(retryable),
    };
  }
  log.error(described(thrown));
  return { kind: { tag: "internal" }, message: UNEXPECTED, details: null, retryable: false };
}

/** The error for a record of the contract. */
export function fromContract({ kind, message, details, retryable }) {
  const name = kind.tag === "other" ? kind.val : kind.tag;
  return new PluginError(name, message, {
    details: details == null ? undefined : JSON.parse(details),
    retryable,
  });
}

// By its name, because a plugin may have been bundled with another copy of this file.
function isPluginError(thrown) {
  return thrown instanceof PluginError || thrown?.name === "PluginError";
}

// QuickJS leaves the message out of the stack, V8 does not.
function described(thrown) {
  if (!(thrown instanceof Error)) return `the plugin threw ${String(thrown)}, which is no Error`;
  const head = `${thrown.name}: ${thrown.message}`;
  const stack = placed(thrown.stack ?? "");
  const whole = stack.startsWith(head) ? stack : `${head}\n${stack}`;
  return thrown.cause === undefined ? whole : `${whole}\ncaused by ${described(thrown.cause)}`;
}
