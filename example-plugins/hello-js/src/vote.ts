// The governance process: a vote, whose ballots come as webhooks. It ends at its quorum, at `closing_at`, or when
// somebody closes it.

import { type Process, defineProcess } from "moothall";
import * as z from "zod";

type Ballots = { [account: string]: string };

export const vote = defineProcess({
  description: "A vote on a question.",
  parameters: z.object({
    question: z.string().max(500),
    options: z.array(z.string().max(100)).min(2).default(["yes", "no"]),
    quorum: z.int().min(1).optional().describe("Ends the vote when so many have voted."),
    closing_at: z.iso.datetime().optional(),
  }),
  outcome: z.object({ question: z.string(), votes: z.record(z.string(), z.int()) }),
  schedule: { every: "60s" },

  start({ process, parameters }) {
    process.state.set("vote", parameters);
    process.closingAt = parameters.closing_at;
  },

  receiveWebhook({ process, request }) {
    const { vote, account } = request.json();
    const { options } = process.state.get("vote");
    if (!options.includes(vote)) return;
    const ballots = { ...ballotsOf(process), [account]: vote };
    process.state.set("ballots", ballots);
    return { status: 202, json: { counted: Object.keys(ballots).length } };
  },

  update({ process }) {
    const { quorum } = process.state.get("vote");
    const count = Object.keys(ballotsOf(process)).length;
    if (quorum !== undefined && count >= quorum) process.complete(result(process));
  },

  close({ process }) {
    process.complete(result(process));
  },
});

function ballotsOf(process: Process): Ballots {
  return process.state.get<Ballots>("ballots") ?? {};
}

function result(process: Process) {
  const { question, options } = process.state.get("vote");
  const ballots = Object.values(ballotsOf(process));
  const count = (option: string) => ballots.filter((ballot) => ballot === option).length;
  return { question, votes: Object.fromEntries(options.map((option: string) => [option, count(option)])) };
}
