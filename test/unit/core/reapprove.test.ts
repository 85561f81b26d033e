import { expect } from "chai";
import type { AdmissionRequest, UserInfo } from "#core/admission.ts";
import type { Answer } from "#core/answer.ts";
import type { Approval, Phase } from "#core/approval.ts";
import { type DecideOutcome, decide } from "#core/decide.ts";
import { decodeApproval } from "#core/hold/rows.ts";
import type { Entry } from "#core/ledger/entry.ts";
import { type AgainWish, reapprove } from "#core/reapprove.ts";
import { type ReviewPorts, review } from "#core/review.ts";
import type { Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { ManualClock } from "../../support/clock.ts";
import { agentUser, podDelete, reviewPorts, TERMS, user } from "../../support/reviews.ts";

const [BOB, EVE] = [user("bob"), user("eve")];
const HOUR = 3_600_000;

class World {
  readonly clock: ManualClock;
  readonly store: Store;
  readonly #ports: ReviewPorts;

  private constructor(ports: ReviewPorts, store: Store, clock: ManualClock) {
    this.#ports = ports;
    this.store = store;
    this.clock = clock;
  }

  static async begin(approvers = TERMS.approvers): Promise<World> {
    const [store, clock] = [memoryStore(), new ManualClock()];
    return new World(await reviewPorts(store, clock, { terms: { ...TERMS, approvers } }), store, clock);
  }

  /** The answer, once the wait of a second has run out where it waits. */
  async send(what: AdmissionRequest = podDelete("web")): Promise<Answer | undefined> {
    let over = false;
    const answer = review(this.#ports, what, {
      caller: "verified",
      until: this.clock.now() + 1_000,
      gone: new AbortController().signal,
    }).finally(() => {
      over = true;
    });
    while (!over) {
      if (this.clock.sleeping > 0) this.clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return answer;
  }

  async allowed(what?: AdmissionRequest): Promise<boolean | undefined> {
    // Later than the moments in which the request that was let through may come in again.
    this.clock.advance(11_000);
    return (await this.send(what))?.allowed;
  }

  decide(name: string, verdict: "Approve" | "Deny", who = BOB): Promise<DecideOutcome> {
    return decide(this.#ports, { namespaceUid: "ns-1", name }, who, { verdict }, false);
  }

  reapprove(name: string, who: UserInfo = BOB, wish: AgainWish = {}, dryRun = false): Promise<DecideOutcome> {
    return reapprove(this.#ports, { namespaceUid: "ns-1", name }, who, wish, dryRun);
  }

  async approvals(): Promise<Approval[]> {
    const { rows } = await this.store.list("approvals/");
    return rows.map(({ value }) => decodeApproval(value).approval);
  }

  async entries(): Promise<Entry[]> {
    return (await this.store.lines(0)).map(({ line }) => JSON.parse(line) as Entry);
  }

  /** The name of an approval that is in this phase. */
  async having(phase: Phase): Promise<string> {
    const answer = await this.send();
    const name = /approval=(\S+)/.exec(answer?.refusal?.message ?? "")?.[1] ?? "";
    if (phase === "Approved" || phase === "Used") await this.decide(name, "Approve");
    if (phase === "Used") await this.send();
    if (phase === "Denied") await this.decide(name, "Deny");
    if (phase === "Expired") this.clock.advance(2 * HOUR);
    // The agent asks for the same on other ground: another pod of that name.
    if (phase === "Void") await this.send(podDelete("web", "uid-other"));
    return name;
  }
}

function approved(outcome: DecideOutcome): Approval {
  if (outcome.kind !== "decided") throw new Error(`it is ${JSON.stringify(outcome)}`);
  return outcome.approval;
}

describe("approving again", () => {
  for (const phase of ["Used", "Expired"] as const)
    it(`what is ${phase}: a new approval lets the very same request through, once`, async () => {
      const world = await World.begin();
      const name = await world.having(phase);
      const before = await world.approvals();
      const made = approved(await world.reapprove(name, BOB, { comment: "quota raised" }));
      expect(made.metadata.name)
        .to.match(/^delete-pod-web-\d{4}$/)
        .and.not.equal(name);
      expect(made.spec).to.deep.equal({ ...before[0]?.spec, reapproves: name });
      expect(made.status).to.include({ phase: "Approved" });
      expect(made.status.decisions).to.have.length(1);
      expect(made.status.decisions[0]).to.include({ user: "bob", comment: "quota raised" });
      expect(Date.parse(made.status.expiresAt) - world.clock.now()).to.be.within(599_000, 600_000);
      expect(await world.allowed(podDelete("web", "uid-other"))).to.equal(false);
      expect(await world.allowed()).to.equal(true);
      expect(await world.allowed()).to.equal(false);
    });

  it("leaves the old approval as it was, and tells the whole story in the records", async () => {
    const world = await World.begin();
    const name = await world.having("Used");
    const [before] = await world.approvals();
    const made = approved(await world.reapprove(name));
    const after = (await world.approvals()).find(({ metadata }) => metadata.name === name);
    expect(after).to.deep.equal(before);
    const [created, decision] = (await world.entries()).slice(-2);
    const shared = { reapproves: name, approval: { namespace: "demo", name: made.metadata.name } };
    expect(created).to.deep.include({ ...shared, event: "created", phase: "Pending" });
    expect(decision).to.deep.include({
      ...shared,
      event: "decided",
      phase: "Approved",
      decision: { user: "bob", verdict: "Approve", groups: [] },
    });
  });

  it("lasts no longer than any approval", async () => {
    const world = await World.begin();
    approved(await world.reapprove(await world.having("Used")));
    world.clock.advance(601_000);
    expect(await world.allowed()).to.equal(false);
  });

  for (const phase of ["Pending", "Approved", "Denied", "Void"] as const)
    it(`is refused for what is ${phase}`, async () => {
      const world = await World.begin();
      const name = await world.having(phase);
      const count = (await world.approvals()).length;
      const outcome = await world.reapprove(name);
      expect(outcome).to.have.property("kind", "conflict");
      expect(outcome).to.have.property("why").that.contains(`it is ${phase}`);
      expect(await world.approvals()).to.have.length(count);
    });

  it("is refused where the agent has asked again since, so that a newer denial stands", async () => {
    const world = await World.begin();
    const old = await world.having("Used");
    world.clock.advance(11_000);
    const newer = /approval=(\S+)/.exec((await world.send())?.refusal?.message ?? "")?.[1] ?? "";
    expect(newer).to.not.equal(old);
    expect(await world.reapprove(old)).to.deep.equal({
      kind: "conflict",
      why: `${newer} came after it for the same request, and is Pending`,
    });
    await world.decide(newer, "Deny");
    expect(await world.reapprove(old)).to.have.property("kind", "conflict");
    expect(await world.allowed()).to.equal(false);
  });

  const nobody: Record<string, [UserInfo, typeof TERMS.approvers]> = {
    "an agent": [user("other-bot", ["hoop:agents"]), TERMS.approvers],
    "the agent itself": [agentUser(), TERMS.approvers],
    "whoever asked, agent or not any more": [user("ci-bot"), TERMS.approvers],
    "who is in none of the rule's groups": [BOB, [{ groups: ["sre"], count: 1 }]],
  };
  for (const [who, [person, approvers]] of Object.entries(nobody))
    it(`is not for ${who}`, async () => {
      const world = await World.begin(approvers);
      const name = await world.having("Expired");
      expect(await world.reapprove(name, person)).to.have.property("kind", "forbidden");
      expect(await world.approvals()).to.have.length(1);
    });

  it("asks as many people as the rule does", async () => {
    const world = await World.begin([{ groups: [], count: 2 }]);
    const name = await world.having("Expired");
    const made = approved(await world.reapprove(name));
    expect(made.status.phase).to.equal("Pending");
    expect(await world.allowed()).to.equal(false);
    expect(await world.decide(made.metadata.name, "Approve", BOB)).to.have.property("kind", "conflict");
    expect(approved(await world.decide(made.metadata.name, "Approve", EVE)).status.phase).to.equal(
      "Approved",
    );
    expect(await world.allowed()).to.equal(true);
  });

  it("binds what was reviewed, by digest and by version", async () => {
    const world = await World.begin();
    const name = await world.having("Used");
    for (const wish of [{ digest: "0000000000" }, { resourceVersion: "1" }])
      expect(await world.reapprove(name, BOB, wish)).to.have.property("kind", "conflict");
    const digest = (await world.approvals())[0]?.spec.digest.slice(0, 8) ?? "";
    expect(await world.reapprove(name, BOB, { digest })).to.have.property("kind", "decided");
  });

  it("makes one approval when two people are at it at once", async () => {
    const world = await World.begin();
    const name = await world.having("Used");
    const outcomes = await Promise.all([world.reapprove(name, BOB), world.reapprove(name, EVE)]);
    expect(outcomes.map(({ kind }) => kind).sort()).to.deep.equal(["conflict", "decided"]);
    expect(await world.approvals()).to.have.length(2);
  });

  it("changes nothing in a dry run, and knows no approval that is not there", async () => {
    const world = await World.begin();
    const name = await world.having("Used");
    expect(approved(await world.reapprove(name, BOB, {}, true)).status.phase).to.equal("Approved");
    expect(await world.approvals()).to.have.length(1);
    expect(await world.reapprove("nothing-0000")).to.deep.equal({ kind: "not-found" });
  });
});
