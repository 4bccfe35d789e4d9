// The manifest of a plugin, as `manifest.schema.json` of the contract says. What the author did not write is left
// out, so that the host's defaults apply.

import { jsonSchema } from "./schema.js";

export function manifestOf(definition) {
  const { config, settings, actions, events, processes, schedules, workers, routes } = definition;
  return given({
    name: definition.name,
    version: definition.version,
    title: definition.title,
    homepage: definition.homepage,
    description: definition.description,
    auth_type: definition.authType,
    config_schema: jsonSchema(config, "in"),
    settings_schema: jsonSchema(settings, "in"),
    community_platform_id_key: definition.communityPlatformIdKey,
    on_config_change: definition.onConfigChange,
    lifecycle: lifecycleOf(definition),
    actions: list(actions, actionOf),
    events: list(events, eventOf),
    processes: list(processes, processOf),
    producer: definition.producer && scheduleOf(definition.producer),
    verify: definition.webhook?.verify,
    handshakes: definition.webhook?.handshakes,
    schedules: list(schedules, (name, schedule) => ({ name, ...scheduleOf(schedule) })),
    workers: list(workers, workerOf),
    routes: list(routes, routeOf),
    requests: definition.requests,
  });
}

const LIFECYCLE = { initialize: "initialize", configChanged: "config-changed", upgraded: "upgraded" };

function lifecycleOf(definition) {
  const there = Object.entries(LIFECYCLE).filter(([key]) => definition[key] !== undefined);
  return there.length === 0 ? undefined : there.map(([, name]) => name);
}

function actionOf(slug, action) {
  return {
    slug,
    description: action.description,
    parameters_schema: jsonSchema(action.parameters, "in"),
    response_schema: jsonSchema(action.response, "out"),
    public: action.public,
    read_only: action.readOnly,
  };
}

function eventOf(event_type, { description, schema }) {
  return { event_type, description, schema: jsonSchema(schema, "out") };
}

const FUNCTIONS = { update: "update", close: "close", receiveWebhook: "receive-webhook" };

function processOf(name, process) {
  const functions = Object.entries(FUNCTIONS).filter(([key]) => process[key] !== undefined);
  return {
    name,
    description: process.description,
    parameters_schema: jsonSchema(process.parameters, "in"),
    outcome_schema: jsonSchema(process.outcome, "out"),
    functions: functions.map(([, name]) => name),
    schedule: process.schedule && scheduleOf(process.schedule),
  };
}

function scheduleOf({ every, cron, timeZone, jitter }) {
  return given({ every, cron, time_zone: timeZone, jitter });
}

function workerOf(name, worker) {
  return {
    name,
    description: worker.description,
    events: worker.events,
    match: worker.match,
    ordering: worker.ordering,
    max_attempts: worker.maxAttempts,
    timeout_ms: worker.timeoutMs,
  };
}

function routeOf(path, { methods, auth }) {
  return { path, methods, auth };
}

function list(table, describe) {
  if (table === undefined) return undefined;
  return Object.entries(table).map(([name, value]) => given(describe(name, value)));
}

/** Without what is undefined. */
function given(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
