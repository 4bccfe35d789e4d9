// Events: facts that drivers receive once the call is committed.

import { ask, toJson } from "./host.js";

export const events = {
  emit(type, data = {}, { initiator, dedupeKey } = {}) {
    const who = initiator === undefined ? null : toJson(initiator, "the initiator");
    return ask("events", "emit", type, toJson(data, "the event's data"), who, dedupeKey ?? null);
  },
};
