// Configurations and settings as the host keeps them: checked, and with the secrets taken out.

import { accepted } from "./schemas.js";

/** The value that a guest sees, and its secrets by JSON Pointer. */
export function taken(schema = { type: "object" }, value, what) {
  const checked = accepted(schema, value, what);
  const secrets = new Map();
  const seen = hidden(schema, schema, checked, "", secrets);
  return { seen, secrets };
}

function hidden(root, schema, value, pointer, secrets) {
  const { properties, items, ...rest } = resolved(root, schema);
  if (typeof value === "string" && (rest.writeOnly === true || rest.format === "password")) {
    secrets.set(pointer, value);
    return { $secret: pointer };
  }
  if (Array.isArray(value)) {
    return value.map((item, at) => hidden(root, items, item, `${pointer}/${at}`, secrets));
  }
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([key, member]) => {
    const at = `${pointer}/${key.replace(/~/g, "~0").replace(/\//g, "~1")}`;
    return [key, hidden(root, properties?.[key], member, at, secrets)];
  });
  return Object.fromEntries(members);
}

function resolved(root, schema) {
  if (typeof schema !== "object" || schema === null) return {};
  if (!schema.$ref?.startsWith("#/")) return schema;
  const found = schema.$ref.slice(2).split("/").reduce((at, key) => at?.[key], root);
  return { ...resolved(root, found), ...schema };
}

/** The value at a JSON Pointer. */
export function at(value, pointer) {
  const keys = pointer.split("/").slice(1).map((key) => key.replace(/~1/g, "/").replace(/~0/g, "~"));
  return keys.reduce((inner, key) => inner?.[key], value);
}
