/** A policy of many rules is compiled a little at a time, to the same. */
import { expect } from "chai";
import { compilePolicy, compilerInTurns } from "#core/policy/compile.ts";
import type { AgentPolicy } from "#core/policy/spec.ts";

const LARGE: AgentPolicy = {
  metadata: { name: "large" },
  spec: {
    matchConstraints: {
      resourceRules: [{ apiGroups: [""], apiVersions: ["*"], operations: ["CREATE"], resources: ["pods"] }],
    },
    variables: [{ name: "n", expression: "object.spec.containers.size()" }],
    matchConditions: [{ name: "named", expression: "request.name != ''" }],
    rules: Array.from({ length: 300 }, (_, n) => ({
      name: `rule-${n}`,
      action: "Deny" as const,
      when: n % 7 === 0 ? `variables.nothing > ${n}` : `variables.n > ${n}`,
    })),
    catalogue: [{ rule: "pod-connect", when: "1 + 1" }],
  },
};

describe("a policy that is compiled in turns", () => {
  it("lets others have theirs as often as its time is over", async () => {
    let [time, turns, isDone] = [0, 0, false];
    const other = () => {
      turns += 1;
      if (!isDone) setImmediate(other);
    };
    setImmediate(other);
    // Each look at the clock finds a second gone by, so each expression is a turn of its own.
    await compilerInTurns(() => (time += 1000))(LARGE);
    isDone = true;
    expect(turns).to.be.at.least(300);
  });

  it("is the same as one that is compiled at once", async () => {
    const [one, other] = [compilePolicy(LARGE), await compilerInTurns()(LARGE)];
    expect(other.problems).to.deep.equal(one.problems);
    expect(other.problems).to.have.length(44);
    const shown = ({ policy }: typeof one) => ({
      rules: policy.rules.map(({ name, broken, when }) => ({
        name,
        broken,
        compiled: when && "program" in when,
      })),
      conditions: policy.conditions.map(({ name, condition }) => ({
        name,
        compiled: "program" in condition,
      })),
      entries: policy.entries.map(({ rule }) => rule),
    });
    expect(shown(other)).to.deep.equal(shown(one));
  });
});
