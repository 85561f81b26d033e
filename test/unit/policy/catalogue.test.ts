import { expect } from "chai";
import { catalogueProblems, readCatalogue } from "#core/policy/catalogue.ts";
import type { CatalogueEntry } from "#core/policy/spec.ts";
import type { HoldTerms } from "#core/policy/verdict.ts";
import { judgedBy, policy, ruleOf, shown } from "../../support/policies.ts";
import { podCreate } from "../../support/reviews.ts";

const BUNDLES = `
kind: AgentPolicy
metadata: { name: risks }
spec:
  rules:
    - { name: risky, action: Hold, message: m, approval: { groups: [sre] }, when: has(object.metadata.name) }
    - { name: tried, action: Deny, message: m, mode: Audit }
    - { name: failing, action: Deny, message: m, when: object.metadata.namespace == 'other' && object.nothing == 1 }
---
kind: AgentPolicy
metadata: { name: guards, labels: { hoop.dev/switchable: "false" } }
spec:
  rules:
    - { name: guarded, action: Deny, message: m, when: object.metadata.name == 'guarded' }
`;
const catalogue = readCatalogue([{ name: "risks.yaml", text: BUNDLES }]);
const POD = podCreate("web");

const switching = (entries: CatalogueEntry[], name = "p", spec = {}) =>
  policy({ catalogue: entries, ...spec }, name);
const judged = (entries: CatalogueEntry[], asked = POD) =>
  judgedBy([switching(entries)], asked, { catalogue });
const told = async (entries: CatalogueEntry[], asked = POD) => shown(await judged(entries, asked));

describe("the catalogue", () => {
  it("names its rules without that of the bundle, before those of policies", async () => {
    const verdict = await judgedBy([ruleOf({}, "a")], POD, { catalogue });
    expect(shown(verdict)).to.equal("hold risky,a/r +Audit tried");
  });

  const cases: Record<string, [CatalogueEntry[], string]> = {
    off: [[{ rule: "risky", mode: "Off" }], "allow +Audit tried"],
    "only audited": [[{ rule: "risky", mode: "Audit" }], "allow +Audit risky +Audit tried"],
    "only warned of": [[{ rule: "risky", mode: "Warn" }], "allow +Warn risky +Audit tried"],
    "enforced, that was only tried": [[{ rule: "tried", mode: "Enforce" }], "deny tried"],
    "off where that is said of the request": [
      [{ rule: "risky", mode: "Off", when: "agent.username == 'ci-bot'" }],
      "allow +Audit tried",
    ],
    "in force where something else is said": [
      [{ rule: "risky", mode: "Off", when: "agent.username == 'x'" }],
      "hold risky +Audit tried",
    ],
    "in force where it cannot be told": [
      [{ rule: "risky", mode: "Off", when: "object.nothing == 1" }],
      "hold risky +Audit tried",
    ],
    "in force where that does not compile": [
      [{ rule: "risky", mode: "Off", when: "nothing" }],
      "hold risky +Audit tried",
    ],
    "in the strictest of several modes": [
      [
        { rule: "risky", mode: "Off" },
        { rule: "risky", mode: "Warn" },
        { rule: "risky", mode: "Audit" },
      ],
      "allow +Warn risky +Audit tried",
    ],
    "enforced where one of several says no mode": [
      [{ rule: "risky", mode: "Off" }, { rule: "risky" }],
      "hold risky +Audit tried",
    ],
    "as it is where others are meant": [[{ rule: "other", mode: "Off" }], "hold risky +Audit tried"],
  };
  describe("has a rule", () => {
    for (const [what, [entries, wanted]] of Object.entries(cases))
      it(what, async () => expect(await told(entries)).to.equal(wanted));
  });

  it("cannot be told of where what would tighten a rule fails", async () => {
    const when = "object.nothing == 1";
    const why = "what policy p says of it: no such key: nothing (line 1, column 1)";
    expect(await told([{ rule: "tried", mode: "Enforce", when }])).to.equal(
      `could-not-tell: rule tried failed: ${why}`,
    );
    expect(await told([{ rule: "risky", approval: { count: 2 }, when }])).to.equal(
      `could-not-tell: rule risky failed: ${why} +Audit tried`,
    );
    expect(await told([{ rule: "risky", mode: "Enforce", when }])).to.equal("hold risky +Audit tried");
    expect(await told([{ rule: "tried", mode: "Audit", when }])).to.equal("hold risky +Audit tried");
  });

  it("has guards that nothing switches off", async () => {
    const asked = podCreate("guarded");
    const entries: CatalogueEntry[] = [{ rule: "guarded", mode: "Off" }];
    expect(await told(entries, asked)).to.equal("deny guarded +Audit tried");
    const spec = { catalogue: [...entries, { rule: "unknown" }, { rule: "risky" }] };
    expect(catalogueProblems(catalogue, { metadata: { name: "p" }, spec })).to.deep.equal([
      { path: "spec.catalogue[0].rule", message: "this rule is always in force" },
      { path: "spec.catalogue[1].rule", message: "no rule of the catalogue has this name" },
    ]);
  });

  it("has a failing rule denied, or not, as it is meant", async () => {
    const asked = podCreate("web", {}, { namespace: "other" });
    expect(await told([], asked)).to.match(/^could-not-tell: rule failing failed/);
    expect(await told([{ rule: "failing", mode: "Audit" }], asked)).to.equal(
      "hold risky +Audit tried +Audit failing",
    );
    expect(await told([{ rule: "failing", mode: "Off" }], asked)).to.equal("hold risky +Audit tried");
  });

  it("is switched only for what the policy is about", async () => {
    const off: CatalogueEntry[] = [{ rule: "risky", mode: "Off" }];
    const about = (spec: object) => judgedBy([switching(off, "p", spec)], POD, { catalogue });
    const secrets = [{ apiGroups: [""], operations: ["*"], resources: ["secrets"] }];
    const condition = (expression: string) => ({ matchConditions: [{ name: "c", expression }] });
    expect(shown(await about({ matchConstraints: { resourceRules: secrets } }))).to.match(/^hold risky/);
    expect(shown(await about(condition("false")))).to.match(/^hold risky/);
    expect(shown(await about(condition("object.nothing == 1")))).to.match(/^hold risky/);
    expect(
      shown(await about({ paramRef: { name: "x" }, paramKind: { apiVersion: "v1", kind: "X" } })),
    ).to.match(/^hold risky/);
    expect(shown(await about(condition("true")))).to.match(/^allow/);
  });

  it("has rules on the terms that policies say, of those that are strictest", async () => {
    const terms = async (...entries: CatalogueEntry[]) =>
      ((await judged(entries)) as { terms?: HoldTerms }).terms?.approvers;
    expect(await terms()).to.deep.equal([{ groups: ["sre"], count: 1 }]);
    expect(await terms({ rule: "risky", approval: { groups: ["dba"], count: 2 } })).to.deep.equal([
      { groups: ["dba"], count: 2 },
    ]);
    expect(
      await terms(
        { rule: "risky", approval: { groups: ["dba"] } },
        { rule: "risky", approval: { groups: ["ops"] } },
        { rule: "risky", mode: "Warn", approval: { groups: ["nobody"] } },
      ),
    ).to.deep.equal([
      { groups: ["dba"], count: 1 },
      { groups: ["ops"], count: 1 },
    ]);
  });

  describe("is not read where", () => {
    const bundle = (rules: string, more = "") =>
      `{ metadata: { name: b }, spec: { rules: [${rules}]${more} } }`;
    const rule = "{ name: a, action: Hold, message: m }";
    const texts: Record<string, [string, RegExp]> = {
      "it is no YAML": ["{ metadata: ", /^x: /],
      "it has no name": ["{ spec: {} }", /^x: metadata\.name: is missing$/],
      "an action is none": [
        bundle("{ name: a, action: Allow }"),
        /^x: spec\.rules\[0\]\.action: must be one of Hold, Deny$/,
      ],
      "something is unknown": [
        bundle("{ name: a, action: Hold, whenn: 'true' }"),
        /^x: spec\.rules\[0\]\.whenn: is unknown$/,
      ],
      "an expression does not compile": [
        bundle("{ name: a, action: Hold, when: x }"),
        /^x: spec\.rules\[0\]\.when: undeclared/,
      ],
      "two rules have one name": [bundle(`${rule}, ${rule}`), /two of this name/],
      "two bundles have a rule of one name": [
        `${bundle(rule)}\n---\n${bundle(rule)}`,
        /two rules of the catalogue are called a/,
      ],
      "it switches itself": [
        bundle(rule, ", catalogue: [{ rule: a, mode: Off }]"),
        /spec\.catalogue: is for policies/,
      ],
    };
    for (const [what, [text, message]] of Object.entries(texts))
      it(what, () => expect(() => readCatalogue([{ name: "x", text }])).to.throw(Error, message));
  });
});
