// The world of a component: all imports that the SDK uses, and the exports that the plugin has.

const IMPORTS = "accounts context events http log process secrets settings state".split(" ");

/** The text of `world.wit`. */
export function worldOf(interfaces) {
  const imports = IMPORTS.map((name) => `    import ${name};`);
  const exported = interfaces.map((name) => `    export ${name};`);
  const random = "    import wasi:random/random@0.2.6;";
  return `package moothall:plugin@0.1.0;\n\nworld component {\n${[...imports, random, ...exported].join("\n")}\n}\n`;
}

/** The program of a component: the plugin, on the host's imports. */
export function entryOf(file, interfaces) {
  const imported = IMPORTS.map((name) => `import ${name} from "moothall:plugin/${name}@0.1.0";`);
  const exported = interfaces.map((name) => `export const ${name} = functions.${name};`);
  return `import { exportsOf, prepareCalls, seedFrom } from "moothall/component";
import random from "wasi:random/random@0.2.6";
${imported.join("\n")}
import definition from ${JSON.stringify(file)};

prepareCalls(definition);
seedFrom((count) => random.getRandomBytes(count));
// A secret is a resource of the host; the in-memory host has no other way to reveal one.
const revealing = { ...secrets, reveal: (handle) => handle.reveal() };
const functions = exportsOf(definition, { ${IMPORTS.filter((name) => name !== "secrets").join(", ")}, secrets: revealing });
${exported.join("\n")}
`;
}
