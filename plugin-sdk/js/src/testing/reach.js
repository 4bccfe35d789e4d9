// Which hosts a plugin can reach in a test: those that its manifest asks for. Must never allow more than the real
// host, or a plugin would pass its tests and fail in use.

import { PluginError } from "../errors.js";
import { at } from "./config.js";

/** Throws `forbidden` unless one of the asked hosts covers the URL. */
export function checkReach(url, asked, config, settings) {
  const target = parsed(url);
  if (target === undefined || target.username !== "" || target.password !== "") {
    throw PluginError.invalid(`the request is not valid: \`${url}\` is no URL of http or https without a user`);
  }
  if (asked.some((pattern) => covers(pattern, target, config, settings))) return;
  throw PluginError.forbidden(
    `the plugin may not reach \`${target.host}\`: its manifest does not request it; add it to \`requests: { http: […] }\``,
  );
}

function parsed(url) {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  return target?.protocol === "http:" || target?.protocol === "https:" ? target : undefined;
}

function covers(pattern, target, config, settings) {
  const [, of, pointer] = /^(config|settings):(.*)$/.exec(pattern) ?? [];
  if (of !== undefined) {
    const named = parsed(at(of === "config" ? config : settings, pointer));
    return named !== undefined && named.host === target.host && port(named) === port(target);
  }
  const [, name, wanted] = /^(.*?)(?::(\d+))?$/.exec(pattern);
  const isPort = wanted === undefined ? target.port === "" : port(target) === wanted;
  return isPort && isName(name.toLowerCase(), target.hostname.replace(/\.$/, ""));
}

function port(url) {
  return url.port || (url.protocol === "https:" ? "443" : "80");
}

function isName(pattern, name) {
  if (pattern === "*") return true;
  return pattern.startsWith("*.") ? name.endsWith(pattern.slice(1)) : name === pattern;
}
