import { expect } from "chai";
import { agentMatcher } from "#core/agents.ts";
import { authorize } from "#core/authorize.ts";
import {
  type Attributes,
  asked,
  DENIED,
  DENIED_PATHS,
  PASSED,
  PASSED_PATHS,
  shown,
} from "../../support/access.ts";
import { user } from "../../support/reviews.ts";

const AGENTS = agentMatcher({ groups: ["hoop:agents"], users: [], serviceAccounts: [], extras: {} }, "");
function ruleFor(resource: Attributes, groups: string[] = ["hoop:agents"]): string {
  const verdict = authorize(AGENTS, { user: user("bot", groups), resource }, "hoop-system");
  return verdict.kind === "denied" ? verdict.rule : verdict.kind;
}

function ruleForPath(path: string): string {
  const verdict = authorize(AGENTS, { user: user("bot", ["hoop:agents"]), path }, "hoop-system");
  return verdict.kind === "denied" ? verdict.rule : verdict.kind;
}

describe("authorization", () => {
  for (const [rule, requests] of Object.entries(DENIED))
    describe(`denies agents by ${rule}:`, () => {
      for (const resource of requests) it(shown(resource), () => expect(ruleFor(resource)).to.equal(rule));
    });

  describe("has no opinion of an agent's", () => {
    for (const resource of PASSED)
      it(shown(resource), () => expect(ruleFor(resource)).to.equal("no-opinion"));

    for (const path of PASSED_PATHS)
      it(`path ${path}`, () => expect(ruleForPath(path)).to.equal("no-opinion"));
  });

  for (const path of DENIED_PATHS)
    it(`denies agents the path ${path}`, () => expect(ruleForPath(path)).to.equal("api-server-internals"));

  it("has no opinion of anything anybody else asks", () => {
    for (const resource of Object.values(DENIED).flat())
      for (const groups of [[], ["system:masters", "hoop:agents"]])
        expect(ruleFor(resource, groups)).to.equal("no-opinion");
  });

  it("tells the agent what is wrong, by the rule's name", () => {
    const resource = asked("get", "/secrets");
    const verdict = authorize(AGENTS, { user: user("bot", ["hoop:agents"]), resource }, "hoop-system");
    expect(verdict)
      .to.have.property("reason")
      .that.matches(/^hoop: agents do not .* \(rule secrets\)$/);
  });
});
