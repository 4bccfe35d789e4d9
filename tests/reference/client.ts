// What a driver in TypeScript writes against the types of the document. Each `@ts-expect-error` is an error that has to be
// found: what is `any` or `unknown` would not have it.

import type { components, operations } from "./api";

type Answer<
  Id extends keyof operations,
  Status extends keyof operations[Id]["responses"],
> = operations[Id]["responses"][Status] extends { content: { "application/json": infer Body } }
  ? Body
  : never;
type Body<Id extends keyof operations> = operations[Id] extends {
  requestBody?: { content: { "application/json": infer Asked } };
}
  ? Asked
  : never;

export function communities(page: Answer<"listCommunities", 200>): [string, number, string | null] {
  // @ts-expect-error a text
  const wrong: number = page.communities[0].slug;
  return [page.communities[0].slug, page.communities[0].plugins[0].id, page.next];
}

export function endpoints(page: Answer<"listEndpoints", 200>): "idle" | string {
  const made: Answer<"createEndpoint", 201> = page.endpoints[0];
  const secret: string | undefined = made.secret;
  const code: number | null | undefined = made.last_failure?.status;
  // @ts-expect-error one of those that there are
  const wrong: "sleeping" = made.state;
  return `${secret} ${code} ${made.state}`;
}

export function deliveries(page: Answer<"listDeliveries", 200>, one: Answer<"getDelivery", 200>): string[] {
  const attempts: number = page.deliveries[0].attempts;
  // @ts-expect-error a number, and not those that were made
  page.deliveries[0].attempts[0];
  return one.attempts.map((attempt) => `${attempts} ${attempt.time} ${attempt.error}`);
}

export function processes(page: Answer<"listProcesses", 200>): "created" | "pending" | "completed" {
  const started: Answer<"startProcess", 202> = page.processes[0];
  // @ts-expect-error there may be none
  const url: string = started.url;
  return started.status;
}

export const asked: Body<"performTutorialTimes_two"> = { parameters: { value: 2 } };
// @ts-expect-error a number
export const wronglyAsked: Body<"performTutorialTimes_two"> = { parameters: { value: "two" } };

export function performed(answer: Answer<"performTutorialTimes_two", 200>): number {
  if ("effects" in answer) {
    return answer.effects.events.length;
  }
  return answer.result;
}

export function performedInPublic(answer: Answer<"performPublicTutorialTimes_two", 200>): number {
  return answer.result;
}

export function failed(problem: components["schemas"]["Problem"]): boolean {
  // @ts-expect-error texts that are no code
  const wrong: 5 = problem.code;
  return problem.code === "unknown_community" && problem.request_id.length > 0;
}
