/** `kubectl hoop policy check` is at least as strict as `kubectl apply`: where it finds nothing, the API server takes it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { documentsIn } from "#core/policy/documents.ts";
import { policyProblems } from "#core/policy/policy-document.ts";
import { type Definitions, shippedDefinitions } from "../../cli/policy/definitions.ts";
import { load } from "../../cli/policy/load.ts";
import { shippedCatalogue } from "../../policies.ts";
import { until } from "../support/control-plane.ts";
import { mutants, WHOLE } from "../support/policy-mutants.ts";
import { asUserOf, type Caller } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const POLICIES = "/apis/policy.hoop.dev/v1alpha1/agentpolicies?dryRun=All&fieldValidation=Strict";
const MUTANTS = 300;

const rule = (text: string, more = "") => `apiVersion: policy.hoop.dev/v1alpha1
kind: AgentPolicy
metadata:
  name: written
spec:
  rules:
    - ${text}
${more}`;
const DENY = "{ name: a, action: Deny, when: 'true' }";
const approvedBy = (group: string) => rule(`{ name: a, action: Hold, approval: { groups: [${group}] } }`);
const named = (name: string) => rule(DENY).replace("name: written", `name: ${name}`);
const labelled = (label: string) => rule(DENY).replace("spec:", `  labels: { ${label} }\nspec:`);

/** Of each text, whether kubectl applies it. */
const TEXTS: Readonly<Record<string, readonly [isApplied: boolean, text: string]>> = {
  "a plain policy": [true, rule(DENY)],
  "a ? without quotes in braces": [
    false,
    rule("{ name: a, action: Deny, when: object.spec.?x.orValue(1) > 0 }"),
  ],
  "the same in quotes": [true, rule("{ name: a, action: Deny, when: 'object.spec.?x.orValue(1) > 0' }")],
  "the same in a block": [
    true,
    rule("name: a\n      action: Deny\n      when: object.spec.?x.orValue(1) > 0"),
  ],
  "a bool of YAML 1.1 as a mode": [false, rule(DENY, "  catalogue: [{ rule: pod-delete, mode: Off }]")],
  "the same in quotes, as a mode": [true, rule(DENY, "  catalogue: [{ rule: pod-delete, mode: 'Off' }]")],
  ...Object.fromEntries(
    [
      "y",
      "No",
      "on",
      "0o17",
      "017",
      "0x1F",
      "0b11",
      "1_000",
      "1e3",
      "1.",
      ".5",
      "+12",
      "~",
      "null",
      ".inf",
    ].map((word) => [`a plain ${word} as a group`, [false, approvedBy(word)]] as const),
  ),
  ...Object.fromEntries(
    ["yEs", "1.2.3", "0o18", "2001-01-01", "1:30", "0x", "'y'", "!!str y"].map(
      (word) => [`${word} as a group`, [true, approvedBy(word)]] as const,
    ),
  ),
  "an unknown field": [false, rule(DENY, "  rulez: []")],
  "an unknown field of metadata": [false, named("written\n  colour: red")],
  "an unknown field at the top": [false, rule(DENY, "colour: red")],
  "an approval where it denies": [false, rule("{ name: a, action: Deny, when: 'true', approval: {} }")],
  "neither rules nor catalogue": [false, `${rule(DENY).split("  rules:")[0]}  variables: []\n`],
  "* beside others": [
    false,
    rule(
      DENY,
      "  matchConstraints: { resourceRules: [{ apiGroups: ['*', apps], operations: ['*'], resources: ['*'] }] }",
    ),
  ],
  "Secrets as params": [
    false,
    rule(DENY, "  paramKind: { apiVersion: v1, kind: Secret }\n  paramRef: { name: x }"),
  ],
  "params without a kind": [false, rule(DENY, "  paramRef: { name: x }")],
  "a kind without params": [false, rule(DENY, "  paramKind: { apiVersion: v1, kind: ConfigMap }")],
  "In without values": [
    false,
    rule(DENY, "  matchConstraints: { namespaceSelector: { matchExpressions: [{ key: a, operator: In }] } }"),
  ],
  "two rules of a name": [false, rule(DENY, `    - ${DENY}`)],
  "a group twice": [false, approvedBy("sre, sre")],
  "a long expression": [false, rule(`{ name: a, action: Deny, when: '${"true || ".repeat(3_000)}true' }`)],
  "an expression that does not compile": [false, rule("{ name: a, action: Deny, when: nosuch }")],
  "a name in capitals": [false, named("Written")],
  "a name with an underscore": [false, named("a_b")],
  "a label with a space": [false, labelled("team: a b")],
  "a label's name with a space": [false, labelled("a team: a")],
  "a label that is a number": [false, labelled("team: 1")],
  "a label that is empty": [true, labelled("team: ''")],
  "an anchor and an alias": [
    true,
    rule("&a { name: a, action: Deny, when: 'true' }", "    - { <<: *a, name: b }"),
  ],
  "a version that is none": [false, rule(DENY).replace("v1alpha1", "v1")],
};

/** What kubectl applies, and not as it was meant: the last of them stands. */
const TWICE = rule("{ name: a, action: Deny, action: Hold }");

describe("kubectl hoop policy check", function () {
  this.timeout(300_000);
  let bed: Testbed;
  let admin: Caller;
  let folder: string;
  let definitions: Definitions;

  before(async function () {
    this.timeout(600_000);
    folder = await mkdtemp(join(tmpdir(), "hoop-policy-check-"));
    definitions = await shippedDefinitions();
    bed = await startTestbed();
    admin = await asUserOf(bed.kubeconfig("human"));
    const body = { ...WHOLE, spec: { rules: [{ name: "a", action: "Deny", when: "nosuch" }] } };
    await until("what is written is checked", async () => {
      const { code } = await admin({ method: "POST", path: POLICIES, body });
      return code === 422;
    });
  });
  after(async () => {
    await bed?.stop();
    await rm(folder, { recursive: true });
  });

  const isClean = async (file: string) => (await load([file], true)).problems.length === 0;

  it("finds a field that is there twice, of which kubectl applies the last", async () => {
    const file = join(folder, "twice.yaml");
    await writeFile(file, TWICE);
    expect(await isClean(file)).to.equal(false);
  });

  it("finds something in each text that kubectl does not apply, and nothing in the others", async () => {
    const told = await Promise.all(
      Object.entries(TEXTS).map(async ([what, [, text]], index) => {
        const file = join(folder, `${index}.yaml`);
        await writeFile(file, text);
        return { what, file, isClean: await isClean(file) };
      }),
    );
    const left = [...told];
    const applied = new Map<string, boolean>();
    const some = async () => {
      for (let one = left.shift(); one !== undefined; one = left.shift()) {
        const { code } = await bed.kubectl("human", ["apply", "--dry-run=server", "-f", one.file]);
        applied.set(one.what, code === 0);
      }
    };
    await Promise.all([some(), some(), some()]);
    const expected = Object.entries(TEXTS).map(([what, [isApplied]]) => [what, isApplied]);
    expect([...told].map(({ what }) => [what, applied.get(what)])).to.deep.equal(expected);
    expect(told.map(({ what, isClean }) => [what, isClean])).to.deep.equal(expected);
  });

  it("finds something wherever the API server refuses a policy that was changed at random", async () => {
    const catalogue = await shippedCatalogue();
    const clean = (value: object) => {
      const { documents, problems } = documentsIn(JSON.stringify(value), "mutant.json");
      const all = documents.flatMap((one) => policyProblems(one, catalogue, definitions.AgentPolicy));
      return problems.length + all.length === 0;
    };
    expect(clean(WHOLE)).to.equal(true);
    const seen = { taken: 0, refused: 0, stricter: 0 };
    await fc.assert(
      fc.asyncProperty(mutants, async (mutant) => {
        const { code, text } = await admin({ method: "POST", path: POLICIES, body: mutant });
        expect(code, text).to.be.oneOf([201, 400, 404, 422]);
        const isFine = clean(mutant);
        if (isFine) expect(code, text).to.equal(201);
        if (code !== 201) seen.refused++;
        else if (isFine) seen.taken++;
        else seen.stricter++;
      }),
      { numRuns: MUTANTS, endOnFailure: true },
    );
    expect(seen.taken).to.be.greaterThan(5);
    expect(seen.refused).to.be.greaterThan(5);
  });
});
