/** The shipped catalogue: files of AgentPolicies, each a bundle of rules. */
import { parseAllDocuments } from "yaml";
import { type CompiledPolicy, type CompiledRule, compilePolicy } from "./compile.ts";
import { type Problem, policyOf } from "./read.ts";
import type { AgentPolicy } from "./spec.ts";

export interface Catalogue {
  bundles: readonly CompiledPolicy[];
  /** By name; `switchable`: whether policies of the cluster may say how it is meant. */
  rules: ReadonlyMap<string, { rule: CompiledRule; switchable: boolean }>;
}

/** On a bundle: with "false", its rules are in force whatever policies say. */
const SWITCHABLE = "hoop.dev/switchable";

/** Throws an error that names the file where anything in one is wrong: a catalogue with a hole is none. */
export function readCatalogue(files: readonly { name: string; text: string }[]): Catalogue {
  const bundles = files.flatMap(({ name, text }) =>
    parseAllDocuments(text).map((document) => {
      if (document.errors.length > 0) throw new Error(`${name}: ${document.errors[0]?.message}`);
      return bundleOf(name, document.toJS());
    }),
  );
  const rules = new Map<string, { rule: CompiledRule; switchable: boolean }>();
  for (const { name, origin, rules: own } of bundles)
    for (const rule of own) {
      if (rules.has(rule.name))
        throw new Error(`${name}: two rules of the catalogue are called ${rule.name}`);
      rules.set(rule.name, { rule, switchable: origin?.switchable === true });
    }
  return { bundles, rules };
}

function bundleOf(file: string, value: unknown): CompiledPolicy {
  const read = policyOf(value);
  if ("problems" in read) throw problem(file, read.problems);
  const labels: unknown = (read.policy.metadata as { labels?: unknown }).labels;
  const isGuard =
    typeof labels === "object" &&
    labels !== null &&
    (labels as Record<string, unknown>)[SWITCHABLE] === "false";
  const { policy, problems } = compilePolicy(read.policy, { switchable: !isGuard });
  if (problems.length > 0) throw problem(file, problems);
  if (policy.entries.length > 0)
    throw problem(file, [{ path: "spec.catalogue", message: "is for policies" }]);
  return policy;
}

function problem(file: string, problems: readonly { path: string; message: string }[]): Error {
  return new Error(`${file}: ${problems.map(({ path, message }) => `${path}: ${message}`).join("; ")}`);
}

/** What is wrong with what a policy says of the catalogue; such entries do nothing. */
export function catalogueProblems(catalogue: Catalogue, { spec }: AgentPolicy): Problem[] {
  return (spec.catalogue ?? []).flatMap(({ rule }, i) => {
    const known = catalogue.rules.get(rule);
    if (known?.switchable === true) return [];
    const message =
      known === undefined ? "no rule of the catalogue has this name" : "this rule is always in force";
    return [{ path: `spec.catalogue[${i}].rule`, message }];
  });
}
