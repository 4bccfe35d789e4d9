// A secret in a schema of zod. It is apart, so that a plugin without zod does not need it.

import * as z from "zod";

/** A secret of the configuration or the settings: a text that the host seals, shown to nobody. */
export function secret() {
  return z.string().meta({ writeOnly: true });
}
