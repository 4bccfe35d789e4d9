// Checks one delivery with the JavaScript libraries of Standard Webhooks and of Svix.
//
// Reads {"secret", "headers", "body"} as JSON from standard input. Ends with 0 if each accepts the delivery and
// refuses it once its body is another.

import { readFileSync } from "node:fs";
import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";

const { secret, headers, body } = JSON.parse(readFileSync(0, "utf8"));
for (const Webhook of [Standard, Svix]) {
  const webhook = new Webhook(secret);
  webhook.verify(body, headers);
  let refused = false;
  try {
    webhook.verify(`${body} `, headers);
  } catch {
    refused = true;
  }
  if (!refused) throw new Error("the library accepts another body as well, so its answer means nothing");
}
