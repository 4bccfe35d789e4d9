// The governance process that a call is for. What a call sets is committed with the call.

import { ask, fromJson, toJson } from "./host.js";
import { processState } from "./state.js";

const set = (what, value) => ask("process", what, value);

export const process = {
  get id() {
    return ask("process", "id");
  },
  get status() {
    return ask("process", "status");
  },
  get outcome() {
    return fromJson(ask("process", "outcome"));
  },
  set outcome(outcome) {
    set("setOutcome", toJson(outcome, "the outcome"));
  },
  get errors() {
    return fromJson(ask("process", "errors"));
  },
  set errors(errors) {
    set("setErrors", toJson(errors, "the errors"));
  },
  get url() {
    return ask("process", "url") ?? undefined;
  },
  set url(url) {
    set("setUrl", url ?? null);
  },
  get closingAt() {
    const moment = ask("process", "closingAt");
    return moment == null ? undefined : new Date(moment);
  },
  /** A Date, or a text of RFC 3339. */
  set closingAt(moment) {
    set("setClosingAt", moment instanceof Date ? moment.toISOString() : (moment ?? null));
  },
  /** Sets the outcome, then completes the process: a completed one is never reopened. */
  complete(outcome) {
    this.outcome = outcome;
    set("setStatus", "completed");
  },
  state: processState,
};
