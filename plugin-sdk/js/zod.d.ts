import type * as z from "zod";

import type { Secret } from "./index.js";

/** A secret of the configuration or the settings: set as a text, which the host seals; the plugin has its place. */
export function secret(): z.ZodType<Secret, string>;
