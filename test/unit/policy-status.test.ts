/** What is written into the status of an AgentPolicy, and when nothing is. */
import { expect } from "chai";
import { type PolicyStatus, type Standing, statusOf } from "#cluster/policy-status.ts";

const NOW = new Date("2030-01-01T00:00:00.500Z");
const LATER = new Date("2030-01-01T01:00:00Z");
const WHOLE: Standing = { rules: ["a", "b"], catalogue: ["exec"], problems: [] };
const BROKEN: Standing = {
  ...WHOLE,
  problems: [{ path: "spec.rules[1].when", message: "undeclared reference to 'foo'", line: 2, column: 7 }],
};

/** As the API server answers a merge patch. */
function stored(standing: Standing, generation = 1, before?: PolicyStatus, now = NOW): PolicyStatus {
  const written = statusOf(standing, generation, before, now);
  if (written === undefined) throw new Error("nothing is written");
  const { problems, ...rest } = written;
  return problems === null || problems === undefined ? rest : { ...rest, problems };
}

const ready = ({ conditions = [] }: PolicyStatus) => conditions.find(({ type }) => type === "Ready");

describe("the status of an AgentPolicy", () => {
  it("says that all of it is in force", () => {
    expect(stored(WHOLE)).to.deep.equal({
      observedGeneration: 1,
      rules: "3",
      conditions: [
        {
          type: "Ready",
          status: "True",
          observedGeneration: 1,
          reason: "InForce",
          message: "in force: 2 rules and 1 catalogue entry",
          lastTransitionTime: "2030-01-01T00:00:00Z",
        },
      ],
    });
  });

  it("names path, line and column of each problem, and the rule it is in", () => {
    const status = stored(BROKEN);
    expect(status.rules).to.equal("2/3");
    expect(status.problems).to.deep.equal([
      {
        rule: "b",
        path: "spec.rules[1].when",
        message: "undeclared reference to 'foo'",
        line: 2,
        column: 7,
      },
    ]);
    expect(ready(status)).to.include({
      status: "False",
      reason: "Broken",
      message: "spec.rules[1].when, line 2, column 7: undeclared reference to 'foo'",
    });
  });

  it("takes what is wrong outside of all rules to be wrong with each of them", () => {
    const problems = [{ path: "spec.paramRef", message: "cannot be read" }];
    expect(stored({ ...WHOLE, problems }).rules).to.equal("0/3");
  });

  it("is not written again while nothing changes, and is for another generation, problem or count", () => {
    for (const standing of [WHOLE, BROKEN]) {
      const before = stored(standing);
      expect(statusOf(standing, 1, before, LATER)).to.equal(undefined);
      expect(statusOf(standing, 2, before, LATER)).to.not.equal(undefined);
      expect(statusOf({ ...standing, rules: ["a"] }, 1, before, LATER)).to.not.equal(undefined);
    }
    const [problem] = BROKEN.problems;
    const other = { ...BROKEN, problems: [{ path: "", message: "", ...problem, column: 8 }] };
    expect(statusOf(other, 1, stored(BROKEN), LATER)).to.not.equal(undefined);
  });

  it("keeps the time of the last transition, and what others wrote", () => {
    const foreign = {
      ...{ type: "Checked", status: "True" as const, reason: "Ours", message: "" },
      lastTransitionTime: "2029-01-01T00:00:00Z",
    };
    const before = stored(WHOLE, 1, { conditions: [foreign] });
    expect(before.conditions?.[0]).to.deep.equal(foreign);
    const again = stored(WHOLE, 2, before, LATER);
    expect(ready(again)?.lastTransitionTime).to.equal("2030-01-01T00:00:00Z");
    expect(ready(stored(BROKEN, 3, again, LATER))?.lastTransitionTime).to.equal("2030-01-01T01:00:00Z");
  });

  it("takes away the problems that are gone", () => {
    expect(statusOf(WHOLE, 2, stored(BROKEN), LATER)).to.include({ problems: null, rules: "3" });
  });

  it("stays within what a status holds, however much is wrong", () => {
    const problems = Array.from({ length: 300 }, (_, i) => ({
      path: `spec.rules[${i}].when`,
      message: "x".repeat(5_000),
    }));
    const rules = problems.map((_, i) => `r${i}`);
    const status = stored({ rules, catalogue: [], problems });
    expect(status.problems).to.have.length(100);
    expect(ready(status)?.message.length).to.be.lessThan(32_768);
    expect(ready(status)?.message).to.match(/; and 290 more$/);
  });
});
