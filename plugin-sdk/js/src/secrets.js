// Secrets as places, not values: the host keeps the value and puts it where a request needs it.

import { ask } from "./host.js";

export class Secret {
  #place;

  /** A JSON Pointer into the configuration (`/api_key`), or the name of a setting. */
  constructor(place) {
    this.#place = place;
  }

  get place() {
    return this.#place;
  }

  /** The value itself, for a signature that the plugin makes; needs the grant `reveal`. */
  reveal() {
    return ask("secrets", "reveal", this.handle());
  }

  /** The host's handle, valid for this call. */
  handle() {
    const isPointer = this.#place.startsWith("/");
    return ask("secrets", isPointer ? "get" : "setting", this.#place);
  }

  /** In JSON it is its place, as in the configuration. */
  toJSON() {
    return { $secret: this.#place };
  }
}

export function secret(place) {
  return new Secret(place);
}

/** A configuration or settings, in which each place of a secret is a Secret. */
export function withSecrets(json) {
  return JSON.parse(json, (_, value) => (isPlace(value) ? new Secret(value.$secret) : value));
}

function isPlace(value) {
  return typeof value?.$secret === "string" && Object.keys(value).length === 1;
}
