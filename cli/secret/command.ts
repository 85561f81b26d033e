/** What `kubectl hoop secret …` takes and says about itself. */
import { buildCommand, buildRouteMap, type FlagParametersForType } from "@stricli/core";
import type { RevealFlags, SetFlags } from "../commands/secret.ts";
import type { Context } from "../context.ts";
import { description } from "../description.ts";
import { aliases, connectionFlags, waitFlag } from "../flags.ts";
import { keyNames, secretNames } from "./names.ts";
import { keyName, type SecretName, secretName } from "./target.ts";

const { n, s } = aliases;
const secret = {
  brief: "Which Secret; without a namespace, in that of -n or of the context",
  placeholder: "[NAMESPACE/]NAME",
  parse: secretName,
  proposeCompletions: secretNames,
} as const;
const key = {
  brief: "Which of its values",
  placeholder: "KEY",
  parse: keyName,
  proposeCompletions: keyNames,
} as const;
const positional = { kind: "tuple", parameters: [secret, key] } as const;

const setFlags: FlagParametersForType<SetFlags, Context> = {
  create: {
    kind: "boolean",
    brief: "Make the Secret where there is none",
    default: false,
    withNegated: false,
  },
  type: {
    kind: "parsed",
    parse: String,
    brief: "With --create: its type, Opaque where it is not said",
    placeholder: "TYPE",
    optional: true,
  },
  keepNewline: {
    kind: "boolean",
    brief: "Take every byte of standard input, the end of a single line too",
    default: false,
    withNegated: false,
  },
  dryRun: {
    kind: "enum",
    values: ["none", "server"],
    brief: "server: let the server check it, change nothing",
    default: "none",
  },
  ...waitFlag,
  ...connectionFlags,
};

const set = buildCommand<SetFlags, [SecretName, string], Context>({
  loader: async () => (await import("../commands/secret.ts")).set,
  parameters: { flags: setFlags, aliases: { n, s }, positional },
  docs: {
    brief: "Set one value of a Secret, typed or piped",
    customUsage: ["[NAMESPACE/]NAME KEY [--create [--type TYPE]] [--keep-newline] [--wait[=DURATION]]"],
    fullDescription: description(
      "Set one value of a Secret, and leave all else in it as it is. The value is read from standard input; on a terminal\n" +
        "it is asked for twice, and not shown. It is never an argument, so no list of processes and no shell history has it.\n" +
        "A single line is taken without its end, which echo adds; more than one line, and what is not text, as it is.\n" +
        "An agent waits for a person; exit code 75 when the decision is still pending, 77 when it was denied.",
      [
        ["Type it", "kubectl hoop secret set shop/db password"],
        ["From another program", "openssl rand -base64 24 | kubectl hoop secret set shop/db password"],
        ["A file, as it is", "kubectl hoop secret set shop/web tls.key < tls.key"],
        ["A new Secret", "kubectl hoop secret set shop/api token --create < token"],
      ],
    ),
  },
});

const reveal = buildCommand<RevealFlags, [SecretName, string], Context>({
  loader: async () => (await import("../commands/secret.ts")).reveal,
  parameters: {
    flags: {
      reason: {
        kind: "parsed",
        parse: String,
        brief: "Why; whoever decides is shown it",
        placeholder: "TEXT",
        optional: true,
      },
      ...waitFlag,
      ...connectionFlags,
    },
    aliases: { n, s },
    positional,
  },
  docs: {
    brief: "Print one value of a Secret, once a person has let it through",
    customUsage: ["[NAMESPACE/]NAME KEY [--reason TEXT] [--wait[=DURATION]]"],
    fullDescription: description(
      "Print one value of a Secret on standard output: its bytes and nothing else; on a terminal in base64 where they are\n" +
        "not text. An agent waits for a person, gets the value once, and it is recorded; exit code 75 when the decision is\n" +
        "still pending, 77 when it was denied.",
      [
        ["With a reason", "kubectl hoop secret reveal shop/db password --reason 'to restore the backup'"],
        ["Into a file", "kubectl hoop secret reveal shop/web tls.crt > tls.crt"],
      ],
    ),
  },
});

export const secretCommands = buildRouteMap({
  routes: { set, reveal },
  docs: {
    brief: "Set and reveal single values of Secrets",
    fullDescription: description(
      "Set and reveal single values of Secrets. To read and edit all else of them: kubectl get secure-secrets.",
      [["What is there, without values", "kubectl get secure-secrets -n shop"]],
    ),
  },
});
