/** What `kubectl hoop review` takes and says about itself. */
import { buildCommand } from "@stricli/core";
import type { Context } from "../context.ts";
import { description } from "../description.ts";
import { agentNames } from "../doctor/names.ts";
import { moment } from "../export/filter-flags.ts";
import { aliases, connectionFlags, ledgerPath } from "../flags.ts";
import type { ReviewFlags } from "./run.ts";

const text = { kind: "parsed", parse: String, optional: true } as const;

export const review = buildCommand<ReviewFlags, [string?], Context>({
  loader: async () => (await import("./run.ts")).review,
  parameters: {
    flags: {
      agent: {
        ...text,
        brief: "The agent: user name, or NAMESPACE/NAME of a ServiceAccount",
        placeholder: "NAME",
        proposeCompletions: agentNames,
      },
      all: {
        kind: "boolean",
        brief: "Every agent with a record in that time",
        default: false,
        withNegated: false,
      },
      group: {
        ...text,
        brief: "A group the agent belongs to, beside those that its records tell",
        placeholder: "NAME",
        variadic: true,
      },
      since: {
        kind: "parsed",
        parse: moment,
        optional: true,
        brief: "From this time on, or so long ago: 2026-11-01, 90d, 36h",
        placeholder: "TIME",
      },
      until: {
        kind: "parsed",
        parse: moment,
        optional: true,
        brief: "Up to, and without, this time; else until now",
        placeholder: "TIME",
      },
      key: {
        ...text,
        brief: "Public key of the ledger, or a file of them; else those that the ledger itself names",
        placeholder: "KEY",
        variadic: true,
      },
      output: { kind: "enum", values: ["text", "csv", "json"], brief: "Output format", default: "text" },
      ...connectionFlags,
    },
    aliases,
    positional: { kind: "tuple", parameters: [ledgerPath] },
  },
  docs: {
    brief: "Review the access of an agent: what it may do, what it did, who let it",
    customUsage: ["[PATH] (--agent NAME | --all) [--since TIME] [--until TIME] [-o FORMAT]"],
    fullDescription: description(
      "Review the access of an agent, for its owner or an auditor: what RBAC lets it do now, what it used of that and\n" +
        "what never, what was held and who decided, what was denied, which configuration was in force. What makes the\n" +
        "review incomplete is said first. The whole ledger is read, and held against its signed checkpoint; each line\n" +
        "names the records that prove it and the control of NIST SP 800-53 it is evidence for (docs/nist-800-53.md).\n" +
        "Exit code 0: done, 1: the ledger is not what was signed, 2: not done, or not all of RBAC could be read.",
      [
        ["One agent, the last quarter", "kubectl hoop review --agent ci/deployer --since 90d"],
        ["All of them, for a spreadsheet", "kubectl hoop review --all --since 90d -o csv > review.csv"],
        ["What it was, from a backup, without a cluster", "kubectl hoop review hoop.db --agent ci/deployer"],
      ],
    ),
  },
});
