/** Policies and writes that chance does not bring: where Kubernetes and Hoop are known to part, and denials in earnest. */
import type { MatchConstraints } from "#core/policy/spec.ts";
import { GROUP, things, type Write } from "./cluster.ts";
import type { Candidate } from "./policies.ts";

export interface Case {
  given: Candidate;
  /** Of objects labelled for this case. */
  write: (batch: string) => Write;
}

const RULE = { apiGroups: [GROUP], apiVersions: ["v1"], operations: ["*"], resources: ["*"] };
const CONSTRAINTS: MatchConstraints = { resourceRules: [RULE] };

const given = (expression: string, more: Partial<Candidate> = {}): Candidate => ({
  matchConstraints: CONSTRAINTS,
  matchConditions: [],
  variables: [],
  expression,
  ...more,
});

const created =
  (content: object) =>
  (batch: string): Write => ({
    method: "POST",
    path: things("n1"),
    body: {
      ...content,
      apiVersion: `${GROUP}/v1`,
      kind: "Thing",
      metadata: { name: "new", labels: { batch } },
    },
  });
const whole = (batch: string): Write => ({
  method: "POST",
  path: `/apis/${GROUP}/v1/wholes`,
  body: { apiVersion: `${GROUP}/v1`, kind: "Whole", metadata: { name: "new", labels: { batch } } },
});

/** JSON that JSON.stringify writes as it is given. */
const raw = (text: string): unknown => (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text);

/** Where results differ from Kubernetes', and why. A difference that no longer occurs fails the test. */
export const DIFFERENCES: Readonly<Record<string, Case & { ours: string; theirs: string }>> = {
  "a version that the resource does not have leaves nothing out: the request is the same in each": {
    given: given("false", { matchConstraints: { resourceRules: [{ ...RULE, apiVersions: ["v2"] }] } }),
    write: created({}),
    ours: "denied: said no",
    theirs: "quiet",
  },
  "resourceNames match the items of a deletecollection, whose names Kubernetes does not look at": {
    given: given("false", {
      matchConstraints: { resourceRules: [{ ...RULE, resourceNames: ["stored-d1"] }] },
    }),
    write: (batch) => ({ method: "DELETE", path: `${things("n1")}?labelSelector=batch%3D${batch}` }),
    ours: "denied: said no",
    theirs: "quiet",
  },
  "a number written 5.0 is a double in Kubernetes, and comes to a webhook as 5": {
    given: given("object.n + 1 == 6"),
    write: created({ n: raw("5.0") }),
    ours: "quiet",
    theirs: "failed",
  },
};

/** With a binding that denies. */
export const IN_EARNEST: Readonly<Record<string, Case & { notFound?: "Allow" | "Deny" }>> = {
  "an expression that is false": { given: given("object.n == 1"), write: created({ n: 2 }) },
  "an expression that is true": { given: given("object.n == 1"), write: created({ n: 1 }) },
  "an expression that fails": { given: given("object.m.x == 1"), write: created({}) },
  "a variable that fails": {
    given: given("variables.v", { variables: [{ name: "v", expression: "object.m.x == 1" }] }),
    write: created({}),
  },
  "a condition that is not met": {
    given: given("false", { matchConditions: [{ name: "never", expression: "object.n == 1" }] }),
    write: created({ n: 2 }),
  },
  "a condition that fails": {
    given: given("false", { matchConditions: [{ name: "never", expression: "object.m.x == 1" }] }),
    write: created({}),
  },
  "a condition that fails beside one that is not met": {
    given: given("false", {
      matchConditions: [
        { name: "fails", expression: "object.m.x == 1" },
        { name: "never", expression: "false" },
      ],
    }),
    write: created({}),
  },
  "params that do not exist, and are needed": {
    given: given("true", { paramRef: { name: "missing", namespace: "n1" } }),
    write: created({}),
    notFound: "Deny",
  },
  "params that do not exist, and are not needed": {
    given: given("false", { paramRef: { name: "missing", namespace: "n1" } }),
    write: created({}),
    notFound: "Allow",
  },
  "params in the target's namespace, where the target has none": {
    given: given("true", { paramRef: { name: "most" } }),
    write: whole,
    notFound: "Allow",
  },
  "a loop within a loop within a loop, too many steps for anybody": {
    given: given("object.l.all(a, object.l.all(b, object.l.all(c, a + b + c >= 0)))"),
    write: created({ l: Array.from({ length: 400 }, (_, n) => n) }),
  },
};
