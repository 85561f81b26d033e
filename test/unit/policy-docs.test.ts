/** docs/guides/policies.md says of variables, functions, limits and examples what the code has. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { compile } from "#core/cel/cel.ts";
import { ESTIMATED_STEPS, EXPRESSION, OBSERVED, REQUEST } from "#core/policy/budget.ts";
import { documentsIn, problemLine } from "#core/policy/documents.ts";
import { POLICY, POLICY_WITH_PARAMS } from "#core/policy/environment.ts";
import { runFixture } from "#core/policy/fixture-run.ts";
import { fixturesIn } from "#core/policy/fixtures.ts";
import { policyIn } from "#core/policy/policy-document.ts";
import { policySet } from "#core/policy/set.ts";
import { shippedCatalogue } from "../../policies.ts";
import { operators, signatures } from "../support/cel-signatures.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const guide = readFileSync(join(ROOT, "docs", "guides", "policies.md"), "utf8");

/** What stands in backticks in the rows of tables, under a heading. */
function inTables(heading: string): string[] {
  const from = guide.indexOf(`\n## ${heading}\n`);
  expect(from, heading).to.be.greaterThan(0);
  const section = guide.slice(from, guide.indexOf("\n## ", from + 1));
  return section
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => [...line.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code));
}

describe("the policy guide", () => {
  it("has every variable, and each of its fields, and no other", () => {
    const { variables, structs } = POLICY_WITH_PARAMS;
    const told = new Set(inTables("Every variable"));
    for (const [name, { name: struct }] of variables) {
      if (told.has(name)) continue;
      const fields = [...(structs.get(struct)?.keys() ?? [])];
      expect(fields, name).not.to.deep.equal([]);
      for (const field of fields) expect([...told]).to.include(`${name}.${field}`);
    }
    const roots = [...told].filter((code) => /^[a-z][A-Za-z]*\.[A-Za-z.]+$/.test(code));
    const isKnown = (code: string) => {
      const [root = "", field = ""] = code.split(".");
      const type = variables.get(root)?.name ?? "";
      return variables.has(code) || type === "kubernetes.variables" || structs.get(type)?.has(field) === true;
    };
    expect(roots.filter((code) => !isKnown(code))).to.deep.equal([]);
  });

  it("has the fields of a Namespace", () => {
    const told = inTables("Every variable");
    for (const struct of [
      "kubernetes.NamespaceMetadata",
      "kubernetes.NamespaceSpec",
      "kubernetes.NamespaceCondition",
    ])
      expect(told).to.include.members([...(POLICY.structs.get(struct)?.keys() ?? [])]);
  });

  it("has every function, with all its signatures, and no other", () => {
    const told = inTables("Every function").filter((code) => /\): [a-zA-Z<]/.test(code));
    const known = [...signatures(POLICY.functions).values()].flat();
    expect(known.length).to.be.greaterThan(150);
    expect(known.filter((signature) => !told.includes(signature))).to.deep.equal([]);
    expect(told.filter((signature) => !known.includes(signature))).to.deep.equal([]);
  });

  it("has every operator", () => {
    const [line = ""] = /^Operators: .*$/m.exec(guide) ?? [];
    const told = [...line.matchAll(/`([^`]+)`/g)].map(([, code]) => code);
    for (const operator of operators(POLICY.functions)) expect(told).to.include(operator);
  });

  it("has macros that are there", () => {
    const macros = inTables("Every function").filter(
      (code) => !/\): [a-zA-Z<]/.test(code) && code.includes("("),
    );
    const shown = macros.filter((code) => /^(?:has\(|\[|\{|object\.)/.test(code));
    expect(shown.length).to.be.greaterThan(18);
    for (const text of shown) expect(compile(text, POLICY), text).to.have.property("program");
  });

  it("has the budgets", () => {
    for (const [budget, what] of [
      [EXPRESSION.steps, "steps of one evaluation"],
      [REQUEST.steps, "steps of all rules for one request"],
      [OBSERVED.steps, "steps of all rules that are only tried"],
      [ESTIMATED_STEPS, "estimated steps of an expression"],
    ] as const)
      expect(guide).to.match(new RegExp(`\\| ${what}.* \\| ${budget.toLocaleString("en-US")} \\|`));
    const long = (length: number) => compile(`'${"a".repeat(length - 2)}' == ''`.slice(0, length), POLICY);
    expect(long(20_001)).to.have.nested.property("error.message", "longer than 20000 characters");
  });

  it("has policies that compile, and a test that passes", async () => {
    const blocks = [...guide.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, yaml = ""]) => yaml);
    const catalogue = await shippedCatalogue();
    const policies = blocks
      .flatMap((yaml) => documentsIn(yaml, "guide").documents)
      .filter(({ kind }) => kind === "AgentPolicy")
      .map((document) => policyIn(document, catalogue));
    expect(policies.length).to.be.greaterThan(3);
    expect(policies.flatMap(({ problems }) => problems).map(problemLine)).to.deep.equal([]);
    const set = policySet(
      catalogue,
      policies.slice(0, 1).flatMap(({ read }) => (read === undefined ? [] : [read.compiled])),
    );
    const fixtures = blocks.flatMap((yaml) => fixturesIn(yaml, "guide").fixtures);
    expect(fixtures).to.have.length(1);
    for (const fixture of fixtures) expect((await runFixture(set, fixture)).failures).to.deep.equal([]);
  });
});
