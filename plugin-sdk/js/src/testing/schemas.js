// The checks that the host makes by the schemas of the manifest: defaults are filled in, then the value is checked.

import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

import { PluginError } from "../errors.js";

const OPTIONS = { allErrors: true, strict: false, useDefaults: true };
const drafts = { old: formats(new Ajv(OPTIONS)), new: formats(new Ajv2020(OPTIONS)) };

/** Fills the defaults of a copy of the value and checks it; throws `invalid` with every place that does not fit. */
export function accepted(schema, value, what) {
  const copy = structuredClone(value);
  const errors = faults(schema, copy);
  if (errors.length === 0) return copy;
  throw PluginError.invalid(`${what} does not fit its schema: ${said(errors)}`, { details: { errors } });
}

/** Checks what the plugin hands back; what does not fit is the plugin's fault. */
export function checkOutput(schema, value, what) {
  const errors = faults(schema, structuredClone(value));
  if (errors.length === 0) return;
  throw new PluginError("internal", `${what} breaks its schema: ${said(errors)}`, {
    details: { code: "plugin_bad_output", errors },
  });
}

function faults(schema, value) {
  if (schema === undefined || schema === true) return [];
  const isOld = typeof schema.$schema === "string" && schema.$schema.includes("draft-07");
  const check = (isOld ? drafts.old : drafts.new).compile(schema);
  if (check(value)) return [];
  return check.errors.map(({ instancePath, message, params }) => ({
    // An unknown member is named, a missing one has no place.
    path: params.additionalProperty === undefined ? instancePath : `${instancePath}/${params.additionalProperty}`,
    message,
  }));
}

function said(errors) {
  return errors.map(({ path, message }) => `'${path}' ${message}`).join(", ");
}
