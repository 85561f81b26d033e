/** The commands: what each takes and says about itself. Its code is loaded when it is called. */
import { buildCommand, buildRouteMap, type FlagParametersForType } from "@stricli/core";
import type { ApproveFlags, DenyFlags } from "./commands/decide.ts";
import type { PendingFlags } from "./commands/pending.ts";
import type { ShowFlags } from "./commands/show.ts";
import { approvalNames } from "./completion/names.ts";
import type { Context } from "./context.ts";
import { description } from "./description.ts";
import { doctor } from "./doctor/command.ts";
import { exportCommand } from "./export/command.ts";
import { CommandError } from "./failure.ts";
import {
  aliases,
  approvalName,
  colorFlag,
  connectionFlags,
  decisionFlags,
  outputFlag,
  watchAliases,
  watchFlags,
} from "./flags.ts";
import { check, run, uninstall, verify } from "./installation-commands.ts";
import { policyCommands } from "./policy/command.ts";
import { records } from "./records/command.ts";
import { review } from "./review/command.ts";
import { secretCommands } from "./secret/command.ts";
import { credential, kill, login, logout, replay, sessions, watch } from "./session/command.ts";

const named = (proposeCompletions: (this: Context, partial: string) => Promise<readonly string[]>) =>
  ({ brief: "Name of the approval", placeholder: "NAME", parse: approvalName, proposeCompletions }) as const;
const name = named(approvalNames());
const pendingName = named(approvalNames("Pending"));
const optionalText = { kind: "parsed", parse: String, optional: true } as const;

const pending = buildCommand<PendingFlags, [], Context>({
  loader: async () => (await import("./commands/pending.ts")).pending,
  parameters: {
    flags: { ...watchFlags, ...outputFlag, ...connectionFlags },
    aliases: { ...aliases, ...watchAliases },
  },
  docs: {
    brief: "List the requests of agents that wait for a decision",
    customUsage: ["[-n NAMESPACE] [-w] [-o FORMAT]"],
    fullDescription: description("List the requests of agents that wait for a decision, oldest first.", [
      ["All that waits, in every namespace", "kubectl hoop pending"],
      ["Stay, and see requests come and be decided", "kubectl hoop pending -w"],
      ["With digest, approvers and the agent's reason", "kubectl hoop pending -n shop -o wide"],
    ]),
  },
});

const show = buildCommand<ShowFlags, [string], Context>({
  loader: async () => (await import("./commands/show.ts")).show,
  parameters: {
    flags: { ...outputFlag, ...colorFlag, ...connectionFlags },
    aliases,
    positional: { kind: "tuple", parameters: [name] },
  },
  docs: {
    brief: "Show one approval in full, with what would change",
    customUsage: ["NAME [-n NAMESPACE] [-o FORMAT]"],
    fullDescription: description(
      "Show one approval: who asks for what, why it is held, who decides, and what would change.\n" +
        "Without -n it is looked for in all namespaces.",
      [
        ["Read it", "kubectl hoop show delete-ns-prod-7x2k"],
        ["Page through it in colour", "kubectl hoop show delete-ns-prod-7x2k --color=always | less -R"],
        ["The digest, for a script", "kubectl hoop show delete-ns-prod-7x2k -o json | jq -r .spec.digest"],
      ],
    ),
  },
});

const letThroughFlags: FlagParametersForType<ApproveFlags, Context> = {
  message: { ...optionalText, brief: "Comment, kept with the decision", placeholder: "TEXT" },
  yes: { kind: "boolean", brief: "Do not show it and ask", default: false, withNegated: false },
  ...decisionFlags,
  ...colorFlag,
  ...connectionFlags,
};

const approve = buildCommand<ApproveFlags, string[], Context>({
  loader: async () => (await import("./commands/decide.ts")).approve,
  parameters: {
    flags: letThroughFlags,
    aliases: { ...aliases, m: "message" },
    positional: { kind: "array", parameter: pendingName, minimum: 1 },
  },
  docs: {
    brief: "Let a request of an agent through, once",
    customUsage: ["NAME... [-m COMMENT] [--yes | --digest PREFIX]"],
    fullDescription: description(
      "Let requests of agents through, once and exactly as they are. On a terminal each is shown first, and nothing\n" +
        "happens unless you answer yes. Approving again what you have approved is no error.",
      [
        ["Look at it, then decide", "kubectl hoop approve delete-ns-prod-7x2k -m CHG-12"],
        ["In a script: only what was reviewed", "kubectl hoop approve delete-ns-prod-7x2k --digest 3f9c41d8"],
        ["Try it without deciding", "kubectl hoop approve delete-ns-prod-7x2k --dry-run=server"],
      ],
    ),
  },
});

const deny = buildCommand<DenyFlags, string[], Context>({
  loader: async () => (await import("./commands/decide.ts")).deny,
  parameters: {
    flags: {
      message: { kind: "parsed", parse: reason, brief: "Why; the agent is told", placeholder: "TEXT" },
      ...decisionFlags,
      ...colorFlag,
      ...connectionFlags,
    },
    aliases: { ...aliases, m: "message" },
    positional: { kind: "array", parameter: pendingName, minimum: 1 },
  },
  docs: {
    brief: "Refuse a request of an agent, and tell it why",
    customUsage: ["NAME... -m COMMENT"],
    fullDescription: description("Refuse requests of agents. The comment is what the agent reads.", [
      ["Say why", "kubectl hoop deny delete-ns-prod-7x2k -m 'prod stays; use ns/staging'"],
    ]),
  },
});

const reapprove = buildCommand<ApproveFlags, string[], Context>({
  loader: async () => (await import("./commands/decide.ts")).reapprove,
  parameters: {
    flags: letThroughFlags,
    aliases: { ...aliases, m: "message" },
    positional: { kind: "array", parameter: named(approvalNames("Used", "Expired")), minimum: 1 },
  },
  docs: {
    brief: "Let the very same request through once more",
    customUsage: ["NAME... [-m COMMENT] [--yes | --digest PREFIX]"],
    fullDescription: description(
      "Let the very same request through once more, after its approval was used and the write then failed elsewhere\n" +
        "(a quota, a conflict, another webhook), or after it expired. A new approval is made; the old one stays as it is.",
      [
        [
          "The quota is raised: now it may run again",
          "kubectl hoop reapprove create-pod-web-7x2k -m 'quota raised'",
        ],
      ],
    ),
  },
});

const version = buildCommand<Record<never, never>, [], Context>({
  loader: async () => (await import("./commands/version.ts")).version,
  parameters: {},
  docs: { brief: "Print the version of this plugin", customUsage: [""] },
});

export const commands = buildRouteMap({
  routes: {
    pending,
    show,
    approve,
    deny,
    reapprove,
    records,
    run,
    secret: secretCommands,
    policy: policyCommands,
    login,
    credential,
    logout,
    sessions,
    watch,
    replay,
    kill,
    check,
    doctor,
    export: exportCommand,
    review,
    verify,
    uninstall,
    version,
  },
  docs: {
    brief: "See and decide what agents ask of this cluster",
    fullDescription: description(
      "See and decide what agents ask of this cluster, with your own kubeconfig.",
      [
        ["What waits?", "kubectl hoop pending"],
        ["Look at one, and decide", "kubectl hoop approve NAME"],
        ["As an agent: see why a command waits", "kubectl hoop run -- kubectl delete namespace prod"],
        ["As an agent: begin a session", "kubectl hoop login --profile deployer"],
      ],
    ),
  },
});

function reason(text: string): string {
  if (text.trim() !== "") return text;
  throw new CommandError("say why, the agent is told");
}
