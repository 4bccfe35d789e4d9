// What the program of a component imports, the globals before everything that may use one.

export { seedFrom } from "./globals.js";
export { exportsOf, prepareCalls } from "./component.js";
