/** From an object of the API server or of a file to an AgentPolicy. */
import { Value } from "typebox/value";
import { type AgentPolicy, AgentPolicySpec } from "./spec.ts";

/** What is wrong with a policy, and where: `spec.rules[2].when`. Line and column count from 1, within an expression. */
export interface Problem {
  path: string;
  message: string;
  line?: number;
  column?: number;
}

/** The policy, or what its shape lacks; `name` is "" where it has none. */
export function policyOf(value: unknown): { policy: AgentPolicy } | { name: string; problems: Problem[] } {
  const metadata = memberOf(value, "metadata");
  const name = memberOf(metadata, "name");
  if (typeof name !== "string" || name === "")
    return { name: "", problems: [{ path: "metadata.name", message: "is missing" }] };
  const spec = memberOf(value, "spec") ?? {};
  const problems = shapeProblems(spec);
  if (problems.length > 0) return { name, problems };
  return { policy: { metadata: { ...(metadata as object), name }, spec: spec as AgentPolicySpec } };
}

/** How a spec differs from {@link AgentPolicySpec}. No value of it is in the messages. */
export function shapeProblems(spec: unknown): Problem[] {
  if (Value.Check(AgentPolicySpec, spec)) return [];
  const errors = Value.Errors(AgentPolicySpec, spec).filter(({ keyword }) => !SUMMARIES.has(keyword));
  const places = Map.groupBy(errors, ({ instancePath }) => instancePath);
  const problems = [...places].map(([place, all]) => ({ path: pathOf(place), message: messageOf(all) }));
  return problems.length > 0 ? problems : [{ path: "spec", message: "is not valid" }];
}

/** They say again what others say of a member, or of each choice. */
const SUMMARIES = new Set(["additionalProperties", "anyOf"]);

function messageOf(errors: readonly { keyword: string; message: string; params: object }[]): string {
  const choices = errors.flatMap(({ params }) =>
    "allowedValue" in params ? [String(params.allowedValue)] : [],
  );
  if (choices.length > 0) return `must be one of ${choices.join(", ")}`;
  const [first] = errors;
  return first?.keyword === "boolean" ? "is unknown" : (first?.message ?? "is not valid");
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

/** `/rules/2/when` is `spec.rules[2].when`. */
function pathOf(pointer: string): string {
  const parts = pointer.split("/").slice(1);
  return parts.reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : `${path}.${part}`), "spec");
}
