import { expect } from "chai";
import type { AdmissionRequest, UserInfo } from "#core/admission.ts";
import type { Answer } from "#core/answer.ts";
import type { Approval } from "#core/approval.ts";
import { type DecideOutcome, decide, type Wish } from "#core/decide.ts";
import { expireOpen } from "#core/hold/expire.ts";
import { decodeApproval } from "#core/hold/rows.ts";
import type { AdmissionEntry, Entry } from "#core/ledger/entry.ts";
import { type ReviewPorts, review } from "#core/review.ts";
import type { Store } from "#kit/storage.ts";
import { memoryStore } from "#store/memory.ts";
import { ManualClock } from "../../support/clock.ts";
import {
  AGENT,
  agentUser,
  podCreate,
  podDelete,
  request,
  reviewPorts,
  TERMS,
  user,
} from "../../support/reviews.ts";

const BOB = user("bob");

class World {
  readonly clock = new ManualClock();
  readonly store: Store = memoryStore();
  ports!: ReviewPorts;

  static async begin(given: Parameters<typeof reviewPorts>[2] = {}): Promise<World> {
    const world = new World();
    world.ports = await reviewPorts(world.store, world.clock, given);
    return world;
  }

  /** Sends a review that may wait 25 s of the manual clock. */
  send(
    what: AdmissionRequest,
    given: { ports?: ReviewPorts; gone?: AbortSignal } = {},
  ): Promise<Answer | undefined> {
    return review(given.ports ?? this.ports, what, {
      caller: "verified",
      until: this.clock.now() + 25_000,
      gone: given.gone ?? new AbortController().signal,
    });
  }

  /** Sends it, lets its wait run out, and gives the answer. */
  async sendAndWait(what: AdmissionRequest): Promise<Answer> {
    const answer = this.send(what);
    await this.untilSleeping(1);
    this.clock.advance(25_000);
    return sure(await answer);
  }

  async untilSleeping(count: number): Promise<void> {
    while (this.clock.sleeping < count) await new Promise((resolve) => setImmediate(resolve));
  }

  async approvals(): Promise<Approval[]> {
    const { rows } = await this.store.list("approvals/");
    return rows
      .map(({ value }) => decodeApproval(value).approval)
      .sort((a, b) => a.metadata.name.slice(-4).localeCompare(b.metadata.name.slice(-4)));
  }

  async only(): Promise<Approval> {
    const all = await this.approvals();
    expect(all).to.have.length(1);
    return sure(all[0]);
  }

  async decide(who: UserInfo, wish: Wish, name?: string): Promise<DecideOutcome> {
    const approval = sure(
      (await this.approvals()).find(({ metadata }) => name === undefined || metadata.name === name),
    );
    const namespaceUid = approval.metadata.namespace === "demo" ? "ns-1" : "ns-0";
    return decide(this.ports, { namespaceUid, name: approval.metadata.name }, who, wish, false);
  }

  async entries(): Promise<Entry[]> {
    return (await this.store.lines(0)).map(({ line }) => JSON.parse(line) as Entry);
  }

  async admissions(): Promise<AdmissionEntry[]> {
    return (await this.entries()).filter((entry) => entry.kind === "admission");
  }
}

function sure<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("there is none");
  return value;
}

const code = (answer: Answer | undefined) => answer?.refusal?.code ?? (answer?.allowed ? 200 : 0);

describe("a held request", () => {
  it("waits, and passes once a person approves", async () => {
    const world = await World.begin();
    const answer = world.send(podDelete("web"));
    await world.untilSleeping(1);
    expect((await world.only()).status.phase).to.equal("Pending");
    expect((await world.decide(BOB, { verdict: "Approve", comment: "CHG-12" })).kind).to.equal("decided");
    const given = sure(await answer);
    expect(given.allowed).to.equal(true);
    expect(given.warnings.join()).to.contain("bob (CHG-12)");
    expect((await world.only()).status.phase).to.equal("Used");
    const spent = sure((await world.admissions()).at(-1));
    expect(spent.approval?.use).to.equal("spent");
    expect(spent.agent.username).to.equal(AGENT);
  });

  it("ends with the comment of the person who denies it, and stays denied", async () => {
    const world = await World.begin();
    const answer = world.send(podDelete("web"));
    await world.untilSleeping(1);
    await world.decide(BOB, { verdict: "Deny", comment: "not on a Friday" });
    expect((await answer)?.refusal).to.include({ code: 403 });
    expect((await answer)?.refusal?.message).to.contain("not on a Friday");
    expect(code(await world.send(podDelete("web")))).to.equal(403);
    expect(await world.approvals()).to.have.length(1);
  });

  it("asks the client to ask again until maxWait, then says HELD in a 403, and a new run waits on the same approval", async () => {
    const world = await World.begin();
    const codes: number[] = [];
    for (let attempt = 0; attempt < 5 && codes.at(-1) !== 403; attempt++) {
      codes.push(code(await world.sendAndWait(podDelete("web"))));
      world.clock.advance(1_000);
    }
    expect(codes).to.deep.equal([429, 429, 429, 403]);
    const next = world.send(podDelete("web"));
    await world.untilSleeping(1);
    expect(await world.approvals()).to.have.length(1);
    world.clock.advance(25_000);
    const text = sure((await next)?.refusal).message;
    expect(text).to.contain("HELD, not refused");
    expect(text).to.contain("kubectl wait approval/");
  });

  it("is one approval however often it is asked, and every answer has its record", async () => {
    const world = await World.begin();
    const answers = Array.from({ length: 20 }, () => world.send(podDelete("web")));
    await world.untilSleeping(20);
    expect(await world.approvals()).to.have.length(1);
    world.clock.advance(25_000);
    const given = await Promise.all(answers);
    expect(new Set(given.map(code))).to.deep.equal(new Set([429]));
    const records = given.map((answer) => sure(answer).record);
    expect(new Set(records).size).to.equal(20);
    expect(await world.admissions()).to.have.length(20);
  });

  it("of one client spends its approval once; a re-admission within moments passes again", async () => {
    const world = await World.begin();
    const answers = Array.from({ length: 50 }, () => world.send(podDelete("web")));
    await world.untilSleeping(50);
    await world.decide(BOB, { verdict: "Approve" });
    const given = await Promise.all(answers);
    expect(given.every((answer) => answer?.allowed)).to.equal(true);
    const uses = (await world.admissions()).map(({ approval }) => approval?.use);
    expect(uses.filter((use) => use === "spent")).to.have.length(1);
    expect(uses.filter((use) => use === "re-entered")).to.have.length(49);
    world.clock.advance(11_000);
    expect(code(await world.sendAndWait(podDelete("web")))).to.equal(429);
    expect(await world.approvals()).to.have.length(2);
  });

  it("with another credential does not share what was spent", async () => {
    const world = await World.begin();
    const first = world.send(podDelete("web"));
    await world.untilSleeping(1);
    await world.decide(BOB, { verdict: "Approve" });
    await first;
    const other = world.sendAndWait({ ...podDelete("web"), userInfo: agentUser("another-cert") });
    expect(code(await other)).to.equal(429);
  });

  for (const [what, make] of Object.entries({
    "an exec": () =>
      request({
        kind: { group: "", version: "v1", kind: "PodExecOptions" },
        resource: { group: "", version: "v1", resource: "pods" },
        subresource: "exec",
        operation: "CONNECT",
        name: "web",
        namespace: "demo",
        object: { apiVersion: "v1", kind: "PodExecOptions", command: ["id"], container: "main" },
        options: null,
      }),
    "a create with generateName": () => ({
      ...podCreate("web-x7k2p", {}, { generateName: "web-" }),
      name: "",
    }),
  }))
    it(`twice needs two approvals when it is ${what}`, async () => {
      const world = await World.begin();
      const first = world.send(make());
      await world.untilSleeping(1);
      await world.decide(BOB, { verdict: "Approve" });
      expect((await first)?.allowed).to.equal(true);
      expect(code(await world.sendAndWait(make()))).to.equal(429);
      expect(await world.approvals()).to.have.length(2);
    });

  it("changed by one byte is held anew, and takes the place of the pending one", async () => {
    const world = await World.begin();
    expect(code(await world.sendAndWait(podCreate("web")))).to.equal(429);
    const changed = podCreate("web", {
      containers: [{ name: "main", image: "app:2", securityContext: { privileged: true } }],
    });
    expect(code(await world.sendAndWait(changed))).to.equal(429);
    const [old, fresh] = await world.approvals();
    expect(old?.status.phase).to.equal("Superseded");
    expect(fresh?.status.phase).to.equal("Pending");
    expect(fresh?.spec.supersedes?.name).to.equal(old?.metadata.name);
    expect(fresh?.spec.supersedes?.diff).to.contain("app:2");
  });

  it("whose ground has changed finds its approval void", async () => {
    const world = await World.begin();
    expect(code(await world.sendAndWait(podDelete("web", "uid-1")))).to.equal(429);
    await world.decide(BOB, { verdict: "Approve" });
    expect(code(await world.sendAndWait(podDelete("web", "uid-2")))).to.equal(429);
    expect((await world.approvals()).map(({ status }) => status.phase)).to.deep.equal(["Void", "Pending"]);
  });

  it("that the rules judge more strictly by now finds its approval void", async () => {
    const world = await World.begin();
    await world.sendAndWait(podDelete("web"));
    await world.decide(BOB, { verdict: "Approve" });
    const stricter = {
      name: "also",
      action: "hold" as const,
      why: "new rule",
      match: [{ resources: ["pods"] }],
    };
    const ports = { ...world.ports, rules: [...world.ports.rules, stricter] };
    const answer = world.send(podDelete("web"), { ports });
    await world.untilSleeping(1);
    world.clock.advance(25_000);
    expect(code(await answer)).to.equal(429);
    expect((await world.approvals()).map(({ status }) => status.phase)).to.deep.equal(["Void", "Pending"]);
  });

  it("in a namespace that was made anew finds nothing of the old one", async () => {
    const namespaces = new Map([
      ["hoop-system", "ns-0"],
      ["demo", "ns-1"],
    ]);
    const world = await World.begin({ namespaces });
    await world.sendAndWait(podDelete("web"));
    await world.decide(BOB, { verdict: "Approve" });
    namespaces.set("demo", "ns-2");
    expect(code(await world.sendAndWait(podDelete("web")))).to.equal(429);
  });

  it("in a namespace nobody knows is denied as could-not-tell", async () => {
    const world = await World.begin({ namespaces: new Map([["hoop-system", "ns-0"]]) });
    expect(code(await world.send(podDelete("web")))).to.equal(500);
    expect(sure((await world.admissions())[0]).verdict).to.equal("hold");
  });

  it("whose client hangs up leaves its approval, spends nothing and is not answered", async () => {
    const world = await World.begin();
    const client = new AbortController();
    const answer = world.send(podDelete("web"), { gone: client.signal });
    await world.untilSleeping(1);
    client.abort();
    expect(await answer).to.equal(undefined);
    await world.decide(BOB, { verdict: "Approve" });
    expect((await world.only()).status.phase).to.equal("Approved");
    expect(code(await world.send(podDelete("web")))).to.equal(200);
  });

  it("never spends after its time, though approved at the last moment", async () => {
    const world = await World.begin();
    const until = world.clock.now() + 25_000;
    await world.sendAndWait(podDelete("web"));
    await world.decide(BOB, { verdict: "Approve" });
    const late = await review(world.ports, podDelete("web"), {
      caller: "verified",
      until,
      gone: new AbortController().signal,
    });
    expect(code(late)).to.equal(429);
    expect((await world.only()).status.phase).to.equal("Approved");
  });

  it("that nobody decides expires and is asked anew", async () => {
    const world = await World.begin();
    await world.sendAndWait(podDelete("web"));
    world.clock.advance(TERMS.pendingSeconds * 1000);
    await expireOpen(world.ports);
    expect((await world.only()).status.phase).to.equal("Expired");
    expect((await world.decide(BOB, { verdict: "Approve" })).kind).to.equal("conflict");
    await world.sendAndWait(podDelete("web"));
    expect(await world.approvals()).to.have.length(2);
  });

  it("approved and not used in time must be approved again", async () => {
    const world = await World.begin();
    await world.sendAndWait(podDelete("web"));
    await world.decide(BOB, { verdict: "Approve" });
    world.clock.advance(TERMS.approvedSeconds * 1000);
    expect(code(await world.sendAndWait(podDelete("web")))).to.equal(429);
  });

  it("as a whole collection is denied: delete by name", async () => {
    const world = await World.begin();
    const answer = await world.send({ ...podDelete("web"), name: "" });
    expect(answer?.refusal?.message).to.contain("delete by name");
    expect(await world.approvals()).to.have.length(0);
  });
});

describe("a dry run", () => {
  it("of what would be held leaves no approval and warns", async () => {
    const world = await World.begin();
    const answer = await world.send({ ...podDelete("web"), dryRun: true });
    expect(answer?.allowed).to.equal(true);
    expect(answer?.warnings.join()).to.contain("would wait");
    expect(await world.approvals()).to.have.length(0);
  });

  it("does not spend an approval that is there", async () => {
    const world = await World.begin();
    await world.sendAndWait(podDelete("web"));
    await world.decide(BOB, { verdict: "Approve" });
    await world.send({ ...podDelete("web"), dryRun: true });
    expect((await world.only()).status.phase).to.equal("Approved");
  });

  for (const [what, given] of Object.entries({
    "of a Secret": {
      resource: { group: "", version: "v1", resource: "secrets" },
      operation: "CREATE" as const,
    },
    "of a token": {
      resource: { group: "", version: "v1", resource: "serviceaccounts" },
      subresource: "token",
      operation: "CREATE" as const,
    },
  }))
    it(`${what} is denied`, async () => {
      const world = await World.begin();
      const object = { apiVersion: "v1", kind: "Thing", metadata: { name: "x" } };
      const answer = await world.send(
        request({ ...given, object, name: "x", namespace: "demo", dryRun: true }),
      );
      expect(code(answer)).to.equal(403);
    });
});

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
    const terms = { ...TERMS, approvers: { groups: ["sre"], count: 2 } };
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
    expect(told.at(-1)?.decision).to.deep.equal({ user: "bob", verdict: "Approve", comment: "ok" });
  });
});

describe("what is none of our business", () => {
  it("passes without a record", async () => {
    const world = await World.begin();
    expect(code(await world.send({ ...podDelete("web"), userInfo: BOB }))).to.equal(200);
    expect(await world.entries()).to.have.length(0);
  });

  it("is also what a member of system:masters does", async () => {
    const world = await World.begin();
    const admin = user("admin", ["hoop:agents", "system:masters"]);
    expect(code(await world.send({ ...podDelete("web"), userInfo: admin }))).to.equal(200);
  });
});

describe("a store that is lost", () => {
  it("rejects the review, so that it is denied", async () => {
    const world = await World.begin();
    await world.store.close();
    const create = podCreate("plain", { containers: [{ name: "main", image: "app:1" }] });
    const failed = await world.send(create).then(
      () => false,
      () => true,
    );
    expect(failed).to.equal(true);
  });
});
