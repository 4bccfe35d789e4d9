// Where in an author's files a line of the built program is. The build puts the table beside the program, and the
// stack of an error is read with it, because an author has not written the program's lines.

const PLACES = Symbol.for("moothall.places");
const FRAME = /\(?componentize-qjs:user\.js:(\d+)(?::\d+)?\)?/;

/** What the build adds to the program's end: the places by the program's lines, as a text that a call rarely reads. */
export function tableOf(places) {
  return `globalThis[Symbol.for("moothall.places")] = ${JSON.stringify(JSON.stringify(places))};\n`;
}

/** A stack with the frames of the author's own files alone, if there are any. */
export function placed(stack) {
  if (globalThis[PLACES] === undefined) return stack;
  const places = JSON.parse(globalThis[PLACES]);
  const frames = stack.split("\n").map((frame) => {
    const place = places[FRAME.exec(frame)?.[1]];
    return place === undefined ? undefined : frame.replace(FRAME, `(${place})`);
  });
  const own = frames.filter((frame) => frame !== undefined);
  return own.length === 0 ? stack : own.join("\n");
}
