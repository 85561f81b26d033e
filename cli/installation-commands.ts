/** The commands around a running installation: to work through it, to check it, to take it out. */
import { buildCommand } from "@stricli/core";
import type { CheckFlags } from "./commands/check.ts";
import type { RunFlags } from "./commands/run.ts";
import type { UninstallFlags } from "./commands/uninstall.ts";
import type { VerifyFlags } from "./commands/verify.ts";
import type { Context } from "./context.ts";
import { description } from "./description.ts";
import { aliases, connectionFlags, decisionFlags, ledgerPath, milliseconds, waitFlag } from "./flags.ts";

const jsonOutput = { kind: "enum", values: ["json"], brief: "Output format", optional: true } as const;

export const run = buildCommand<RunFlags, string[], Context>({
  loader: async () => (await import("./commands/run.ts")).run,
  parameters: {
    flags: {
      ...waitFlag,
      output: { ...jsonOutput, brief: "json: one line of JSON a state, on standard error" },
      ...connectionFlags,
    },
    aliases,
    positional: {
      kind: "array",
      parameter: { brief: "The command and its arguments", placeholder: "COMMAND", parse: String },
      minimum: 1,
    },
  },
  docs: {
    brief: "Run a command, and say when it waits for a person",
    customUsage: ["[--wait[=DURATION]] [-o json] -- COMMAND [ARGUMENT...]"],
    fullDescription: description(
      "Run the same command as ever, and say on standard error when it waits for a person and what was decided.\n" +
        "Exit code: the command's own; 75 when it ended because the decision is still pending, 77 when a person or a\n" +
        "rule has denied it.",
      [
        ["See why it waits", "kubectl hoop run -- kubectl delete namespace prod"],
        [
          "Wait for the decision as long as it takes, then run it again",
          "kubectl hoop run --wait -- kubectl apply -f app.yaml",
        ],
        ["For a program", "kubectl hoop run -o json -- helm upgrade web ./chart"],
      ],
    ),
  },
});

export const check = buildCommand<CheckFlags, [], Context>({
  loader: async () => (await import("./commands/check.ts")).check,
  parameters: {
    flags: {
      wait: {
        kind: "parsed",
        parse: milliseconds,
        brief: "How long what is not ready may take to become so, such as 2m",
        placeholder: "DURATION",
        default: "0s",
      },
      agentKubeconfig: {
        kind: "parsed",
        parse: String,
        brief: "Kubeconfig file of an agent: with it a canary is really held and let through",
        placeholder: "FILE",
        optional: true,
      },
      output: jsonOutput,
      ...connectionFlags,
    },
    aliases,
  },
  docs: {
    brief: "Walk the whole path of a held write, and say what is wrong",
    customUsage: ["[--wait DURATION] [--agent-kubeconfig FILE [-n NAMESPACE]] [-o json]"],
    fullDescription: description(
      "Walk the whole path with your rights: API server, APIService, registrations. With an agent's kubeconfig, also a\n" +
        "canary: a Role without rules that the agent creates in the namespace (default: default), which is held, let\n" +
        "through by you, looked up in the records, and removed. What cannot be checked is said to be so. Each failure\n" +
        "has a code, explained in docs/troubleshooting.md. Exit code 0: nothing is wrong, 1: something is.",
      [
        ["After installing", "kubectl hoop check --wait 2m"],
        ["All of it", "kubectl hoop check --agent-kubeconfig agent.kubeconfig -n demo"],
      ],
    ),
  },
});

export const uninstall = buildCommand<UninstallFlags, [], Context>({
  loader: async () => (await import("./commands/uninstall.ts")).uninstall,
  parameters: {
    flags: {
      yes: { kind: "boolean", brief: "Do not ask", default: false, withNegated: false },
      timeout: {
        kind: "parsed",
        parse: milliseconds,
        brief: "How long the namespace may take to be gone",
        placeholder: "DURATION",
        default: "5m",
      },
      dryRun: {
        ...decisionFlags.dryRun,
        brief: "client: only show it; server: let the server check it, delete nothing",
      },
      ...connectionFlags,
    },
    aliases: { n: "namespace", s: "server" },
  },
  docs: {
    brief: "Take Hoop out of the cluster, with everything that is its own",
    customUsage: ["[--yes] [--dry-run client]"],
    fullDescription: description(
      "Take Hoop out of the cluster, whether it runs or not: the APIService first, then the registrations, all else\n" +
        "that is labelled app.kubernetes.io/part-of=hoop, and last its namespace, with its data. Agents are held by\n" +
        "nothing from then on.",
      [
        ["See what would go", "kubectl hoop uninstall --dry-run client"],
        ["In a script", "kubectl hoop uninstall --yes"],
      ],
    ),
  },
});

const files = { kind: "parsed", parse: String, optional: true, variadic: true } as const;

export const verify = buildCommand<VerifyFlags, [string?], Context>({
  loader: async () => (await import("./commands/verify.ts")).verify,
  parameters: {
    flags: {
      key: {
        ...files,
        brief: "Public key of the ledger, or a file of them; else those that the ledger itself names",
        placeholder: "KEY",
      },
      checkpoint: {
        ...files,
        brief: "A checkpoint kept from an earlier time: the ledger must have grown from it",
        placeholder: "FILE",
      },
      keep: {
        kind: "parsed",
        parse: String,
        brief: "As --checkpoint, where it is there; and what is proven is kept in it for the next time",
        placeholder: "FILE",
        optional: true,
      },
      output: jsonOutput,
      ...connectionFlags,
    },
    aliases,
    positional: {
      kind: "tuple",
      parameters: [ledgerPath],
    },
  },
  docs: {
    brief: "Prove that no record was changed, removed, added or moved",
    customUsage: ["[PATH] [--key KEY] [--checkpoint FILE] [--keep FILE] [-o json]"],
    fullDescription: description(
      "Prove that no record was changed, removed, added or moved since it was signed: of the ledger of this cluster, or\n" +
        "without any cluster of a directory it was published to, a backup, or the store of a Hoop that has ended. What\n" +
        "is older than a checkpoint that was kept, or another history than it, is found by --checkpoint and --keep.\n" +
        "Exit code 0: it is proven, 1: something was found, 2: it could not be looked at.",
      [
        [
          "The cluster's ledger, and from the second time on that it only grew",
          "kubectl hoop verify --keep hoop.checkpoint",
        ],
        [
          "A backup, by a key that was written down elsewhere",
          "kubectl hoop verify hoop.db --key ledger.pub",
        ],
        [
          "What was published",
          "kubectl hoop verify /srv/hoop-ledger --key ledger.pub --checkpoint 2026-11.checkpoint",
        ],
      ],
    ),
  },
});
