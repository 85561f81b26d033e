import { expect } from "chai";
import type { ApprovalTerms } from "#core/policy/spec.ts";
import { termsOver, together } from "#core/policy/terms.ts";
import type { HoldTerms } from "#core/policy/verdict.ts";
import { judgedBy, ruleOf } from "../../support/policies.ts";
import { podCreate } from "../../support/reviews.ts";

const GIVEN: HoldTerms = {
  approvers: [{ groups: ["sre"], count: 2 }],
  maxWaitSeconds: 100,
  pendingSeconds: 3600,
  approvedSeconds: 600,
};

describe("a rule's terms", () => {
  const cases: Record<string, [ApprovalTerms, Partial<HoldTerms>]> = {
    "are the settings' where it says nothing": [{}, {}],
    "may name groups": [{ groups: ["dba"] }, { approvers: [{ groups: ["dba"], count: 2 }] }],
    "may name a count": [{ count: 3 }, { approvers: [{ groups: ["sre"], count: 3 }] }],
    "may name both": [{ groups: ["a", "b"], count: 1 }, { approvers: [{ groups: ["a", "b"], count: 1 }] }],
    "may let anybody decide": [{ groups: [], count: 1 }, { approvers: [{ groups: [], count: 1 }] }],
    "may wait longer": [{ maxWait: "2m30s" }, { maxWaitSeconds: 150 }],
    "may expire earlier": [{ expiresIn: "90s" }, { pendingSeconds: 90 }],
    "may hold for longer": [{ validFor: "1h" }, { approvedSeconds: 3600 }],
    "count whole seconds": [
      { maxWait: "1500ms", validFor: "0.5h" },
      { maxWaitSeconds: 2, approvedSeconds: 1800 },
    ],
  };
  for (const [what, [own, wanted]] of Object.entries(cases))
    it(what, () => expect(termsOver(GIVEN, own)).to.deep.equal({ ...GIVEN, ...wanted }));
});

describe("several terms together", () => {
  const of = (groups: string[], count: number) => ({ ...GIVEN, approvers: [{ groups, count }] });

  it("ask for each requirement, once, and hold for the shortest times", () => {
    const other = { ...of(["dba"], 1), maxWaitSeconds: 5, pendingSeconds: 9999, approvedSeconds: 1 };
    expect(together([GIVEN, other, GIVEN])).to.deep.equal({
      approvers: [
        { groups: ["dba"], count: 1 },
        { groups: ["sre"], count: 2 },
      ],
      maxWaitSeconds: 5,
      pendingSeconds: 3600,
      approvedSeconds: 1,
    });
  });

  it("ask of the same groups for the most people", () =>
    expect(together([of(["a", "b"], 1), of(["b", "a"], 3)]).approvers).to.deep.equal([
      { groups: ["a", "b"], count: 3 },
    ]));

  it("ask for anybody only where nobody else is asked for, or for more", () => {
    expect(together([of([], 1), of(["a"], 1)]).approvers).to.deep.equal([{ groups: ["a"], count: 1 }]);
    expect(together([of([], 2), of(["a"], 1)]).approvers).to.deep.equal([
      { groups: ["a"], count: 1 },
      { groups: [], count: 2 },
    ]);
  });

  it("are those of every rule that holds, and of no other", async () => {
    const rules = [
      ruleOf({ approval: { groups: ["a"] } }, "a"),
      ruleOf({ approval: { groups: ["b"], maxWait: "1s" }, when: "false" }, "b"),
      ruleOf({ approval: { groups: ["c"], maxWait: "2s" }, mode: "Warn" }, "c"),
      ruleOf({ approval: { groups: ["d"], maxWait: "50s" } }, "d"),
    ];
    expect(await judgedBy(rules, podCreate("x"))).to.have.deep.property("terms", {
      approvers: [
        { groups: ["a"], count: 1 },
        { groups: ["d"], count: 1 },
      ],
      maxWaitSeconds: 50,
      pendingSeconds: 3600,
      approvedSeconds: 600,
    });
  });
});
