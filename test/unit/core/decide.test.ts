import { expect } from "chai";
import type { UserInfo } from "#core/admission.ts";
import type { DecideOutcome, Wish } from "#core/decide.ts";
import { AGENT, podDelete, TERMS, user } from "../../support/reviews.ts";
import { World } from "../../support/world.ts";

const BOB = user("bob");

describe("a decision", () => {
  const wish: Wish = { verdict: "Approve" };
  const cases: Record<string, { who: UserInfo; wish?: Wish; outcome: DecideOutcome["kind"] }> = {
    "by an agent is forbidden": { who: user("other-agent", ["hoop:agents"]), outcome: "forbidden" },
    "by the requester under the same name is forbidden": { who: user(AGENT), outcome: "forbidden" },
    "by a person counts": { who: BOB, outcome: "decided" },
    "on another digest than the reviewed one is a conflict": {
      who: BOB,
      wish: { ...wish, digest: "0000" },
      outcome: "conflict",
    },
    "on an older version is a conflict": {
      who: BOB,
      wish: { ...wish, resourceVersion: "999" },
      outcome: "conflict",
    },
  };
  for (const [name, { who, wish: given = wish, outcome }] of Object.entries(cases))
    it(name, async () => {
      const world = await World.begin();
      await world.sendAndWait(podDelete("web"));
      expect((await world.decide(who, given)).kind).to.equal(outcome);
    });

  it("is final: a second one is a conflict", async () => {
    const world = await World.begin();
    await world.sendAndWait(podDelete("web"));
    await world.decide(BOB, { verdict: "Approve" });
    expect((await world.decide(user("carol"), { verdict: "Deny" })).kind).to.equal("conflict");
    expect((await world.only()).status.phase).to.equal("Approved");
  });

  it("needs as many different people as the rule says, of its groups", async () => {
    const terms = { ...TERMS, approvers: [{ groups: ["sre"], count: 2 }] };
    const world = await World.begin({ terms });
    await world.sendAndWait(podDelete("web"));
    expect((await world.decide(BOB, wish)).kind).to.equal("forbidden");
    const [ann, eve] = [user("ann", ["sre"]), user("eve", ["sre"])];
    expect((await world.decide(ann, wish)).kind).to.equal("decided");
    expect((await world.only()).status.phase).to.equal("Pending");
    expect((await world.decide(ann, wish)).kind).to.equal("conflict");
    await world.decide(eve, wish);
    expect((await world.only()).status.phase).to.equal("Approved");
  });

  it("leaves its record, with who and why", async () => {
    const world = await World.begin();
    await world.sendAndWait(podDelete("web"));
    await world.decide(BOB, { verdict: "Approve", comment: "ok" });
    const told = (await world.entries()).flatMap((entry) => (entry.kind === "approval" ? [entry] : []));
    expect(told.map(({ event }) => event)).to.deep.equal(["created", "decided"]);
    expect(told.at(-1)?.decision).to.deep.equal({
      user: "bob",
      verdict: "Approve",
      comment: "ok",
      groups: [],
    });
  });
});
