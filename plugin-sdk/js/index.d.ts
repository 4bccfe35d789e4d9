// The types of `moothall`.

/** A JSON Schema, or a schema of a library that makes one by Standard JSON Schema: zod 4.2 or later. */
export type Schema = JsonSchema | StandardSchema;
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };
export interface StandardSchema<Input = any, Output = any> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a value of the schema is, once the host has checked it and filled its defaults in. */
export type Out<S> = S extends StandardSchema<any, infer Output> ? Output : any;
/** Any JSON. */
export type Json = any;

/** The kinds of the contract; every other text is a kind of the plugin's own. */
export type ErrorKind =
  | "invalid" | "unauthorized" | "forbidden" | "not-found" | "conflict" | "unavailable" | "internal"
  | (string & {});
export interface ErrorOptions {
  /** More for a program. */
  details?: Json;
  /** Whether the same call can succeed later; by default for `unavailable`. */
  retryable?: boolean;
  /** What led to it; only the log shows it. */
  cause?: unknown;
}

/** A failure on purpose, and what the host refuses with. The call that throws it leaves nothing behind. */
export class PluginError extends Error {
  constructor(kind: ErrorKind, message: string, options?: ErrorOptions);
  readonly kind: ErrorKind;
  readonly details: Json;
  readonly retryable: boolean;
  /** 400 */
  static invalid(message: string, options?: ErrorOptions): PluginError;
  /** 401 */
  static unauthorized(message: string, options?: ErrorOptions): PluginError;
  /** 403 */
  static forbidden(message: string, options?: ErrorOptions): PluginError;
  /** 404 */
  static notFound(message: string, options?: ErrorOptions): PluginError;
  /** 409 */
  static conflict(message: string, options?: ErrorOptions): PluginError;
  /** 503 */
  static unavailable(message: string, options?: ErrorOptions): PluginError;
  /** 500 */
  static internal(message: string, options?: ErrorOptions): PluginError;
  /** A worker's failure that another attempt would not change. */
  static permanent(message: string, options?: ErrorOptions): PluginError;
}

/** A secret as a place: the host keeps the value. */
export class Secret {
  /** A JSON Pointer into the configuration, or the name of a setting. */
  readonly place: string;
  /** The value itself; needs the grant `reveal`. */
  reveal(): string;
}
/** The secret at a JSON Pointer (`/api_key`) of the configuration, or of a setting's name. */
export function secret(place: string): Secret;

export interface ProcessState {
  get<T = Json>(key: string): T | undefined;
  set(key: string, value: unknown): void;
  /** Whether it was there. */
  remove(key: string): boolean;
}
/** The instance's own key-value state. */
export interface State extends ProcessState {
  /** The keys with this prefix, in order; at most 1,000 at once. */
  keys(prefix?: string, options?: { after?: string; limit?: number }): string[];
}
export const state: State;

export interface Events {
  /** Emits an event; returns its id. The same `dedupeKey` within 24 hours emits no second one. */
  emit(type: string, data?: unknown, options?: { initiator?: Json; dedupeKey?: string }): string;
}
export const events: Events;

export interface Log {
  trace(...values: unknown[]): void;
  debug(...values: unknown[]): void;
  info(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
}
export const log: Log;

type Fields = { [name: string]: string | number | boolean | undefined };
type Headers = { [name: string]: string } | [string, string][];

/** Where the host puts a secret. */
export type Placement =
  | { in: "header"; name: string; prefix?: string; secret: Secret }
  | { in: "basic-password"; user: string; secret: Secret }
  | { in: "basic-user"; password: string; secret: Secret }
  | { in: "query"; name: string; secret: Secret }
  | { in: "form"; name: string; secret: Secret }
  | { in: "json"; pointer: string; secret: Secret };

export interface RequestOptions {
  query?: Fields;
  headers?: Headers;
  /** One of the four. */
  json?: unknown;
  form?: Fields;
  text?: string;
  body?: Uint8Array;
  timeoutMs?: number;
  /** Sent as `Authorization: Bearer`. */
  bearer?: Secret;
  secrets?: Placement[];
}
type Send = (url: string, options?: RequestOptions) => HttpResponse;
/** Outbound HTTP, to granted hosts. It waits for the whole answer; redirects are not followed. */
export interface Http {
  send(method: string, url: string, options?: RequestOptions): HttpResponse;
  get: Send;
  post: Send;
  put: Send;
  patch: Send;
  delete: Send;
}
export const http: Http;

interface Message {
  headers: [string, string][];
  body: Uint8Array;
  header(name: string): string | undefined;
  text(): string;
  json<T = Json>(): T;
}
export interface HttpResponse extends Message {
  status: number;
  /** Whether the status is 200 to 299. */
  ok: boolean;
  /** Itself if it is `ok`; otherwise throws `unavailable` for 429 and 5xx, `internal` for others, with `platform_status` and `platform_body` in the details. */
  orThrow(): HttpResponse;
}
export interface WebhookRequest extends Message {
  method: string;
  path: string;
  query: string;
  queryParam(name: string): string | undefined;
  form(): { [name: string]: string };
}
/** An answer of the plugin's own; status 200 if it says none. */
export interface Response {
  status?: number;
  headers?: Headers;
  json?: unknown;
  text?: string;
  body?: Uint8Array;
}

export interface Accounts {
  link(account: Json): Json;
  unlink(platformType: string, identifier: string, communityPlatformId?: string): boolean;
  find(platformType: string, identifier: string, communityPlatformId?: string): Json | undefined;
  user(externalId: string): Json;
}
export const accounts: Accounts;

/** Which instance is called, and why. */
export interface Call {
  readonly community: string;
  readonly communityName: string;
  readonly instance: number;
  readonly communityPlatformId: string | undefined;
  readonly id: string;
  readonly origin: string;
  readonly requestId: string;
}

/** What every function of a plugin is given. */
export interface Context<Config = any, Settings = any> {
  readonly config: Config;
  readonly settings: Settings;
  readonly accounts: Accounts;
  readonly call: Call;
  readonly events: Events;
  readonly http: Http;
  readonly log: Log;
  readonly secret: typeof secret;
  readonly state: State;
}

/** The process that a call is for. What is set here is committed with the call. */
export interface Process {
  readonly id: string;
  readonly status: "created" | "pending" | "completed";
  outcome: Json;
  errors: Json;
  url: string | undefined;
  get closingAt(): Date | undefined;
  set closingAt(moment: Date | string | undefined);
  /** Sets the outcome and completes it, for good. */
  complete(outcome: Json): void;
  readonly state: ProcessState;
}

export interface Schedule {
  /** `30s`, `5m`, `2h`, `1d` */
  every?: string;
  cron?: string;
  timeZone?: string;
  jitter?: string;
}

export interface Action<P, C extends Context> {
  description?: string;
  /** Its type is that of `parameters` in `run`. */
  parameters?: P;
  /** The host checks the result by it. */
  response?: Schema;
  /** Also without an API key, at `/api/action/…`. */
  public?: boolean;
  /** It writes nothing, so that such calls run at the same time. */
  readOnly?: boolean;
  run(context: C & { parameters: Out<P> }): unknown;
}

export interface GovernanceProcess<P, C extends Context> {
  description?: string;
  parameters?: P;
  outcome?: Schema;
  /** When `update` is called while it is pending; every 60 s by default. */
  schedule?: Schedule;
  start(context: C & { process: Process; parameters: Out<P> }): void;
  update?(context: C & { process: Process }): void;
  close?(context: C & { process: Process }): void;
  receiveWebhook?(context: C & { process: Process; request: WebhookRequest }): Response | void;
}

export interface Worker<C extends Context> {
  description?: string;
  /** Patterns of events: `edge2:*`, `post_created`, `driver:vote_*`. */
  events: string[];
  match?: { [pointer: string]: Json };
  ordering?: "fifo" | "unordered";
  maxAttempts?: number;
  timeoutMs?: number;
  enabled?(context: C): boolean;
  handle(context: C & { event: Json }): void;
}

export interface Route<C extends Context> {
  methods?: ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE")[];
  auth?: "driver" | "public";
  handle(context: C & { request: WebhookRequest; captures: { [name: string]: string } }): Response | void;
}

type Ctx<C, S> = Context<Out<C>, Out<S>>;

export interface Definition<C, S, P, Q> {
  /** `[a-z][a-z0-9-]{0,49}` */
  name: string;
  version?: string;
  /** Its name as people read it. */
  title?: string;
  /** Where they read more of it: an `http` or `https` URL. */
  homepage?: string;
  description?: string;
  authType?: "none" | "api_key" | "oauth";
  config?: C;
  settings?: S;
  communityPlatformIdKey?: string;
  onConfigChange?: "recreate" | "keep";
  initialize?(context: Ctx<C, S>): void;
  configChanged?(context: Ctx<C, S> & { previous: Json }): void;
  upgraded?(context: Ctx<C, S> & { fromVersion: string }): void;
  actions?: { [K in keyof P]: Action<P[K], Ctx<C, S>> };
  events?: { [type: string]: { description?: string; schema?: Schema } };
  processes?: { [K in keyof Q]: GovernanceProcess<Q[K], Ctx<C, S>> };
  webhook?: {
    verify?: Json;
    handshakes?: Json[];
    receive(context: Ctx<C, S> & { request: WebhookRequest }): Response | void;
  };
  producer?: Schedule & { tick(context: Ctx<C, S>): void };
  schedules?: { [name: string]: Schedule & { tick(context: Ctx<C, S> & { scheduledAt: Date }): void } };
  workers?: { [name: string]: Worker<Ctx<C, S>> };
  routes?: { [path: string]: Route<Ctx<C, S>> };
  /** What it asks the operator to grant. */
  requests?: { http?: string[]; reveal?: string[]; tcp?: string[]; accounts?: string[] };
}

/** A plugin, as `export default` of its module. */
export interface Plugin {
  readonly manifest: Json;
  readonly interfaces: readonly string[];
}

/** Checks a plugin's definition; throws a message that says what is wrong where. */
export function definePlugin<C extends Schema, S extends Schema, P, Q>(
  definition: Definition<C, S, P, Q>,
): Plugin;

/** An action in a file of its own; its parameters have the type of its schema. */
export function defineAction<P>(action: Action<P, Context>): Action<P, Context>;
/** A governance process in a file of its own; its parameters have the type of its schema. */
export function defineProcess<P>(process: GovernanceProcess<P, Context>): GovernanceProcess<P, Context>;
