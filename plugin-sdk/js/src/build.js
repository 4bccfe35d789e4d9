// Builds a component of a plugin: esbuild makes one program of its sources, the plugin says what it exports, and
// componentize-qjs puts program and QuickJS into a component of exactly that world.

import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { TraceMap, eachMapping } from "@jridgewell/trace-mapping";
import { componentize } from "componentize-qjs";
import { build as bundle } from "esbuild";

import { tableOf } from "./places.js";
import { isPlugin } from "./plugin.js";
import { entryOf, worldOf } from "./world.js";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const WIT = join(HERE, "..", "wit");
const ALL = { bundle: true, write: false, format: "esm", logLevel: "silent", charset: "utf8" };

// Fast in place of small; and nothing looks for cycles of garbage, because a call's memory is given back as a whole.
const FOR_SHORT_CALLS = { optSize: false, disableGc: true };

/** The component of the plugin in `source`, as bytes, and its manifest. */
export async function buildPlugin(source) {
  const file = resolve(source);
  const folder = await mkdtemp(join(tmpdir(), "moothall-"));
  try {
    const plugin = await pluginIn(file, folder);
    const program = await programOf(file, plugin.interfaces);
    const wit = join(folder, "wit");
    await cp(WIT, wit, { recursive: true });
    await writeFile(join(wit, "world.wit"), worldOf(plugin.interfaces));
    // Without asynchronous exports, which the host does not call.
    const options = { witPath: wit, world: "component", jsSource: program, sync: true, ...FOR_SHORT_CALLS };
    const { component } = await componentize(options);
    return { component, manifest: plugin.manifest };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The plugin itself, loaded into this process to ask what it exports. */
async function pluginIn(file, folder) {
  const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" };
  const [output] = await outputs({ ...ALL, entryPoints: [file], platform: "node", banner });
  const loaded = join(folder, "plugin.mjs");
  await writeFile(loaded, output.text);
  const plugin = (await import(pathToFileURL(loaded))).default;
  if (!isPlugin(plugin)) {
    throw new Error(`${file} has no plugin: write \`export default definePlugin({ … })\``);
  }
  return plugin;
}

async function programOf(file, interfaces) {
  const stdin = { contents: entryOf(file, interfaces), resolveDir: HERE, sourcefile: "the-program.js" };
  const [map, output] = await outputs({
    ...ALL,
    stdin,
    outfile: "program.js",
    sourcemap: "external",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["module", "import", "default"],
    target: "es2023",
    keepNames: true,
    external: ["moothall:*", "wasi:*"],
  });
  return `${output.text}\n${tableOf(placesIn(map.text))}`;
}

/** The author's file and line for each line of the program that comes from one. */
function placesIn(map) {
  const places = {};
  eachMapping(new TraceMap(map), ({ generatedLine, source, originalLine }) => {
    const isOwn = source !== null && !source.includes("node_modules/") && !resolve(source).startsWith(HERE);
    if (isOwn) places[generatedLine] ??= `${source}:${originalLine}`;
  });
  return places;
}

async function outputs(options) {
  try {
    return (await bundle(options)).outputFiles;
  } catch (failed) {
    throw new Error((failed.errors ?? []).map(shown).join("\n") || failed.message, { cause: failed });
  }
}

function shown({ text, location }) {
  return location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text;
}
