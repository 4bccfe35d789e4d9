#!/usr/bin/env node
// `moothall-build SOURCE [OUTPUT]`: the component of a plugin, `<name>.wasm` if no other file is named.

import { writeFile } from "node:fs/promises";

import { buildPlugin } from "../src/build.js";

const USAGE = "usage: moothall-build SOURCE [OUTPUT]\n\n  SOURCE   the module whose default export is the plugin: src/plugin.ts\n  OUTPUT   the component; <name>.wasm if not given";

const [source, output, ...rest] = process.argv.slice(2);
if (source === undefined || source.startsWith("-") || rest.length > 0) {
  console.error(USAGE);
  process.exit(source === "--help" ? 0 : 2);
}
try {
  const { component, manifest } = await buildPlugin(source);
  const file = output ?? `${manifest.name}.wasm`;
  await writeFile(file, component);
  console.error(`${file} (${Math.ceil(component.length / 1024)} KiB)`);
} catch (failed) {
  console.error(`error: ${failed.message}`);
  process.exit(1);
}
