// What `moothall-build` says of a plugin that it cannot build, and where an error's lines come from.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { buildPlugin } from "../src/build.js";
import { placed, tableOf } from "../src/places.js";

/** The source of a plugin in a folder of its own, from which `moothall` is found. */
async function written(text, t) {
  const folder = await mkdtemp(join(import.meta.dirname, "..", "node_modules", "built-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "plugin.ts");
  await writeFile(file, text);
  return file;
}

test("a mistake of syntax is named with its place", async (t) => {
  const file = await written("const a: number = 1;\nexport default {,};\n", t);
  await assert.rejects(buildPlugin(file), /plugin\.ts:2:17: Expected identifier but found ","/);
});

test("a module without a plugin is told what it lacks", async (t) => {
  const file = await written("export default { name: 'a' };\n", t);
  await assert.rejects(buildPlugin(file), /has no plugin: write `export default definePlugin/);
});

test("a mistake in the definition is told as it is in tests", async (t) => {
  const source = `import { definePlugin } from ${JSON.stringify(join(import.meta.dirname, "../src/index.js"))};`;
  const file = await written(`${source}\nexport default definePlugin({ name: "a", acitons: {} });\n`, t);
  await assert.rejects(buildPlugin(file), /did you mean `actions`\?/);
});

test("a stack names the author's lines, and those alone", () => {
  const stack = "    at run (componentize-qjs:user.js:7:30)\n    at within (componentize-qjs:user.js:2:1)";
  assert.equal(placed(stack), stack, "without a table it stays as it is");
  new Function(tableOf({ 7: "src/plugin.ts:3" }))();
  try {
    assert.equal(placed(stack), "    at run (src/plugin.ts:3)");
    assert.equal(placed("    at x (componentize-qjs:user.js:2:1)"), "    at x (componentize-qjs:user.js:2:1)");
  } finally {
    delete globalThis[Symbol.for("moothall.places")];
  }
});
