/** `kubectl hoop records`, as it is declared. */
import { buildCommand } from "@stricli/core";
import type { RecordsFlags } from "../commands/records.ts";
import type { Context } from "../context.ts";
import { description } from "../description.ts";
import { kindFlag, moment } from "../export/filter-flags.ts";
import { CommandError } from "../failure.ts";
import { aliases, approvalName, connectionFlags, outputFlag, watchAliases, watchFlags } from "../flags.ts";
import { recordValues } from "./names.ts";

const text = (brief: string, placeholder: string) =>
  ({ kind: "parsed", parse: given, brief, placeholder, optional: true }) as const;

const SAYS =
  "List what agents asked for and what they were answered, newest last. What came of each is told beside it with -o wide and " +
  "-o json. The records that say so (--kind outcome) name no agent and no approval: --agent and --approval do not select them, " +
  "as kubectl hoop export does.";

export const records = buildCommand<RecordsFlags, [], Context>({
  loader: async () => (await import("../commands/records.ts")).records,
  parameters: {
    flags: {
      since: {
        ...text("From this time on, or so long ago: 2h, 7d, 2026-11-21T09:30:00Z", "TIME"),
        parse: moment,
      },
      until: { ...text("Up to, and without, this time, or so long ago", "TIME"), parse: moment },
      agent: {
        ...text("Only of this agent: user name, or NAMESPACE/NAME", "NAME"),
        proposeCompletions: recordValues("agent"),
      },
      resource: {
        ...text("Only about this resource: pods, pods/exec, deployments.apps", "RESOURCE"),
        proposeCompletions: recordValues("resource"),
      },
      search: text('Only with these words in entry or payload; wor* and "some words" can be said', "WORDS"),
      verdict: {
        kind: "enum",
        values: ["allow", "hold", "deny", "could-not-tell"],
        brief: "Only what the rules said this to",
        optional: true,
      },
      answer: {
        kind: "enum",
        values: ["allowed", "held", "denied"],
        brief: "Only what was answered like this",
        optional: true,
      },
      approval: {
        ...text("Only what belongs to this approval", "NAME"),
        parse: approvalName,
        proposeCompletions: recordValues("approval"),
      },
      rule: {
        ...text("Only where this rule fired, and be it only tried", "NAME"),
        proposeCompletions: recordValues("rule"),
      },
      session: {
        ...text("Only of this session", "NAME"),
        proposeCompletions: recordValues("session"),
      },
      kind: kindFlag,
      limit: {
        kind: "parsed",
        parse: limit,
        brief: "How many of the newest, 0 for all",
        placeholder: "N",
        default: "50",
      },
      ...watchFlags,
      ...outputFlag,
      ...connectionFlags,
    },
    aliases: { ...aliases, ...watchAliases },
  },
  docs: {
    brief: "Search what agents asked for and what they were answered",
    customUsage: [
      "[-n NAMESPACE] [--since TIME] [--agent NAME] [--search WORDS] [--limit N] [-w] [-o FORMAT]",
    ],
    fullDescription: description(SAYS, [
      ["The last fifty, of every namespace", "kubectl hoop records"],
      [
        "What one agent was refused in the last two hours",
        "kubectl hoop records --agent ci/deployer --answer denied --since 2h",
      ],
      [
        "Where an image stands, in whatever was written",
        "kubectl hoop records --search 'nginx:1.25 priv*' -o wide",
      ],
      ["Who went into pods, as it happens", "kubectl hoop records --resource pods/exec -w"],
      [
        "What a rule in mode Audit would have done",
        "kubectl hoop records --rule shop/registry --limit 0 -o wide",
      ],
      ["The story of one approval", "kubectl hoop records --approval delete-ns-prod-7x2k -o wide"],
    ]),
  },
});

function given(typed: string): string {
  if (typed.trim() !== "") return typed;
  throw new CommandError("it is empty");
}

function limit(typed: string): number {
  if (/^\d{1,9}$/.test(typed)) return Number(typed);
  throw new CommandError("not a number of records");
}
