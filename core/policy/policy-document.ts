/** An AgentPolicy as it stands in a file: what is wrong with it, and where. */
import Type from "typebox";
import { type Catalogue, catalogueProblems } from "./catalogue.ts";
import { type CompiledPolicy, compilePolicy } from "./compile.ts";
import { pathOf, type SourceDocument, type SourceProblem, schemaProblems } from "./documents.ts";
import { policyOf } from "./read.ts";
import { type AgentPolicy, AgentPolicySpec } from "./spec.ts";

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
  if ("problems" in found)
    return { problems: found.problems.map(({ path, message }) => document.problem(pathOf(path), message)) };
  const { policy } = found;
  if (shipped) {
    const compiled = catalogue.bundles.find(({ name }) => name === policy.metadata.name);
    return compiled === undefined ? { problems: [] } : { read: { policy, compiled }, problems: [] };
  }
  const { policy: compiled, problems } = compilePolicy(policy);
  return {
    read: { policy, compiled },
    problems: [...problems, ...catalogueProblems(catalogue, policy)].map(({ path, message, line, column }) =>
      document.problem(
        pathOf(path),
        message,
        line === undefined || column === undefined ? undefined : { line, column },
      ),
    ),
  };
}
