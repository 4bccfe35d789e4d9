// Schemas: JSON Schema as it is, or of any library that makes one by the interface Standard JSON Schema
// (zod 4.2, ArkType, Valibot). The host checks by the JSON Schema; what only the library knows, such as a
// refinement of zod, is checked here.

import { PluginError } from "./errors.js";

const TARGET = "draft-2020-12";

/** The JSON Schema of what goes `in` or comes `out`; undefined if there is no schema. */
export function jsonSchema(schema, direction) {
  if (schema === undefined) return undefined;
  const standard = schema?.["~standard"];
  if (standard === undefined) return plain(schema);
  const convert = standard.jsonSchema?.[direction === "in" ? "input" : "output"];
  if (convert === undefined) {
    throw new TypeError(
      `a schema of ${standard.vendor} makes no JSON Schema by itself; use zod 4.2 or later, or JSON Schema`,
    );
  }
  const schemas = readable(convert({ target: TARGET }));
  return direction === "in" ? closed(schemas) : schemas;
}

function plain(schema) {
  if (typeof schema === "boolean" || (typeof schema === "object" && schema !== null)) return schema;
  throw new TypeError(`a schema is a JSON Schema or one of zod, not ${String(schema)}`);
}

// A library writes the pattern of a format beside it, with look-around, which the host's engine does not have. The
// host checks the format itself.
function readable(schema) {
  if (Array.isArray(schema)) return schema.map(readable);
  if (typeof schema !== "object" || schema === null) return schema;
  const isDoubled = typeof schema.format === "string" && typeof schema.pattern === "string";
  const entries = Object.entries(schema).filter(([key]) => !(isDoubled && key === "pattern"));
  return Object.fromEntries(entries.map(([key, value]) => [key, readable(value)]));
}

// A member that nobody declared is a mistake of the caller's: libraries would leave it out without a word. Parts of
// a combination stay open, because each describes only some members.
function closed(schema) {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return schema;
  const inner = { ...schema };
  for (const key of ["properties", "$defs"]) {
    if (inner[key] !== undefined) inner[key] = mapped(inner[key], closed);
  }
  if (inner.items !== undefined) inner.items = closed(inner.items);
  if (inner.properties !== undefined) inner.additionalProperties ??= false;
  return inner;
}

function mapped(object, change) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

/** The value as the schema's library reads it; throws `invalid` with each place that does not fit. */
export function parsed(schema, value, what) {
  const validate = schema?.["~standard"]?.validate;
  if (validate === undefined) return value;
  const result = validate(value);
  if (typeof result?.then === "function") {
    throw new TypeError(`the schema of ${what} checks asynchronously, but a call ends when it returns`);
  }
  if (result.issues === undefined) return result.value;
  const errors = result.issues.map((issue) => ({ path: pointer(issue.path), message: issue.message }));
  const first = errors[0];
  throw PluginError.invalid(`${what}: ${first.message} at '${first.path}'`, { details: { errors } });
}

/** Lets a library prepare its checks now, while the plugin is built: each call begins with the memory of the build. */
export function prepare(schema) {
  try {
    schema?.["~standard"]?.validate?.({});
  } catch {
    // A rule of the author's that cannot take an empty object; it is asked again in a call.
  }
}

/** The JSON Pointer of a path. */
function pointer(path = []) {
  const keys = path.map((step) => String(typeof step === "object" ? step.key : step));
  return keys.map((key) => `/${key.replace(/~/g, "~0").replace(/\//g, "~1")}`).join("");
}
