// Hears events as a driver in JavaScript does. Says `open` each time that the stream is open, then each event as
// `<its id> <its data>`.

import { EventSource } from "eventsource";

const source = new EventSource(process.argv[2]);
source.onopen = () => console.log("open");
source.onmessage = (event) => console.log(`${event.lastEventId} ${event.data}`);
process.stdin.on("close", () => process.exit(0)).resume();
