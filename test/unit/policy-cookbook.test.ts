/** Every recipe of the cookbook does what its test says, with the shipped catalogue around it. */
import { expect } from "chai";
import { documentsIn, problemLine } from "#core/policy/documents.ts";
import { runFixture } from "#core/policy/fixture-run.ts";
import { fixturesIn } from "#core/policy/fixtures.ts";
import { policyIn } from "#core/policy/policy-document.ts";
import { policySet } from "#core/policy/set.ts";
import { shippedCatalogue } from "../../policies.ts";
import { recipes } from "../support/recipes.ts";

describe("the policy cookbook", () => {
  const all = recipes();

  it("has twenty recipes", () => {
    expect(all).to.have.length(20);
  });

  for (const { title, blocks } of all)
    it(title, async () => {
      const [written = "", tests = ""] = blocks;
      expect(blocks).to.have.length(2);
      const catalogue = await shippedCatalogue();
      const policies = documentsIn(written, "recipe.yaml")
        .documents.filter(({ kind }) => kind === "AgentPolicy")
        .map((document) => policyIn(document, catalogue));
      expect(policies.flatMap(({ problems }) => problems).map(problemLine)).to.deep.equal([]);
      const compiled = policies.flatMap(({ read }) => (read === undefined ? [] : [read.compiled]));
      const { fixtures, problems } = fixturesIn(tests, "tests.yaml");
      expect(problems.map(problemLine)).to.deep.equal([]);
      const fired = new Set<string>();
      for (const fixture of fixtures) {
        const ran = await runFixture(policySet(catalogue, compiled), fixture);
        expect(ran.failures, fixture.name).to.deep.equal([]);
        for (const name of ran.fired) fired.add(name);
      }
      const rules = compiled.flatMap(({ rules: own }) => own.map(({ name }) => name));
      expect(
        rules.filter((name) => !fired.has(name)),
        "rules that no test triggers",
      ).to.deep.equal([]);
    });

  /** The others are about annotations, which their tests repeat. */
  it("says the same in what is applied and in its test", () => {
    for (const { title, blocks } of all) {
      const [written = "", tests = ""] = blocks;
      for (const { value } of documentsIn(written, title).documents) {
        const { annotations } = value["metadata"] as { annotations?: Record<string, string> };
        for (const text of Object.values(annotations ?? {})) expect(tests, title).to.contain(text);
      }
    }
  });
});
