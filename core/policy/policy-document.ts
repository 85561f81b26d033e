/** An AgentPolicy as it stands in a file: what is wrong with it, and where. */
import Type from "typebox";
import type { AgentMatcher } from "../agents.ts";
import { shapeMismatches, withoutMismatches } from "./agent-policy-shape.ts";
import { type Catalogue, catalogueProblems } from "./catalogue.ts";
import { type CompiledPolicy, compilePolicy } from "./compile.ts";
import { pathOf, type SourceDocument, type SourceProblem, schemaProblems } from "./documents.ts";
import { oddities } from "./odd.ts";
import { type Problem, policyOf } from "./read.ts";
import { type AgentPolicy, AgentPolicySpec } from "./spec.ts";
import type { Structural } from "./structural.ts";

const AgentPolicyDocument = Type.Object({
  apiVersion: Type.Literal("policy.hoop.dev/v1alpha1"),
  kind: Type.Literal("AgentPolicy"),
  metadata: Type.Object({ name: Type.String({ minLength: 1 }) }),
  spec: AgentPolicySpec,
});

export interface PolicyDocument {
  /** As it is written, and as it judges; absent where its shape is wrong. */
  read?: { policy: AgentPolicy; compiled: CompiledPolicy };
  problems: SourceProblem[];
}

/** `shipped`: it is a bundle of the catalogue itself. */
export function policyIn(document: SourceDocument, catalogue: Catalogue, shipped = false): PolicyDocument {
  const misshapen = schemaProblems(AgentPolicyDocument, document);
  if (misshapen.length > 0) return { problems: misshapen };
  const found = policyOf(document.value);
  if ("problems" in found) return { problems: located(document, found.problems) };
  const { policy } = found;
  if (shipped) {
    const compiled = catalogue.bundles.find(({ name }) => name === policy.metadata.name);
    return compiled === undefined ? { problems: [] } : { read: { policy, compiled }, problems: [] };
  }
  const { policy: compiled, problems } = compilePolicy(policy);
  return {
    read: { policy, compiled },
    problems: located(document, [...problems, ...catalogueProblems(catalogue, policy)]),
  };
}

function located(document: SourceDocument, problems: readonly Problem[]): SourceProblem[] {
  return problems.map(({ path, message, line, column }) =>
    document.problem(
      pathOf(path),
      message,
      line === undefined || column === undefined ? undefined : { line, column },
    ),
  );
}

/**
 * Whatever `kubectl apply` would be refused for, and its expressions' problems although its shape is wrong; each place
 * once. `definition`: the schema of its CustomResourceDefinition.
 */
export function policyProblems(
  document: SourceDocument,
  catalogue: Catalogue,
  definition: Structural,
): SourceProblem[] {
  const wrong = shapeMismatches(definition, document.value);
  const shape = wrong.map(({ path, message }) => document.problem(path, message));
  const value = wrong.length === 0 ? document.value : withoutMismatches(document.value, wrong);
  const inside = value === undefined ? [] : policyIn({ ...document, value }, catalogue).problems;
  const places = new Set(shape.map(placeOf));
  const all = [...shape, ...inside.filter((one) => !places.has(placeOf(one)))];
  return all.sort((one, other) => one.line - other.line || one.column - other.column);
}

const placeOf = ({ line, column }: SourceProblem): string => `${line}:${column}`;

/** What of it is legal and probably not what was meant, as applying it would warn. */
export function policyWarnings(document: SourceDocument, agents: AgentMatcher): SourceProblem[] {
  const read = policyOf(document.value);
  if ("problems" in read) return [];
  return oddities(read.policy.spec, agents).map((words) => {
    const [, path = "spec", message = words] = /^(spec[^:]*): (.*)$/s.exec(words) ?? [];
    return document.problem(pathOf(path), message);
  });
}
