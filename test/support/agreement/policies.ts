/** Random ValidatingAdmissionPolicies: what they match, on what conditions, and what they then say. */
import fc, { type Arbitrary } from "fast-check";
import type { NamedExpression } from "#core/cel/variables.ts";
import type { AgentPolicySpec, MatchConstraints, ResourceRule, Selector } from "#core/policy/spec.ts";
import { condition, text } from "../../conformance/cel/random.ts";
import { GROUP } from "./cluster.ts";

/** The words that ValidatingAdmissionPolicy and AgentPolicy share, with one validation. */
export interface Candidate {
  readonly matchConstraints: MatchConstraints;
  readonly matchConditions: readonly NamedExpression[];
  readonly variables: readonly NamedExpression[];
  readonly paramRef?: { name: string; namespace?: string };
  /** True where nothing is to be said. */
  readonly expression: string;
  readonly messageExpression?: string;
}

const maybe = <T>(arbitrary: Arbitrary<T>, percent: number): Arbitrary<T | undefined> =>
  fc.integer({ min: 0, max: 99 }).chain((n) => (n < percent ? arbitrary : fc.constant(undefined)));

const one = <T>(...values: T[]): Arbitrary<T> => fc.constantFrom(...values);

/** Without the members that are undefined. */
function without<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return JSON.parse(JSON.stringify(given));
}

const RESOURCES: string[][] = [
  ["things"],
  ["things", "wholes"],
  ["things", "things/status"],
  ["things/*"],
  ["things/status"],
  ["*"],
  ["*/*"],
  ["*/status"],
  ["configmaps", "namespaces"],
  ["wholes"],
  ["limits"],
];
const OPERATIONS: string[][] = [
  ["*"],
  ["*"],
  ["CREATE"],
  ["UPDATE"],
  ["DELETE"],
  ["CREATE", "UPDATE"],
  ["CONNECT", "DELETE"],
];

const resourceRule: Arbitrary<ResourceRule> = fc
  .record({
    apiGroups: one([GROUP], [GROUP, ""], ["*"], ["*"], [""], ["apps"]),
    apiVersions: one(["v1"], ["*"], ["*"], ["v2", "v1"]),
    operations: one(...OPERATIONS),
    resources: one(...RESOURCES),
    resourceNames: maybe(one(["new"], ["new", "n1"], ["other"]), 20),
    scope: maybe(one<"*" | "Cluster" | "Namespaced">("*", "Cluster", "Namespaced"), 30),
  })
  .map(without);

type Operator = NonNullable<Selector["matchExpressions"]>[number]["operator"];

/** `namespaceObject`s are labelled with env, objects with tier. */
const selector = (key: string, values: readonly string[]): Arbitrary<Selector> =>
  fc.oneof<Arbitrary<Selector>[]>(
    fc.constant({}),
    one(...values).map((value) => ({ matchLabels: { [key]: value } })),
    one<Operator>("Exists", "DoesNotExist").map((operator) => ({ matchExpressions: [{ key, operator }] })),
    fc
      .tuple(one<Operator>("In", "NotIn"), fc.subarray([...values], { minLength: 1 }))
      .map(([operator, some]) => ({ matchExpressions: [{ key, operator, values: some }] })),
    fc.constant({
      matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["n2"] }],
    }),
  );

const matchConstraints: Arbitrary<MatchConstraints> = fc
  .record({
    resourceRules: fc.oneof<{ weight: number; arbitrary: Arbitrary<ResourceRule[]> }[]>(
      { weight: 4, arbitrary: fc.constant([everything()]) },
      { weight: 3, arbitrary: fc.array(resourceRule, { minLength: 1, maxLength: 3 }) },
    ),
    excludeResourceRules: maybe(fc.array(resourceRule, { minLength: 1, maxLength: 1 }), 20),
    namespaceSelector: maybe(selector("env", ["prod", "test"]), 30),
    objectSelector: maybe(selector("tier", ["front", "back"]), 30),
  })
  .map(without);

function everything(): ResourceRule {
  return { apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["*/*"] };
}

const named = (prefix: string, most: number): Arbitrary<NamedExpression[]> =>
  fc
    .array(condition, { maxLength: most })
    .map((all) => all.map((expression, n) => ({ name: `${prefix}${n}`, expression })));

const paramRef = fc
  .record({ name: one("most", "most", "missing"), namespace: maybe(one("default", "n1"), 50) })
  .map(without);

/** Conditions that are mostly met, so that more is looked at than them. */
const conditions: Arbitrary<readonly NamedExpression[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  {
    weight: 2,
    arbitrary: one("true", "object != null", "request.name == 'new'", "oldObject == null").map(
      (expression) => [{ name: "c0", expression }],
    ),
  },
  { weight: 2, arbitrary: named("c", 2) },
);

export const candidate: Arbitrary<Candidate> = fc
  .record({
    matchConstraints,
    matchConditions: conditions,
    variables: named("v", 1),
    paramRef: maybe(paramRef, 40),
    expression: condition,
    messageExpression: maybe(text, 50),
  })
  .map(without);

const LIMITS = { apiVersion: `${GROUP}/v1`, kind: "Limit" };
const MESSAGE = "said no";

/** As it is given to Kubernetes: denied unless the expression is true. */
export function validatingSpec(given: Candidate): object {
  const { expression, messageExpression, paramRef: ref, ...shared } = given;
  const validation = {
    expression,
    message: MESSAGE,
    ...(messageExpression === undefined ? {} : { messageExpression }),
  };
  return { ...shared, ...(ref === undefined ? {} : { paramKind: LIMITS }), validations: [validation] };
}

export type NotFound = "Allow" | "Deny";

/** What is left to the binding. */
export function bindingSpec({ paramRef: ref }: Candidate, notFound: NotFound = "Allow"): object {
  return ref === undefined ? {} : { paramRef: { ...ref, parameterNotFoundAction: notFound } };
}

/** `!(…)` is of type bool whatever stands in it, so whether it compiles is asked of what does. */
export type Sense = "fires where it is not true" | "fires where it is true";

/** As it is given to Hoop. */
export function agentSpec(given: Candidate, sense: Sense, notFound: NotFound = "Allow"): AgentPolicySpec {
  const { expression, messageExpression, paramRef: ref, matchConditions, variables, ...shared } = given;
  const rule = {
    name: "only",
    action: "Deny" as const,
    when: sense === "fires where it is true" ? expression : `!(${expression})`,
    message: MESSAGE,
    ...(messageExpression === undefined ? {} : { messageExpression }),
  };
  return {
    ...shared,
    matchConditions: [...matchConditions],
    variables: [...variables],
    ...(ref === undefined
      ? {}
      : { paramKind: LIMITS, paramRef: { ...ref, parameterNotFoundAction: notFound } }),
    rules: [rule],
  };
}
