/** What a request goes to is looked up once at one moment, by whoever needs it, and anew once the request has waited. */
import { expect } from "chai";
import type { JsonObject } from "#core/admission.ts";
import { CATALOGUE, policyPorts } from "../../support/policies.ts";
import { podExec, user } from "../../support/reviews.ts";
import { code, sure, World } from "../../support/world.ts";

const BOB = user("bob");
const pod = (uid: string, annotations: JsonObject = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "demo", uid, annotations },
});

/** `now` is the pod that exec goes to; `asked`, how often that was asked. */
async function worldOf(): Promise<{ world: World; at: { now: JsonObject | null; asked: number } }> {
  const at: { now: JsonObject | null; asked: number } = { now: pod("u-1"), asked: 0 };
  const policies = policyPorts(CATALOGUE, [], {
    target: async () => {
      at.asked++;
      return { known: true, object: at.now };
    },
  });
  return { world: await World.begin({ policies }), at };
}

describe("what an exec goes to", () => {
  it("is looked up once to judge it and to hold it", async () => {
    const { world, at } = await worldOf();
    const answer = world.send(podExec());
    await world.untilSleeping(1);
    expect(at.asked).to.equal(1);
    world.clock.advance(25_000);
    await answer;
  });

  it("is looked up once more when it has waited, also to judge it again", async () => {
    const { world, at } = await worldOf();
    const answer = world.send(podExec());
    await world.untilSleeping(1);
    await world.decide(BOB, { verdict: "Approve" });
    expect(code(await answer)).to.equal(200);
    expect(at.asked).to.equal(2);
  });

  it("is another one when its name was given to another while it waited: nothing is let through", async () => {
    const { world, at } = await worldOf();
    const answer = world.send(podExec());
    await world.untilSleeping(1);
    at.now = pod("u-2");
    await world.decide(BOB, { verdict: "Approve" });
    await world.untilSleeping(1);
    world.clock.advance(25_000);
    expect((await answer)?.allowed).to.equal(false);
    // What was approved was for the one that is gone.
    const phases = (await world.approvals()).map(({ status }) => status.phase);
    expect(phases).to.deep.equal(["Approved", "Pending"]);
  });

  it("is judged as it is after the wait, not as it was", async () => {
    const { world, at } = await worldOf();
    const answer = world.send(podExec());
    await world.untilSleeping(1);
    at.now = pod("u-1", { "hoop.dev/deny": "true" });
    await world.decide(BOB, { verdict: "Approve" });
    const { allowed, refusal } = sure(await answer);
    expect(allowed).to.equal(false);
    expect(refusal?.message).to.contain("deny@object");
  });

  it("is not there: nobody can tell, and nothing is held", async () => {
    const { world, at } = await worldOf();
    at.now = null;
    const { allowed, refusal } = sure(await world.send(podExec()));
    expect(allowed).to.equal(false);
    expect(refusal?.message).to.contain("pods web does not exist");
    expect(await world.approvals()).to.deep.equal([]);
  });
});
