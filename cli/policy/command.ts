/** What `kubectl hoop policy …` takes and says about itself. */
import { buildCommand, buildRouteMap, type FlagParametersForType } from "@stricli/core";
import type { ExplainFlags } from "../commands/policy-explain.ts";
import type { PolicyListFlags } from "../commands/policy-list.ts";
import type { PolicyCheckFlags, PolicyTestFlags } from "../commands/policy-test.ts";
import type { Context } from "../context.ts";
import { description } from "../description.ts";
import { agentNames } from "../doctor/names.ts";
import { aliases, connectionFlags } from "../flags.ts";

const { n, s, o } = aliases;
const paths = {
  kind: "array",
  parameter: { brief: "Folder or file", placeholder: "PATH", parse: String },
  minimum: 1,
} as const;
const withCatalogue = {
  kind: "boolean",
  brief: "Judge by the shipped catalogue, too",
  default: true,
} as const;

const test = buildCommand<PolicyTestFlags, string[], Context>({
  loader: async () => (await import("../commands/policy-test.ts")).test,
  parameters: {
    flags: {
      catalogue: withCatalogue,
      output: { kind: "enum", values: ["text", "json", "junit"], brief: "Output format", default: "text" },
    },
    aliases: { o },
    positional: paths,
  },
  docs: {
    brief: "Run the tests of AgentPolicies, without a cluster",
    customUsage: ["PATH... [--no-catalogue] [-o FORMAT]"],
    fullDescription: description(
      "Judge the requests of every AgentPolicyTest in these files and folders by the AgentPolicies that lie there and by the\n" +
        "shipped catalogue, and compare. Says which rules no test triggers. No cluster is asked. Exit code 0: all as expected;\n" +
        "1: something else; 2: a policy or a test that cannot be used.",
      [
        ["What is in a folder, and below it", "kubectl hoop policy test policies/"],
        ["By these policies alone", "kubectl hoop policy test policies/ --no-catalogue"],
        ["In a pipeline", "kubectl hoop policy test policies/ -o junit > junit.xml"],
      ],
    ),
  },
});

const check = buildCommand<PolicyCheckFlags, string[], Context>({
  loader: async () => (await import("../commands/policy-test.ts")).check,
  parameters: {
    flags: {
      output: { kind: "enum", values: ["text", "json"], brief: "Output format", default: "text" },
    },
    aliases: { o },
    positional: paths,
  },
  docs: {
    brief: "Say what does not compile in AgentPolicies, and where",
    customUsage: ["PATH... [-o FORMAT]"],
    fullDescription: description(
      "Read and compile the AgentPolicies, AgentProfiles and tests in these files and folders, as strictly as kubectl apply.\n" +
        "Prints FILE:LINE:COLUMN of whatever is wrong, and of what the cluster would warn of. No cluster is asked. Exit code 0:\n" +
        "nothing is wrong; 1: something is; 2: a file cannot be read.",
      [["Before a commit", "kubectl hoop policy check policies/"]],
    ),
  },
});

const text = (brief: string, placeholder: string) =>
  ({ kind: "parsed", parse: String, brief, placeholder, optional: true }) as const;
const { as: _, asGroup: __, ...connection } = connectionFlags;

const explainFlags: FlagParametersForType<ExplainFlags, Context> = {
  filename: {
    kind: "parsed",
    parse: String,
    brief: "The object to write; - for standard input",
    placeholder: "FILE",
  },
  as: {
    kind: "parsed",
    parse: String,
    brief: "The agent: user name, or NAMESPACE/NAME of a ServiceAccount",
    placeholder: "AGENT",
    proposeCompletions: agentNames,
  },
  asGroup: { ...text("A group of the agent", "NAME"), variadic: true },
  operation: {
    kind: "enum",
    values: ["create", "update", "delete", "connect"],
    brief: "What is done with it; left out: update where it is there, else create",
    optional: true,
  },
  resource: text("RESOURCE[.GROUP][/SUBRESOURCE], where the kind is not built in", "NAME"),
  name: text("Its name, where the object does not say it", "NAME"),
  old: text("The object as it is now; left out: as it is in the cluster", "FILE"),
  policies: {
    ...text("Judge by the AgentPolicies below this, and ask no cluster", "PATH"),
    variadic: true,
  },
  catalogue: withCatalogue,
  all: {
    kind: "boolean",
    brief: "Also show the rules that are about other requests",
    default: false,
    withNegated: false,
  },
  output: { kind: "enum", values: ["text", "json"], brief: "Output format", default: "text" },
  ...connection,
};

const explain = buildCommand<ExplainFlags, [], Context>({
  loader: async () => (await import("../commands/policy-explain.ts")).explain,
  parameters: { flags: explainFlags, aliases: { f: "filename", n, s, o } },
  docs: {
    brief: "Say what would become of an agent's write, and why",
    customUsage: ["-f FILE --as AGENT [--operation OPERATION] [--policies PATH] [-o FORMAT]"],
    fullDescription: description(
      "Judge a write as Hoop would, without making it: each rule that is about it, whether it fires, and what every part of\n" +
        "its expressions comes to; <- marks what decided. Values that are or may be secret are not shown. By the cluster's\n" +
        "policies, Namespace and ServiceAccount; with --policies by those below PATH, and without a cluster: Namespaces,\n" +
        "ServiceAccounts and params may lie there, too, and have no labels where they do not.",
      [
        ["Would it wait?", "kubectl hoop policy explain -f deployment.yaml --as ci/deployer"],
        [
          "A policy that is not in the cluster yet",
          "kubectl hoop policy explain -f pod.yaml --as ci/deployer --policies policies/",
        ],
        ["A delete", "kubectl hoop policy explain -f ns.yaml --as ci/deployer --operation delete"],
      ],
    ),
  },
});

const list = buildCommand<PolicyListFlags, [], Context>({
  loader: async () => (await import("../commands/policy-list.ts")).list,
  parameters: {
    flags: {
      policies: { ...text("The AgentPolicies below this, and ask no cluster", "PATH"), variadic: true },
      catalogue: { ...withCatalogue, brief: "With the rules of the shipped catalogue" },
      switched: {
        kind: "boolean",
        brief: "Only rules of the catalogue of which a policy says something",
        default: false,
        withNegated: false,
      },
      output: { kind: "enum", values: ["json", "wide"], brief: "Output format", optional: true },
      ...connectionFlags,
    },
    aliases: { n, s, o },
  },
  docs: {
    brief: "List the rules that agents are judged by",
    customUsage: ["[--policies PATH] [--no-catalogue | --switched] [-o FORMAT]"],
    fullDescription: description(
      "List the rules of the shipped catalogue and of the cluster's AgentPolicies, with what each does.",
      [
        ["All of them", "kubectl hoop policy list"],
        ["Why each is there", "kubectl hoop policy list -o wide"],
        ["What is not as it was shipped", "kubectl hoop policy list --switched"],
      ],
    ),
  },
});

export const policyCommands = buildRouteMap({
  routes: { test, check, explain, list },
  docs: {
    brief: "Write, try and look at the rules that agents are judged by",
    fullDescription: description(
      "Write, try and look at the rules that agents are judged by: AgentPolicies and the shipped catalogue.\n" +
        "How to write them: docs/guides/policies.md.",
      [
        ["Test them", "kubectl hoop policy test policies/"],
        ["Why does this wait?", "kubectl hoop policy explain -f deployment.yaml --as ci/deployer"],
      ],
    ),
  },
});
