// The process: what a vote keeps between calls, and how it ends.

import { type Process, PluginError, defineProcess } from "moothall";
import * as z from "zod";

/** What the vote keeps between calls. */
type Kept = {
  title: string;
  options: string[];
  quorum: number | undefined;
  /** Each person's last choice. */
  ballots: { [account: string]: string };
};

// A webhook with a ballot.
const Ballot = z.object({ account: z.string(), choice: z.string() });

export const vote = defineProcess({
  description: "A vote whose ballots come by webhook.",
  parameters: z.object({
    title: z.string().describe("The question."),
    options: z.array(z.string()).min(1).default(["yes", "no"]).describe("The choices; by default yes and no."),
    quorum: z.int().min(1).optional().describe("The vote ends when this many people have voted."),
    minutes: z.int().min(1).optional().describe("The vote ends after so many minutes."),
  }),
  outcome: z.object({ title: z.string(), votes: z.record(z.string(), z.int()) }),
  schedule: { every: "60s" },

  start({ process, parameters: { title, options, quorum, minutes } }) {
    keep(process, { title, options, quorum, ballots: {} });
    if (minutes !== undefined) process.closingAt = new Date(Date.now() + minutes * 60_000);
  },

  update({ process }) {
    const { quorum, ballots } = kept(process);
    if (quorum !== undefined && Object.keys(ballots).length >= quorum) process.complete(result(process));
  },

  close({ process }) {
    process.complete(result(process));
  },

  receiveWebhook({ process, request }) {
    const ballot = Ballot.safeParse(request.json());
    if (!ballot.success) throw PluginError.invalid(`the body is no ballot: ${z.prettifyError(ballot.error)}`);
    const { account, choice } = ballot.data;
    const all = kept(process);
    if (!all.options.includes(choice)) return;
    keep(process, { ...all, ballots: { ...all.ballots, [account]: choice } });
  },
});

function kept(process: Process): Kept {
  return process.state.get<Kept>("vote")!;
}

function keep(process: Process, kept: Kept) {
  process.state.set("vote", kept);
}

/** Every option with its votes, also one without any. */
function result(process: Process) {
  const { title, options, ballots } = kept(process);
  const choices = Object.values(ballots);
  const count = (option: string) => choices.filter((choice) => choice === option).length;
  return { title, votes: Object.fromEntries(options.map((option) => [option, count(option)])) };
}
