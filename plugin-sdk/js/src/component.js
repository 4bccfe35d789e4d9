// What a component exports: each function of the contract finds the author's, hands it values in place of JSON
// texts, and turns what it throws into the contract's error. The in-memory host calls the same functions.

import { contextOfProcess, contextWith } from "./context.js";
import { PluginError, toContract } from "./errors.js";
import { toJson, within } from "./host.js";
import { parsed, prepare } from "./schema.js";
import { WebhookRequest, toResponse } from "./web.js";

/** Every interface of the contract for this plugin, by its name in JavaScript, on this host. */
export function exportsOf({ definition, manifest }, imports) {
  const described = JSON.stringify(manifest);
  const functions = { plugin: { describe: () => described } };
  for (const [name, make] of Object.entries(INTERFACES)) {
    functions[name] = calls(make(definition), imports);
  }
  return functions;
}

/** Does once, at the build, what each call would have to do at its beginning. */
export function prepareCalls({ definition }) {
  for (const { parameters } of Object.values({ ...definition.actions, ...definition.processes })) prepare(parameters);
}

/** Each function as a call: within the host, and with the contract's errors. */
function calls(functions, imports) {
  const call = (run) => (...values) =>
    within(imports, () => {
      try {
        return finished(run(...values));
      } catch (thrown) {
        throw toContract(thrown);
      }
    });
  return Object.fromEntries(Object.entries(functions).map(([name, run]) => [name, call(run)]));
}

function finished(result) {
  if (typeof result?.then !== "function") return result;
  throw new TypeError("the plugin returned a promise, and the host does not wait for it: leave out `async`");
}

const INTERFACES = {
  lifecycle: (plugin) => ({
    initialize: () => void plugin.initialize?.(contextWith()),
    configChanged: (previous) => void plugin.configChanged?.(contextWith({ previous: JSON.parse(previous) })),
    upgraded: (fromVersion) => void plugin.upgraded?.(contextWith({ fromVersion })),
    close: () => undefined,
  }),
  actions: (plugin) => ({ perform: (slug, json) => perform(find(plugin.actions, slug, "action"), json) }),
  webhooks: (plugin) => ({
    receive: (request) => toResponse(plugin.webhook.receive(contextWith(requested(request)))),
  }),
  producer: (plugin) => ({ tick: () => void plugin.producer.tick(contextWith()) }),
  processes: (plugin) => processes((name) => find(plugin.processes, name, "process")),
  schedules: (plugin) => ({
    tick: (name, scheduledAt) =>
      void find(plugin.schedules, name, "schedule").tick(contextWith({ scheduledAt: new Date(scheduledAt) })),
  }),
  workers: (plugin) => ({
    enabled: (name) => find(plugin.workers, name, "worker").enabled?.(contextWith()) ?? true,
    handle: (name, event) =>
      void find(plugin.workers, name, "worker").handle(contextWith({ event: JSON.parse(event) })),
  }),
  routes: (plugin) => ({
    handle: (path, captures, request) => {
      const special = { captures: Object.fromEntries(captures), ...requested(request) };
      return toResponse(find(plugin.routes, path, "route").handle(contextWith(special)) ?? {});
    },
  }),
};

function perform({ parameters: schema, run }, json) {
  const parameters = parsed(schema, JSON.parse(json), "the parameters");
  const result = finished(run(contextWith({ parameters })));
  return result === undefined ? null : toJson(result, "the result");
}

function processes(named) {
  return {
    start(name, json) {
      const process = named(name);
      const parameters = parsed(process.parameters, JSON.parse(json), "the parameters");
      process.start(contextOfProcess({ parameters }));
    },
    update: (name) => void written(named(name), "update")(contextOfProcess()),
    close: (name) => void written(named(name), "close")(contextOfProcess()),
    receiveWebhook: (name, request) =>
      toResponse(written(named(name), "receiveWebhook")(contextOfProcess(requested(request)))),
  };
}

function written(process, name) {
  if (process[name] !== undefined) return process[name].bind(process);
  throw PluginError.internal(`the process has no function \`${name}\``);
}

function find(table, name, what) {
  if (Object.hasOwn(table ?? {}, name)) return table[name];
  throw PluginError.notFound(`the plugin has no ${what} '${name}'`);
}

function requested(request) {
  return { request: new WebhookRequest(request) };
}
