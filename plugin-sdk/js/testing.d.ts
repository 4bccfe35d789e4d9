// The types of `moothall/testing`.

import type { HttpResponse, Json, Plugin, Response } from "./index.js";

export interface Request {
  method?: string;
  path?: string;
  query?: string;
  headers?: { [name: string]: string } | [string, string][];
  /** One of the three. */
  json?: unknown;
  text?: string;
  body?: Uint8Array;
}

export interface Setup {
  /** With secrets as plain values. */
  config?: Json;
  settings?: Json;
  community?: string;
  state?: { [key: string]: Json };
}

/** A plugin in an in-memory host. Every call that fails throws a PluginError and leaves nothing behind. */
export class Host {
  constructor(plugin: Plugin, setup?: Setup);
  /** Calls `initialize`. */
  enable(): void;
  changeConfig(config: Json): void;
  action(slug: string, parameters?: Json): Json;
  /** To the plugin, then to its pending processes; returns the answer to the platform. */
  webhook(request?: Request): HttpResponse;
  /** The producer, as if it were due. */
  tick(): void;
  schedule(name: string, scheduledAt?: Date): void;
  handle(worker: string, event: Json): void;
  route(path: string, request?: Request, captures?: { [name: string]: string }): HttpResponse;
  /** Starts a process; returns its id. */
  start(name: string, parameters?: Json): string;
  update(id: string): void;
  close(id: string): void;
  process(id: string): ProcessRecord | undefined;
  /** Answers the next request with this method and URL, once. */
  answer(method: string, url: string, response: Response): this;
  state(key: string): Json;
  readonly events: { id: string; type: string; data: Json; initiator: Json; dedupeKey: string | null }[];
  /** With their secrets in place. */
  readonly sent: { method: string; url: string; headers: [string, string][]; body: Uint8Array }[];
  readonly log: { level: string; message: string }[];
}

export interface ProcessRecord {
  name: string;
  status: "created" | "pending" | "completed";
  outcome: Json;
  errors: Json;
  url: string | null;
  closingAt: string | null;
}
