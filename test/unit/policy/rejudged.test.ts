/** A request that waited is let through by the rules of the moment, not by those of when it was asked. */
import { expect } from "chai";
import type { CompiledPolicy } from "#core/policy/compile.ts";
import { policySet } from "#core/policy/set.ts";
import type { PolicyRule } from "#core/policy/spec.ts";
import { NO_CATALOGUE, policyPorts, ruleOf } from "../../support/policies.ts";
import { podCreate, user } from "../../support/reviews.ts";
import { World } from "../../support/world.ts";

const BOB = user("bob");
const held = (rule: Partial<PolicyRule> = {}, name = "p") => ruleOf({ action: "Hold", ...rule }, name);

/** What comes of a request held by `before` that is approved when `now` is in force. */
async function approvedUnder(before: readonly CompiledPolicy[], now: readonly CompiledPolicy[]) {
  let set = policySet(NO_CATALOGUE, before);
  const world = await World.begin({ policies: { ...policyPorts(), current: () => set } });
  const answer = world.send(podCreate("app"));
  await world.untilSleeping(1);
  const { name } = (await world.only()).metadata;
  set = policySet(NO_CATALOGUE, now);
  await world.decide(BOB, { verdict: "Approve" }, name);
  return { world, answer, name };
}

describe("a request that waited, once it is approved", () => {
  it("passes where the rules are as they were, or fewer", async () => {
    for (const now of [[held()], [held({ message: "other words" })], []]) {
      const { answer } = await approvedUnder([held()], now);
      expect((await answer)?.allowed).to.equal(true);
    }
  });

  const DENIED: Readonly<Record<string, readonly CompiledPolicy[]>> = {
    "a rule denies by now": [held({ action: "Deny" })],
    "a rule cannot tell by now": [held(), held({ when: "object.missing.x == 1" }, "q")],
  };
  for (const [what, now] of Object.entries(DENIED))
    it(`is denied where ${what}, and the approval is not spent`, async () => {
      const { world, answer } = await approvedUnder([held()], now);
      expect((await answer)?.allowed).to.equal(false);
      expect((await world.only()).status.phase).to.equal("Approved");
    });

  const ASKED: Readonly<Record<string, readonly CompiledPolicy[]>> = {
    "more people are to decide by now": [held({ approval: { count: 2 } })],
    "another rule holds it as well": [held(), held({}, "q")],
  };
  for (const [what, now] of Object.entries(ASKED))
    it(`is asked for anew where ${what}`, async () => {
      const { world, answer } = await approvedUnder([held()], now);
      await world.untilSleeping(1);
      world.clock.advance(25_000);
      expect((await answer)?.allowed).to.equal(false);
      const phases = (await world.approvals()).map(({ status }) => status.phase);
      expect(phases.sort()).to.deep.equal(["Pending", "Void"]);
    });
});
