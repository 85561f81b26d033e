import { expect } from "chai";
import { expireOpen } from "#core/hold/expire.ts";
import { review } from "#core/review.ts";
import { catalogueWith, policyPorts } from "../../support/policies.ts";
import {
  AGENT,
  agentUser,
  podCreate,
  podDelete,
  podExec,
  request,
  TERMS,
  user,
} from "../../support/reviews.ts";
import { code, sure, World } from "../../support/world.ts";

const BOB = user("bob");

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

  it("leaves one record of its wait, however often it is asked; a new run leaves another", async () => {
    const world = await World.begin();
    const run = async () => {
      const records: (number | undefined)[] = [];
      for (let last = 0; last !== 403; world.clock.advance(1_000)) {
        const answer = await world.sendAndWait(podDelete("web"));
        records.push(answer.record);
        last = code(answer);
      }
      return records;
    };
    const first = await run();
    expect(first).to.have.length(4);
    expect(new Set(first).size).to.equal(1);
    expect(await world.admissions()).to.have.length(1);
    const next = await run();
    expect(new Set(next).size).to.equal(1);
    expect(next[0]).to.not.equal(first[0]);
    expect(await world.admissions()).to.have.length(2);
  });

  it("with another credential leaves a record of its own", async () => {
    const world = await World.begin();
    const first = await world.sendAndWait(podDelete("web"));
    const other = await world.sendAndWait({ ...podDelete("web"), userInfo: agentUser("another-cert") });
    expect(other.record).to.not.equal(first.record);
    expect(await world.admissions()).to.have.length(2);
  });

  it("is one approval however often it is asked, and every answer names the record of the wait", async () => {
    const world = await World.begin();
    const answers = Array.from({ length: 20 }, () => world.send(podDelete("web")));
    await world.untilSleeping(20);
    expect(await world.approvals()).to.have.length(1);
    world.clock.advance(25_000);
    const given = await Promise.all(answers);
    expect(new Set(given.map(code))).to.deep.equal(new Set([429]));
    const records = given.map((answer) => sure(answer).record);
    const admissions = await world.admissions();
    expect(admissions).to.have.length(1);
    expect(new Set(records)).to.deep.equal(
      new Set([(await world.entries()).findIndex(({ kind }) => kind === "admission")]),
    );
  });

  it("beyond the number that may wait here is sent away at once, to ask again within its ten attempts", async () => {
    const world = await World.begin({ maxWaiters: 1 });
    const first = world.send(podDelete("web"));
    await world.untilSleeping(1);
    const second = await world.send(podDelete("db"));
    expect(second?.refusal).to.include({ code: 429, retryAfterSeconds: 10 });
    await world.decide(BOB, { verdict: "Approve" });
    expect(code(await first)).to.equal(200);
  });

  it("that waits when Hoop ends is told to ask again, not cut off", async () => {
    const world = await World.begin();
    const answer = world.send(podDelete("web"));
    await world.untilSleeping(1);
    world.ports.waiters.stop();
    expect(code(await answer)).to.equal(429);
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

  it("that creates passes again only where it was asked before the approval was spent", async () => {
    const world = await World.begin();
    const both = [world.send(podCreate("web")), world.send(podCreate("web"))];
    await world.untilSleeping(2);
    await world.decide(BOB, { verdict: "Approve" });
    expect((await Promise.all(both)).map(code)).to.deep.equal([200, 200]);
    world.clock.advance(1_000);
    expect(code(await world.sendAndWait(podCreate("web")))).to.equal(429);
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
    "an exec": () => podExec(),
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

  it("to connect does not take the place of another connection to the same pod", async () => {
    const world = await World.begin();
    const both = [world.send(podExec("id")), world.send(podExec("date"))];
    await world.untilSleeping(2);
    const names = (await world.approvals()).map(({ metadata }) => metadata.name);
    for (const name of names) await world.decide(BOB, { verdict: "Approve" }, name);
    expect((await Promise.all(both)).map(code)).to.deep.equal([200, 200]);
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
    const catalogue = catalogueWith({ name: "also", action: "Hold" });
    const ports = { ...world.ports, policies: policyPorts(catalogue) };
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
