// The imports of the in-memory host: each answers and refuses as the real host's does. A refusal is thrown as the
// real one is, as an Error whose `payload` is the contract's record.

import { PluginError, toContract } from "../errors.js";
import { placed } from "./placing.js";
import { checkReach } from "./reach.js";

// The host's default limits.
const STATE_KEY_BYTES = 512;
const STATE_VALUE_BYTES = 256 << 10;
const STATE_WRITES = 1000;
const EVENTS = 100;
const EVENT_BYTES = 256 << 10;
const PROCESS_BYTES = 256 << 10;
const HTTP_REQUESTS = 32;
const KEYS = 1000;

const bytes = (text) => Buffer.byteLength(text);

/** Every interface, on what the host keeps. */
export function importsOf(world) {
  const interfaces = { accounts: accounts(world), context: context(world), events: events(world), http: http(world),
    log: { log: (level, message) => void world.lines.push({ level, message }) },
    process: process(world), secrets: secrets(world),
    settings: { get: () => JSON.stringify(world.settings) }, state: state(world) };
  return Object.fromEntries(Object.entries(interfaces).map(([name, functions]) => [name, refusing(functions)]));
}

function refusing(functions) {
  const wrapped = (run) => (...values) => {
    try {
      return run(...values);
    } catch (refusal) {
      if (!(refusal instanceof PluginError)) throw refusal;
      throw Object.assign(new Error(refusal.message), { payload: toContract(refusal) });
    }
  };
  return Object.fromEntries(Object.entries(functions).map(([name, run]) => [name, wrapped(run)]));
}

function context({ community, call, config }) {
  return {
    community: () => community,
    communityName: () => "",
    instance: () => 1,
    communityPlatformId: () => null,
    call: () => call.id,
    origin: () => call.origin,
    requestId: () => "",
    config: () => JSON.stringify(config),
  };
}

function state(world) {
  const kept = () => world.kept.state;
  return {
    get: (key) => (checkKey(key), kept().get(key) ?? null),
    set: (key, value) => (write(world, key, value), void kept().set(key, value)),
    remove: (key) => (write(world, key, ""), kept().delete(key)),
    keys(prefix, after, limit) {
      const found = [...kept().keys()].filter((key) => key.startsWith(prefix) && (after === null || key > after));
      return found.sort().slice(0, Math.min(Math.max(limit, 1), KEYS));
    },
  };
}

function checkKey(key) {
  const has = bytes(key);
  if (has < 1 || has > STATE_KEY_BYTES) {
    throw PluginError.invalid(`a state key has 1 to ${STATE_KEY_BYTES} bytes, this one has ${has}`);
  }
}

function write(world, key, value) {
  writing(world);
  checkKey(key);
  world.call.writes += 1;
  if (world.call.writes > STATE_WRITES) {
    throw PluginError.conflict(`a call may write state ${STATE_WRITES} times`);
  }
  if (bytes(value) > STATE_VALUE_BYTES) {
    throw PluginError.invalid(
      `the state value of \`${key}\` has ${bytes(value)} bytes, at most ${STATE_VALUE_BYTES} are allowed`,
    );
  }
}

function writing({ call }) {
  if (call.isReadOnly) throw PluginError.forbidden("this call is read-only");
}

function events(world) {
  return {
    emit(eventType, data, initiator, dedupeKey) {
      writing(world);
      checkEvent(eventType, data, dedupeKey);
      const { events } = world.kept;
      const earlier = dedupeKey === null ? undefined : events.find((event) => event.dedupeKey === dedupeKey);
      if (earlier !== undefined) return earlier.id;
      world.call.events += 1;
      if (world.call.events > EVENTS) throw PluginError.conflict(`a call may emit ${EVENTS} events`);
      const id = `evt_${String(events.length + 1).padStart(26, "0")}`;
      events.push({ id, type: eventType, data: JSON.parse(data), initiator: JSON.parse(initiator), dedupeKey });
      return id;
    },
  };
}

function checkEvent(eventType, data, dedupeKey) {
  if (!/^[A-Za-z0-9_.: -]{1,100}$/.test(eventType)) {
    throw PluginError.invalid(`'${eventType}' is no type of an event`);
  }
  if (bytes(data) > EVENT_BYTES) throw PluginError.invalid(`an event's data has at most ${EVENT_BYTES} bytes`);
  if (dedupeKey !== null && (bytes(dedupeKey) < 1 || bytes(dedupeKey) > 200)) {
    throw PluginError.invalid("a dedupe key has 1 to 200 bytes");
  }
}

function http(world) {
  return {
    send(request, placements) {
      const { config, settings, manifest, call } = world;
      checkReach(request.url, manifest.requests?.http ?? [], config, settings);
      call.requests += 1;
      if (call.requests > HTTP_REQUESTS) {
        throw PluginError.conflict(`a call may send ${HTTP_REQUESTS} requests`);
      }
      const sent = placed(request, placements);
      const answer = world.takeAnswer(request);
      world.sent.push(sent);
      return answer;
    },
  };
}

function secrets(world) {
  const find = (place, key) => {
    const value = world.secrets.get(key);
    if (value === undefined) throw PluginError.notFound(`no secret is set at '${place}'`);
    return { key, value };
  };
  return {
    get: (pointer) => find(pointer, pointer),
    setting: (name) => find(name, `settings:${name}`),
    reveal({ key, value }) {
      if (world.mayReveal.has(key)) return value;
      throw PluginError.forbidden(
        `the plugin may not see the secret '${key}'; its manifest asks for it with \`requests: { reveal: […] }\``,
      );
    },
  };
}

function process(world) {
  const record = () => {
    const found = world.kept.processes.get(world.call.process);
    if (found === undefined) throw PluginError.forbidden("this call is not about a process");
    return found;
  };
  const field = (name, what) => ({
    get: () => JSON.stringify(record()[name]),
    set: (json) => {
      if (bytes(json) > PROCESS_BYTES) {
        throw PluginError.invalid(`${bytes(json)} bytes of ${what}, at most ${PROCESS_BYTES} are allowed`);
      }
      record()[name] = JSON.parse(json);
    },
  });
  const [outcome, errors] = [field("outcome", "outcome"), field("errors", "errors")];
  return {
    id: () => (record(), world.call.process),
    status: () => record().status,
    setStatus: (status) => setStatus(record(), status),
    outcome: outcome.get,
    setOutcome: outcome.set,
    errors: errors.get,
    setErrors: errors.set,
    url: () => record().url,
    setUrl: (url) => void (record().url = url),
    closingAt: () => record().closingAt,
    setClosingAt: (moment) => setClosingAt(record(), moment),
    get: (key) => (checkKey(key), record().state.get(key) ?? null),
    set: (key, value) => (write(world, key, value), void record().state.set(key, value)),
    remove: (key) => (write(world, key, ""), record().state.delete(key)),
  };
}

function setStatus(record, status) {
  if (status === "created") {
    throw PluginError.invalid("only the host makes a process `created`; set `pending` or `completed`");
  }
  if (record.status === "completed") {
    throw PluginError.conflict("the process is completed, and a completed process is never changed");
  }
  record.status = status;
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function setClosingAt(record, moment) {
  if (moment !== null && (!RFC_3339.test(moment) || Number.isNaN(Date.parse(moment)))) {
    throw PluginError.invalid(`\`${moment}\` is not a moment (RFC 3339), like 2026-01-31T12:00:00Z`);
  }
  record.closingAt = moment;
}

function accounts() {
  const absent = () => {
    throw PluginError.unavailable("the in-memory host has no accounts; test them with the real host");
  };
  return { link: absent, unlink: absent, find: absent, user: absent };
}
