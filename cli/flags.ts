/** The flags that commands share, as kubectl spells them. */
import type { FlagParametersForType } from "@stricli/core";
import { contextNames, namespaceNames } from "./completion/names.ts";
import type { Context } from "./context.ts";
import { CommandError } from "./failure.ts";

/** Which cluster, as whom, where: handed on to kubectl. */
export interface ConnectionFlags {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly cluster: string | undefined;
  readonly user: string | undefined;
  readonly server: string | undefined;
  readonly requestTimeout: string | undefined;
  readonly namespace: string | undefined;
  readonly as: string | undefined;
  readonly asGroup: readonly string[] | undefined;
}

/** As the environment and the kubeconfig say. */
export const NO_CONNECTION: ConnectionFlags = {
  kubeconfig: undefined,
  context: undefined,
  cluster: undefined,
  user: undefined,
  server: undefined,
  requestTimeout: undefined,
  namespace: undefined,
  as: undefined,
  asGroup: undefined,
};

/** What both decisions take. */
export interface DecisionFlags {
  readonly digest: string | undefined;
  readonly dryRun: "none" | "client" | "server";
  readonly output: Exclude<Output, "wide"> | undefined;
}

export type Output = "json" | "yaml" | "name" | "wide";

export interface OutputFlag {
  readonly output: Output | undefined;
}

export interface WatchFlags {
  readonly allNamespaces: boolean;
  readonly watch: boolean;
}

export interface WaitFlag {
  /** Milliseconds; without end: until it is decided or expires. */
  readonly wait: number | undefined;
}

export interface ColorFlag {
  readonly color: "auto" | "always" | "never";
}

const text = (brief: string, placeholder: string) =>
  ({ kind: "parsed", parse: String, brief, placeholder, optional: true }) as const;

export const connectionFlags: FlagParametersForType<ConnectionFlags, Context> = {
  namespace: {
    ...text("The namespace to look in", "NAME"),
    parse: dnsLabel,
    proposeCompletions: namespaceNames,
  },
  kubeconfig: text("Path of the kubeconfig file to use", "FILE"),
  context: { ...text("The kubeconfig context to use", "NAME"), proposeCompletions: contextNames },
  cluster: text("The kubeconfig cluster to use", "NAME"),
  user: text("The kubeconfig user to use", "NAME"),
  server: text("Address of the API server", "URL"),
  requestTimeout: text("How long to wait for one answer of the server, such as 10s", "DURATION"),
  as: text("User to impersonate; not for decisions", "NAME"),
  asGroup: {
    kind: "parsed",
    parse: String,
    brief: "Group to impersonate; not for decisions",
    placeholder: "NAME",
    optional: true,
    variadic: true,
  },
};

export const outputFlag: FlagParametersForType<OutputFlag, Context> = {
  output: { kind: "enum", values: ["json", "yaml", "name", "wide"], brief: "Output format", optional: true },
};

export const watchFlags: FlagParametersForType<WatchFlags, Context> = {
  allNamespaces: {
    kind: "boolean",
    brief: "Look in all namespaces, which is the default",
    default: false,
    withNegated: false,
  },
  watch: {
    kind: "boolean",
    brief: "Go on and print what happens as it happens",
    default: false,
    withNegated: false,
  },
};

export const waitFlag: FlagParametersForType<WaitFlag, Context> = {
  wait: {
    kind: "parsed",
    parse: (text) => (text === "" ? Number.POSITIVE_INFINITY : milliseconds(text)),
    inferEmpty: true,
    brief: "When it ends held: wait for the decision, this long at most, and run it once more",
    placeholder: "DURATION",
    optional: true,
  },
};

export const colorFlag: FlagParametersForType<ColorFlag, Context> = {
  color: {
    kind: "enum",
    values: ["auto", "always", "never"],
    brief: "When to colour the change",
    default: "auto",
  },
};

export const decisionFlags: FlagParametersForType<DecisionFlags, Context> = {
  digest: { ...text("Decide only on what has this digest", "PREFIX"), parse: digestPrefix },
  dryRun: {
    kind: "enum",
    values: ["none", "client", "server"],
    brief: "client: only print; server: let the server check it, decide nothing",
    default: "none",
  },
  output: { kind: "enum", values: ["json", "yaml", "name"], brief: "Output format", optional: true },
};

/** `90s`, `2m`, `1h30m`, as milliseconds. */
export function milliseconds(duration: string): number {
  const [all, hours = "0", minutes = "0", seconds = "0"] =
    /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(duration) ?? [];
  if (all === undefined || all === "") throw new CommandError("not a duration such as 90s, 2m or 1h30m");
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}

export const ledgerPath = {
  brief: "Directory or database file to read; left out: the ledger of the cluster",
  placeholder: "PATH",
  parse: String,
  optional: true,
} as const;

/** Single letters, as kubectl has them. `h` is taken by --help. */
export const aliases = { n: "namespace", s: "server", o: "output" } as const;
export const watchAliases = { A: "allNamespaces", w: "watch" } as const;

/** The namespace a list is of, undefined for all. `-A` outdoes `-n`, as in kubectl. */
export function listNamespace(flags: ConnectionFlags & WatchFlags): string | undefined {
  return flags.allNamespaces ? undefined : flags.namespace;
}

/** A name on the command line, also as `-o name` prints it. It goes into a path, so it must be one. */
export function approvalName(argument: string): string {
  const name = argument.replace(/^(approval|approvals|appr)(\.hoop\.dev)?\//, "");
  if (/^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/.test(name)) return name;
  throw new CommandError("not the name of an approval (lower-case letters, digits, - and .)");
}

function dnsLabel(namespace: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) return namespace;
  throw new CommandError("not the name of a namespace (lower-case letters, digits and -)");
}

/** Eight characters are what a script can be trusted to have copied from somewhere. */
function digestPrefix(digest: string): string {
  const prefix = digest.toLowerCase().replace(/^sha256:/, "");
  if (/^[0-9a-f]{8,64}$/.test(prefix)) return prefix;
  throw new CommandError("not a digest: 8 to 64 hexadecimal digits");
}
