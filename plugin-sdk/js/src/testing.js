// Tests a plugin without wasm: an in-memory host calls it as the real one does, through the same functions that a
// component exports. A failed call leaves nothing behind, a secret is a place and not a value, and the plugin
// reaches only hosts that its manifest asks for. It limits no time and no memory, delivers no events, and calls
// nothing on a schedule: test these with the real host.

import { exportsOf } from "./component.js";
import { PluginError, fromContract } from "./errors.js";
import { taken } from "./testing/config.js";
import { importsOf } from "./testing/imports.js";
import { accepted, checkOutput } from "./testing/schemas.js";
import { toBytes, toResponse, HttpResponse } from "./web.js";

const ANY_OBJECT = { type: "object" };

export class Host {
  #plugin;
  #world;
  #calls = 0;

  /** The plugin, enabled for the community `test`, with every grant that its manifest asks for. */
  constructor(plugin, { config = {}, settings = {}, community = "test", state = {} } = {}) {
    const { manifest } = plugin;
    const kept = { state: new Map(), events: [], processes: new Map() };
    for (const [key, value] of Object.entries(state)) kept.state.set(key, JSON.stringify(value));
    this.#plugin = plugin;
    this.#world = { manifest, community, kept, sent: [], lines: [], script: [], secrets: new Map(),
      mayReveal: new Set(manifest.requests?.reveal), takeAnswer: (request) => this.#takeAnswer(request) };
    this.#configure(config);
    const { seen, secrets } = taken(manifest.settings_schema, settings, "the settings");
    this.#world.settings = seen;
    for (const [pointer, value] of secrets) this.#world.secrets.set(`settings:${pointer.slice(1)}`, value);
  }

  /** Enables the instance: `initialize`. */
  enable() {
    this.#call("enable", (plugin) => plugin.lifecycle.initialize());
  }

  /** Sets another configuration, and calls `configChanged`, as the host does for an instance that it keeps. */
  changeConfig(config) {
    const previous = JSON.stringify(this.#world.config);
    this.#configure(config);
    if (!this.#world.manifest.lifecycle?.includes("config-changed")) return;
    this.#call("config", (plugin) => plugin.lifecycle.configChanged(previous));
  }

  /** Performs an action; returns its result. */
  action(slug, parameters = {}) {
    const action = find(this.#world.manifest.actions, "slug", slug, "action");
    const input = accepted(action.parameters_schema ?? ANY_OBJECT, parameters, "the parameters");
    return this.#call("action", ({ actions }) => {
      const json = actions.perform(slug, JSON.stringify(input));
      const result = json === null ? null : JSON.parse(json);
      checkOutput(action.response_schema, result, `the answer of the action '${slug}'`);
      return json === null ? undefined : result;
    }, { isReadOnly: action.read_only === true });
  }

  /** Sends a webhook to the instance, and then to its pending processes. Returns the answer to the platform. */
  webhook(request = {}) {
    const incoming = toIncoming(request);
    let answer = this.#has("webhooks") ? this.#call("webhook", ({ webhooks }) => webhooks.receive(incoming)) : null;
    for (const [id, record] of this.#world.kept.processes) {
      const hears = this.#process(record.name).functions.includes("receive-webhook");
      if (record.status !== "pending" || !hears) continue;
      const next = this.#call("webhook", ({ processes }) => processes.receiveWebhook(record.name, incoming), { process: id });
      answer ??= next;
    }
    return new HttpResponse(answer ?? toResponse({}));
  }

  /** Calls the producer as if it were due. */
  tick() {
    this.#call("producer", (plugin) => plugin.producer.tick());
  }

  /** Calls a schedule as if it were due. */
  schedule(name, scheduledAt = new Date()) {
    this.#call("tick", (plugin) => plugin.schedules.tick(name, scheduledAt.toISOString()));
  }

  /** Gives a worker an event: `{event_type, data, …}`. */
  handle(worker, event) {
    this.#call("worker", (plugin) => plugin.workers.handle(worker, JSON.stringify(event)));
  }

  /** Sends a request to a route, named by its path in the plugin. */
  route(path, request = {}, captures = {}) {
    const incoming = toIncoming(request);
    return new HttpResponse(
      this.#call("route", (plugin) => plugin.routes.handle(path, Object.entries(captures), incoming)),
    );
  }

  /** Starts a process; returns its id. After an error there is no process. */
  start(name, parameters = {}) {
    const { parameters_schema } = this.#process(name);
    const input = accepted(parameters_schema ?? ANY_OBJECT, parameters, "the parameters");
    const id = String(this.#world.kept.processes.size + 1);
    const record = { name, status: "created", outcome: {}, errors: {}, url: null, closingAt: null, state: new Map() };
    this.#world.kept.processes.set(id, record);
    try {
      this.#call("start", (plugin) => plugin.processes.start(name, JSON.stringify(input)), { process: id });
    } catch (failed) {
      this.#world.kept.processes.delete(id);
      throw failed;
    }
    const started = this.#world.kept.processes.get(id);
    if (started.status === "created") started.status = "pending";
    return id;
  }

  /** Calls `update` of a pending process as if it were due. */
  update(id) {
    const { name } = this.#pending(id);
    this.#call("update", (plugin) => plugin.processes.update(name), { process: id });
  }

  /** Closes a pending process; its `close` has to complete it. */
  close(id) {
    const { name } = this.#pending(id);
    this.#call("close", (plugin) => plugin.processes.close(name), { process: id });
    if (this.process(id).status !== "completed") {
      throw PluginError.internal("`close` returned and the process is not completed");
    }
  }

  /** A process as drivers see it. */
  process(id) {
    const record = this.#world.kept.processes.get(id);
    if (record === undefined) return undefined;
    const { state, ...shown } = structuredClone(record);
    return shown;
  }

  /** Answers the next request with this method and URL, once. */
  answer(method, url, response) {
    this.#world.script.push({ method, url, response });
    return this;
  }

  /** A value of the instance's state. */
  state(key) {
    const json = this.#world.kept.state.get(key);
    return json === undefined ? undefined : JSON.parse(json);
  }

  /** The events of all successful calls, in order. */
  get events() {
    return this.#world.kept.events;
  }

  /** The requests that were sent, also by failed calls, with their secrets in place. */
  get sent() {
    return this.#world.sent;
  }

  /** The lines that were logged, also by failed calls: `{level, message}`. */
  get log() {
    return this.#world.lines;
  }

  #configure(config) {
    const world = this.#world;
    const { seen, secrets } = taken(world.manifest.config_schema, config, "the configuration");
    world.config = seen;
    for (const key of world.secrets.keys()) if (key.startsWith("/")) world.secrets.delete(key);
    for (const [pointer, value] of secrets) world.secrets.set(pointer, value);
  }

  /** Runs one call, and keeps what it wrote only if it succeeds. */
  #call(origin, run, { process, isReadOnly = false } = {}) {
    const world = this.#world;
    const before = structuredClone(world.kept);
    const id = String((this.#calls += 1));
    world.call = { id, origin, process, isReadOnly, writes: 0, events: 0, requests: 0 };
    try {
      const answer = run(this.#exports());
      this.#checkSince(before);
      return answer;
    } catch (thrown) {
      world.kept = before;
      throw thrown?.kind?.tag === undefined ? thrown : fromContract(thrown);
    }
  }

  /** What the plugin's component would export on this host. */
  #exports() {
    const all = Object.entries(exportsOf(this.#plugin, importsOf(this.#world)));
    return Object.fromEntries(all.filter(([name]) => this.#has(name)));
  }

  #has(name) {
    return this.#plugin.interfaces.includes(name);
  }

  #checkSince(before) {
    const { kept, manifest } = this.#world;
    for (const { type, data } of kept.events.slice(before.events.length)) {
      const declared = manifest.events?.find((event) => event.event_type === type);
      checkOutput(declared?.schema, data, `the event '${type}'`);
    }
    for (const [id, { name, status, outcome }] of kept.processes) {
      if (status !== "completed" || before.processes.get(id)?.status === "completed") continue;
      checkOutput(this.#process(name).outcome_schema, outcome, `the outcome of the process '${name}'`);
    }
  }

  #process(name) {
    return find(this.#world.manifest.processes, "name", name, "process");
  }

  #pending(id) {
    const record = this.process(id);
    if (record === undefined) throw PluginError.notFound(`there is no process '${id}'`);
    if (record.status !== "completed") return record;
    throw PluginError.conflict("the process is completed, and never called again");
  }

  #takeAnswer({ method, url }) {
    const { script } = this.#world;
    const at = script.findIndex((one) => one.method === method && one.url === url);
    if (at >= 0) return toResponse(script.splice(at, 1)[0].response);
    throw PluginError.unavailable(`the test has no answer to ${method} ${url}; add one with \`host.answer\``);
  }
}

function find(list = [], key, name, what) {
  const found = list.find((one) => one[key] === name);
  if (found === undefined) throw PluginError.notFound(`the plugin has no ${what} '${name}'`);
  return found;
}

/** `{method, path, query, headers, json | form | text | body}` as the plugin receives it. */
function toIncoming({ method = "POST", path = "/", query = "", headers, json, text, body }) {
  const message = toResponse({ headers, json, text, body });
  return { method, path, query, headers: message.headers, body: message.body };
}
