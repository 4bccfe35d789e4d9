// `definePlugin`: checks what an author wrote, while it is built and tested, so that a misspelt key is a message
// and not a function that is never called.

import { interfacesOf } from "./interfaces.js";
import { manifestOf } from "./manifest.js";
import { nearest } from "./nearest.js";

const MARK = Symbol.for("moothall.plugin");
const PLUGIN = keys(
  "name version title homepage description authType config settings communityPlatformIdKey onConfigChange initialize",
  "configChanged upgraded actions events processes webhook producer schedules workers routes requests",
);
const ACTION = keys("description parameters response public readOnly run");
const PROCESS = keys(
  "description parameters outcome schedule start update close receiveWebhook",
);
const EVENT = keys("description schema");
const WEBHOOK = keys("verify handshakes receive");
const PRODUCER = keys("every cron timeZone jitter tick");
const SCHEDULE = keys("every cron timeZone jitter tick");
const WORKER = keys("description events match ordering maxAttempts timeoutMs enabled handle");
const ROUTE = keys("methods auth handle");
const REQUESTS = keys("http reveal tcp accounts");

/** A plugin, from what it consists of. Throws at the first mistake, and says where it is. */
export function definePlugin(definition) {
  known(definition, PLUGIN, "the plugin");
  each(definition.actions, ACTION, "the action", "run");
  each(definition.processes, PROCESS, "the process", "start");
  each(definition.events, EVENT, "the event");
  each(definition.schedules, SCHEDULE, "the schedule", "tick");
  each(definition.workers, WORKER, "the worker", "handle");
  each(definition.routes, ROUTE, "the route", "handle");
  one(definition.webhook, WEBHOOK, "`webhook`", "receive");
  one(definition.producer, PRODUCER, "`producer`", "tick");
  one(definition.requests, REQUESTS, "`requests`");
  const plugin = { definition, manifest: manifestOf(definition), interfaces: interfacesOf(definition) };
  Object.defineProperty(plugin, MARK, { value: true });
  return plugin;
}

export function isPlugin(value) {
  return value?.[MARK] === true;
}

function keys(...lines) {
  return lines.join(" ").split(" ");
}

function each(table, known, what, needs) {
  for (const [name, value] of Object.entries(table ?? {})) one(value, known, `${what} '${name}'`, needs);
}

function one(value, allowed, what, needs) {
  if (value === undefined) return;
  known(value, allowed, what);
  if (needs !== undefined && typeof value[needs] !== "function") {
    throw new TypeError(`${what} needs a function \`${needs}\``);
  }
}

function known(value, allowed, what) {
  if (typeof value !== "object" || value === null) throw new TypeError(`${what} is no object`);
  for (const [key, part] of Object.entries(value)) {
    if (!allowed.includes(key)) {
      throw new TypeError(`${what} has no key \`${key}\`; did you mean \`${nearest(key, allowed)}\`?`);
    }
    if (part?.constructor?.name === "AsyncFunction") {
      throw new TypeError(
        `\`${key}\` of ${what} is async, and the host does not wait for it: everything that the host does is done when its function returns, so leave out \`async\` and \`await\``,
      );
    }
  }
}

/** An action in a file of its own. The function only gives it its type; `definePlugin` checks it. */
export const defineAction = (action) => action;

/** The same for a governance process. */
export const defineProcess = (process) => process;
