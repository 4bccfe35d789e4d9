// The feed: a list of items, of which newer ones have greater ids.

import { http } from "moothall";
import * as z from "zod";

export const Item = z.object({ id: z.int(), title: z.string() });

/** The items after the one with this id, oldest first. */
export function itemsAfter(url: string, id: number) {
  return z.array(Item).parse(http.get(url, { query: { after: id } }).orThrow().json());
}
