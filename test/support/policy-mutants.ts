/** A policy that says everything a policy can say, and what becomes of it when something in it is changed at random. */
import fc from "fast-check";

const rules = {
  apiGroups: ["apps"],
  apiVersions: ["v1"],
  operations: ["CREATE", "UPDATE"],
  resources: ["deployments"],
  resourceNames: ["web"],
  scope: "Namespaced",
};
const selector = {
  matchLabels: { "example.com/team": "shop" },
  matchExpressions: [
    { key: "env", operator: "In", values: ["prod"] },
    { key: "old", operator: "DoesNotExist" },
  ],
};
const constraints = {
  resourceRules: [rules],
  excludeResourceRules: [{ apiGroups: ["*"], operations: ["*"], resources: ["*/status"] }],
  namespaceSelector: selector,
  objectSelector: selector,
};
const approval = { groups: ["sre", "ops"], count: 2, expiresIn: "1h", validFor: "10m", maxWait: "90s" };

/** As JSON; every field is there. */
export const WHOLE = {
  apiVersion: "policy.hoop.dev/v1alpha1",
  kind: "AgentPolicy",
  metadata: {
    name: "mutant",
    labels: { "example.com/team": "shop" },
    annotations: { "example.com/why": "because" },
  },
  spec: {
    matchConstraints: constraints,
    matchConditions: [
      { name: "first", expression: "request.name != 'x'" },
      { name: "second", expression: "params.data.a != 'x'" },
    ],
    paramKind: { apiVersion: "v1", kind: "ConfigMap" },
    paramRef: { name: "limits", namespace: "demo", parameterNotFoundAction: "Allow" },
    variables: [{ name: "name", expression: "request.name" }],
    rules: [
      {
        name: "held",
        matchConstraints: constraints,
        when: "variables.name == 'y'",
        action: "Hold",
        mode: "Warn",
        message: "because",
        messageExpression: "'of ' + variables.name",
        approval,
        severity: "High",
        description: "why",
        controls: ["AC-6", "AC-3"],
      },
      { name: "denied", action: "Deny", when: "request.name == 'z'" },
    ],
    catalogue: [
      { rule: "pod-delete", when: "request.name == 'x'", mode: "Off" },
      { rule: "rbac-write", approval },
    ],
  },
};

type Path = readonly (string | number)[];

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const inside = Object.entries(value).flatMap(([name, member]) =>
    pathsOf(member, [...path, Array.isArray(value) ? Number(name) : name]),
  );
  return path.length === 0 ? inside : [path, ...inside];
}

/** What may come to stand in place of something: of each type, at the edges of what fields allow, and words of it. */
const ODD: readonly unknown[] = [
  ...[null, true, 0, 1, 10, 11, -1, 1.5, 1e30],
  ...[
    "",
    " ",
    "x",
    "y",
    "*",
    "Off",
    "Deny",
    "Secret",
    "v1",
    "1h",
    "0s",
    "1d",
    "-x",
    "A_b",
    "a/b",
    "a/b/c",
    "é",
  ],
  ...["true", "request.name == 'x'", "nosuch == 1", "1 +", "a".repeat(63), "a".repeat(64), "b".repeat(400)],
  ...[[], [""], ["*"], ["*", "apps"], ["x", "x"], [1], {}, { a: "b" }, { a: 1 }, { "a b": "c" }, [[]], [{}]],
  "\u{1F600}".repeat(200),
];

type Change = { path: Path; how: "replace" | "remove" | "repeat" | "add"; odd: unknown };

const change: fc.Arbitrary<Change> = fc.record({
  path: fc.constantFrom(...pathsOf(WHOLE)),
  how: fc.constantFrom("replace", "replace", "remove", "repeat", "add"),
  odd: fc.constantFrom(...ODD),
});

/** Policies with one to three changes each. */
export const mutants: fc.Arbitrary<object> = fc
  .array(change, { minLength: 1, maxLength: 3 })
  .map((changes) => {
    const mutant = structuredClone(WHOLE);
    for (const one of changes) apply(mutant, one);
    return mutant;
  });

type Container = Record<string | number, unknown>;

function apply(root: object, { path, how, odd }: Change): void {
  const last = path[path.length - 1] ?? "";
  let at: unknown = root;
  for (const part of path.slice(0, -1)) {
    if (typeof at !== "object" || at === null) return;
    at = (at as Container)[part];
  }
  if (typeof at !== "object" || at === null) return;
  const container = at as Container;
  if (how === "replace") container[last] = odd;
  else if (how === "add") container[Array.isArray(at) ? at.length : "added"] = odd;
  else if (how === "repeat" && Array.isArray(at)) at.push(structuredClone(at[0]));
  else if (Array.isArray(at)) at.splice(Number(last), 1);
  else delete container[last];
}
