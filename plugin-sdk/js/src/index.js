// What authors import.

export { defineAction, definePlugin, defineProcess } from "./plugin.js";
export { PluginError } from "./errors.js";
export { Secret, secret } from "./secrets.js";
export { accounts } from "./accounts.js";
export { events } from "./events.js";
export { http } from "./http.js";
export { log } from "./log.js";
export { state } from "./state.js";
