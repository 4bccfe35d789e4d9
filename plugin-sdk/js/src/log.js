// Lines in the host's log. What is logged while a plugin is built, when there is no host, goes nowhere.

import { ask, isInCall } from "./host.js";

function at(level) {
  return (...values) => {
    if (isInCall()) ask("log", "log", level, values.map(shown).join(" "));
  };
}

export const log = {
  trace: at("trace"),
  debug: at("debug"),
  info: at("info"),
  warn: at("warn"),
  error: at("error"),
};

function shown(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}\n${value.stack ?? ""}`;
  if (typeof value !== "object" || value === null) return String(value);
  try {
    return JSON.stringify(value);
  } catch {
    return String(value);
  }
}
