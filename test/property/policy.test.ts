/** What holds of judging, whatever policies and annotations there are. */
import { expect } from "chai";
import fc from "fast-check";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import type { CompiledPolicy } from "#core/policy/compile.ts";
import type { AgentPolicySpec, MatchConstraints, PolicyRule } from "#core/policy/spec.ts";
import type { HoldTerms, Verdict } from "#core/policy/verdict.ts";
import { judgedBy, namespaceObject, policy, shown } from "../support/policies.ts";
import { request, user } from "../support/reviews.ts";

/** Some true, some false, some that fail, some that do not compile. */
const EXPRESSIONS = [
  "true",
  "false",
  "request.operation == 'CREATE'",
  "has(object.metadata.labels) && object.metadata.labels.exists(k, k == 'a')",
  "object.metadata.labels.a == 'b'",
  "oldObject.metadata.name == 'x'",
  "object.spec.n > 3",
  "workload.changed",
  "gains.annotations.size() > 0",
  "agent.username.startsWith('system:')",
  "object.spec.l.all(i, object.spec.l.all(j, i + j >= 0))",
  "nothing.at.all",
  "'text'",
];
const expression = fc.constantFrom(...EXPRESSIONS);
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

const constraints: fc.Arbitrary<MatchConstraints> = fc.record(
  {
    resourceRules: fc.array(
      fc.record({
        apiGroups: fc.constantFrom(["*"], [""], ["apps"]),
        operations: fc.constantFrom(["*"], ["CREATE"], ["UPDATE", "DELETE"]),
        resources: fc.constantFrom(["*/*"], ["pods"], ["deployments", "pods/*"]),
      }),
      { maxLength: 2 },
    ),
    excludeResourceRules: fc.array(
      fc.record({
        apiGroups: fc.constant(["*"]),
        operations: fc.constant(["*"]),
        resources: fc.constant(["*/*"]),
        resourceNames: fc.constantFrom(["x"], ["y"]),
      }),
      { maxLength: 1 },
    ),
    objectSelector: fc.constantFrom({ matchLabels: { a: "b" } }, {}, { matchLabels: { "-": "" } }),
    namespaceSelector: fc.constantFrom({ matchLabels: { team: "t" } }, {}),
  },
  { requiredKeys: [] },
);

const terms = fc.record(
  {
    groups: fc.subarray(["sre", "dba"]),
    count: fc.integer({ min: 1, max: 3 }),
    maxWait: fc.constantFrom("1s", "5m"),
  },
  { requiredKeys: [] },
);

const rule = (name: string): fc.Arbitrary<PolicyRule> =>
  fc.record(
    {
      name: fc.constant(name),
      action: fc.constantFrom("Hold" as const, "Deny" as const),
      when: expression,
      mode: fc.constantFrom("Enforce" as const, "Warn" as const, "Audit" as const),
      matchConstraints: constraints,
      messageExpression: fc.constantFrom("'m'", "object.metadata.name", "1"),
      approval: terms,
    },
    { requiredKeys: ["name", "action"] },
  );

const compiled = (name: string): fc.Arbitrary<CompiledPolicy> =>
  fc
    .record(
      {
        matchConstraints: constraints,
        matchConditions: fc.array(
          expression.map((text) => ({ name: "c", expression: text })),
          { maxLength: 1 },
        ),
        variables: maybe(fc.constant([{ name: "v", expression: "object.metadata.name" }])),
        rules: fc.tuple(rule("a"), rule("b")),
      },
      { requiredKeys: ["rules"] },
    )
    .map((spec) => policy(spec as unknown as AgentPolicySpec, name));
const policies = fc.tuple(compiled("p"), compiled("q"), compiled("r"));

const object: fc.Arbitrary<JsonObject> = fc.record(
  {
    metadata: fc.record(
      { name: fc.constant("x"), labels: fc.constantFrom({ a: "b" }, { constructor: "c" }, {}) },
      { requiredKeys: ["name"] },
    ),
    spec: fc.record(
      { n: fc.integer(), l: fc.array(fc.nat(), { maxLength: 5 }), containers: fc.constant([{ name: "c" }]) },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ["metadata"] },
) as unknown as fc.Arbitrary<JsonObject>;

const asked: fc.Arbitrary<AdmissionRequest> = fc
  .record({
    operation: fc.constantFrom("CREATE" as const, "UPDATE" as const, "DELETE" as const),
    group: fc.constantFrom("", "apps"),
    resource: fc.constantFrom("pods", "deployments", "nodes"),
    isBot: fc.boolean(),
    now: object,
    before: object,
  })
  .map(({ operation, group, resource, isBot, now, before }) =>
    request({
      operation,
      resource: { group, version: "v1", resource },
      namespace: resource === "nodes" ? "" : "demo",
      name: "x",
      object: operation === "DELETE" ? null : now,
      oldObject: operation === "CREATE" ? null : before,
      ...(isBot ? { userInfo: user("system:serviceaccount:ci:bot", ["hoop:agents"]) } : {}),
    }),
  );

type Annotations = Record<string, string>;
const annotations: fc.Arbitrary<Annotations> = fc.record(
  {
    "hoop.dev/deny": expression,
    "hoop.dev/require-approval": expression,
    "hoop.dev/approvers": fc.constantFrom("sre", "2 of sre, dba", "3", ","),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Annotations>;

interface World {
  policies: readonly CompiledPolicy[];
  namespace?: Annotations;
  account?: Annotations;
}

function judged(
  { policies: all, namespace = {}, account = {} }: World,
  one: AdmissionRequest,
): Promise<Verdict> {
  return judgedBy(all, one, {
    namespace: (name) => ({
      known: true,
      object: namespaceObject(name, { labels: { team: "t" }, annotations: namespace }),
    }),
    serviceAccount: () => ({ known: true, object: { metadata: { annotations: account } } }),
  });
}

const STRICTNESS: Record<Verdict["kind"], number> = {
  "not-applicable": 0,
  allow: 0,
  hold: 1,
  deny: 2,
  "could-not-tell": 2,
};

/** Whoever satisfies the one satisfies the other. */
function asksAsMuch(now: HoldTerms, before: HoldTerms): boolean {
  const covered = before.approvers.every((want) =>
    now.approvers.some(
      ({ groups, count }) =>
        count >= want.count &&
        (want.groups.length === 0 ||
          (groups.length > 0 && groups.every((group) => want.groups.includes(group)))),
    ),
  );
  return (
    covered && now.maxWaitSeconds <= before.maxWaitSeconds && now.approvedSeconds <= before.approvedSeconds
  );
}

function expectAsStrict(now: Verdict, before: Verdict): void {
  const told = `${shown(before)} → ${shown(now)}`;
  expect(STRICTNESS[now.kind], told).to.be.at.least(STRICTNESS[before.kind]);
  if (now.kind === "hold" && before.kind === "hold")
    expect(asksAsMuch(now.terms, before.terms), told).to.equal(true);
}

describe("judging", () => {
  it("is never less strict for one more policy", () =>
    fc.assert(
      fc.asyncProperty(policies, asked, async ([a, b, c], one) => {
        const before = await judged({ policies: [a, b] }, one);
        expectAsStrict(await judged({ policies: [a, b, c] }, one), before);
      }),
      { numRuns: 200 },
    ));

  it("is never less strict for one more annotation", () =>
    fc.assert(
      fc.asyncProperty(policies, annotations, annotations, asked, async (all, namespace, account, one) => {
        const before = await judged({ policies: all }, one);
        const more = await judged({ policies: all, namespace }, one);
        expectAsStrict(more, before);
        expectAsStrict(await judged({ policies: all, namespace, account }, one), more);
      }),
      { numRuns: 200 },
    ));

  it("does not go by the order of policies", () =>
    fc.assert(
      fc.asyncProperty(policies, annotations, asked, async ([a, b, c], namespace, one) => {
        const verdict = await judged({ policies: [a, b, c], namespace }, one);
        for (const all of [
          [c, b, a],
          [b, a, c],
        ])
          expect(await judged({ policies: all, namespace }, one)).to.deep.equal(verdict);
      }),
      { numRuns: 100 },
    ));

  it("never allows what an enforced rule fails at", () =>
    fc.assert(
      fc.asyncProperty(
        policies,
        asked,
        fc.constantFrom("object.no.such", "x", "1"),
        async ([a, b, c], one, when) => {
          const failing = policy({ rules: [{ name: "f", action: "Hold", when }] }, "failing");
          const verdict = await judged({ policies: [a, failing, b, c] }, one);
          expect(verdict.kind).to.be.oneOf(["deny", "could-not-tell"]);
        },
      ),
      { numRuns: 100 },
    ));

  it("is the same for rules that are only tried as for none", () =>
    fc.assert(
      fc.asyncProperty(policies, rule("a"), asked, async ([a, b], tried, one) => {
        const audited = policy({ rules: [{ ...tried, mode: "Audit" }] }, "tried");
        const { observed: _, ...before } = { observed: [], ...(await judged({ policies: [a, b] }, one)) };
        const { observed: __, ...now } = {
          observed: [],
          ...(await judged({ policies: [a, b, audited] }, one)),
        };
        expect(now).to.deep.equal(before);
      }),
      { numRuns: 100 },
    ));
});
