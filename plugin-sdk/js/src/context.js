// What every handler is given: the instance that is called, and what the host does for it.

import { accounts } from "./accounts.js";
import { events } from "./events.js";
import { ask } from "./host.js";
import { http } from "./http.js";
import { log } from "./log.js";
import { process } from "./process.js";
import { secret, withSecrets } from "./secrets.js";
import { state } from "./state.js";

const call = {
  get community() {
    return ask("context", "community");
  },
  get communityName() {
    return ask("context", "communityName");
  },
  get instance() {
    return ask("context", "instance");
  },
  get communityPlatformId() {
    return ask("context", "communityPlatformId") ?? undefined;
  },
  get id() {
    return ask("context", "call");
  },
  get origin() {
    return ask("context", "origin");
  },
  get requestId() {
    return ask("context", "requestId");
  },
};

const shared = { accounts, call, events, http, log, secret, state };

/** The context of a call, with what is special to it. */
export function contextWith(special = {}) {
  return Object.defineProperties({ ...shared, ...special }, {
    config: { get: () => withSecrets(ask("context", "config")), enumerable: true },
    settings: { get: () => withSecrets(ask("settings", "get")), enumerable: true },
  });
}

/** The same for a call that is for a process. */
export function contextOfProcess(special = {}) {
  return contextWith({ process, ...special });
}
