// Makes types of the OpenAPI document on standard input, as drivers in TypeScript do, and has the compiler check a client
// that uses them.

import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

let text = "";
for await (const part of process.stdin.setEncoding("utf8")) {
  text += part;
}
const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(here, "client-"));
const client = join(folder, "client.ts");
writeFileSync(join(folder, "api.ts"), astToString(await openapiTS(JSON.parse(text))));
copyFileSync(join(here, "client.ts"), client);
const program = ts.createProgram([client], {
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  noEmit: true,
  strict: true,
  target: ts.ScriptTarget.ES2022,
  types: [],
});
const wrong = ts.getPreEmitDiagnostics(program);
rmSync(folder, { recursive: true });
if (wrong.length > 0) {
  const host = {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => folder,
    getNewLine: () => "\n",
  };
  process.stderr.write(ts.formatDiagnostics(wrong, host));
  process.exit(1);
}
