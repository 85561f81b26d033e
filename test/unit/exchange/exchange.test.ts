import { expect } from "chai";
import { decide } from "#core/decide.ts";
import { sweepDoorways } from "#core/exchange/doorway.ts";
import { exchange, forgetUsed, type Wish } from "#core/exchange/exchange.ts";
import { perMinute } from "#core/exchange/limit.ts";
import { revoke } from "#core/exchange/revoke.ts";
import type { Identity } from "#core/exchange/verifier.ts";
import { findApproval } from "#core/hold/rows.ts";
import { endOf, misuse } from "#core/session/life.ts";
import { findSession } from "#core/session/rows.ts";
import { sweepSessions } from "#core/session/sweep.ts";
import { ManualClock } from "../../support/clock.ts";
import { begun, DOOR, IDENTITY, WISH, world } from "../../support/exchange-world.ts";
import { user } from "../../support/reviews.ts";
import { sessionTerms } from "../../support/terms.ts";

describe("token exchange", () => {
  it("gives a session, and a token that lasts as long", async () => {
    const { ports, open, store } = world();
    const { session, token, expiresInSeconds } = await begun(ports, { duration: "20m", reason: "release" });
    expect({ token, expiresInSeconds }).to.deep.equal({ token: "token-u1", expiresInSeconds: 1200 });
    expect([...open]).to.deep.equal([["u1", 1200]]);
    expect(session.status).to.deep.include({
      subject: { username: "https://id#ci", groups: [], extra: {} },
      identity: {
        ...{ issuer: "https://id", claims: { repository: ["acme/shop"] } },
        issuedAt: "2029-12-31T23:59:00Z",
      },
      doorway: { username: DOOR, credentialID: "JTI=u1" },
      expiresAt: "2030-01-01T00:20:00Z",
    });
    const [line] = await store.lines(0);
    expect(line?.line).to.contain('"event":"begun"').and.contain("https://id#ci").and.not.contain("token-u1");
  });

  it("lets nobody use it but whoever has that one token", async () => {
    const { session } = await begun(world().ports);
    const with_ = (name: string, id: string) => ({
      ...user(name),
      extra: new Map([["authentication.kubernetes.io/credential-id", [id]]]),
    });
    expect(misuse(session, with_(DOOR, "JTI=u1"))).to.equal(undefined);
    for (const caller of [with_(DOOR, "JTI=u2"), user(DOOR), with_("ann", "JTI=u1"), user("https://id#ci")])
      expect(misuse(session, caller)).to.equal("not-found");
  });

  it("takes each token once", async () => {
    const { ports, open } = world();
    await begun(ports);
    const again = await exchange(ports, WISH);
    expect(again).to.include({ kind: "refused", error: "invalid_request" });
    expect(again).to.have.property("why").that.contains("exchanged before");
    expect([...open.keys()]).to.deep.equal(["u1"]);
  });

  it("takes it once where it comes twice at the same moment", async () => {
    const { ports, open } = world();
    const both = await Promise.all([exchange(ports, WISH), exchange(ports, WISH)]);
    expect(both.map(({ kind }) => kind).toSorted()).to.deep.equal(["refused", "session"]);
    expect(open.size).to.equal(1);
  });

  it("remembers it for as long as anybody would believe it", async () => {
    const { ports, clock, store } = world();
    await begun(ports);
    clock.advance(300_000 + 30_000);
    await forgetUsed(ports, 30);
    expect((await store.list("exchanged/")).rows).to.have.length(1);
    // And an hour longer, for clocks that are set back.
    clock.advance(3_599_000);
    await forgetUsed(ports, 30);
    expect((await store.list("exchanged/")).rows).to.have.length(1);
    clock.advance(2_000);
    await forgetUsed(ports, 30);
    expect((await store.list("exchanged/")).rows).to.have.length(0);
  });

  const refusals: [string, Partial<Identity>, Partial<Wish>, string][] = [
    [
      "a profile that does not name him",
      { claims: { repository: ["acme/other"] } },
      {},
      "accepts your token",
    ],
    ["a profile of another issuer", { issuer: "https://other" }, {}, "accepts your token"],
    ["a profile that is not there", {}, { profile: "admin" }, "accepts your token"],
    ["a namespace that is not there", {}, { namespace: "none" }, "no such namespace"],
    ["longer than the profile allows", {}, { duration: "2h" }, "at most 1h"],
    ["under a name that no header holds", { username: "a\nb" }, {}, "cannot be told"],
  ];
  for (const [what, identity, wish, why] of refusals)
    it(`gives none by ${what}`, async () => {
      const { ports, open } = world(identity);
      const outcome = await exchange(ports, { ...WISH, ...wish });
      expect(outcome).to.have.property("why").that.contains(why);
      expect(open.size).to.equal(0);
    });

  it("gives no more at once than the profile allows", async () => {
    const { ports, open } = world();
    let number = 0;
    ports.verifier = {
      verify: async () => ({ kind: "verified", identity: { ...IDENTITY, fingerprint: `f${number++}` } }),
    };
    await begun(ports);
    await begun(ports);
    expect(await exchange(ports, WISH))
      .to.have.property("why")
      .that.contains("may not have more");
    expect(open.size).to.equal(2);
  });

  it("gives no more than that where many come at the same moment", async () => {
    const { ports, open } = world();
    let number = 0;
    ports.verifier = {
      verify: async () => ({ kind: "verified", identity: { ...IDENTITY, fingerprint: `f${number++}` } }),
    };
    const all = await Promise.all(Array.from({ length: 8 }, () => exchange(ports, WISH)));
    expect(all.filter(({ kind }) => kind === "session")).to.have.length(2);
    expect(open.size).to.equal(2);
  });

  it("says whether to come again where the namespace cannot be looked up", async () => {
    const { ports } = world();
    ports.cluster = { ...ports.cluster, namespaceUid: async () => ({ known: false, why: "ECONNREFUSED" }) };
    expect(await exchange(ports, WISH)).to.include({ error: "temporarily_unavailable" });
  });

  it("does not say that a token was exchanged before where its way in was closed meanwhile", async () => {
    const { ports, open, store, clock } = world();
    const { open: opened } = ports.doorway;
    ports.doorway.open = async (uid, seconds) => {
      clock.advance(61_000);
      await sweepDoorways(ports);
      return opened(uid, seconds);
    };
    expect(await exchange(ports, WISH)).to.include({ error: "temporarily_unavailable" });
    expect((await store.list("exchanged/")).rows).to.have.length(0);
    expect([...open]).to.deep.equal([]);
  });

  it("gives none where no token can be made, and the token may be brought again", async () => {
    const broken = world();
    broken.fail();
    expect(await exchange(broken.ports, WISH)).to.include({ error: "temporarily_unavailable" });
    expect((await broken.store.list("sessions/")).rows).to.have.length(0);
    expect((await broken.store.list("exchanged/")).rows).to.have.length(0);
  });

  it("takes the token back when the session is over, gone, or never came to be", async () => {
    const { ports, open, clock, store } = world();
    await begun(ports);
    await sweepDoorways(ports);
    expect(open.size).to.equal(1);
    clock.advance(600_000);
    await sweepDoorways(ports);
    expect(open.size).to.equal(0);
    expect((await store.list("doorways/")).rows).to.have.length(0);

    const other = world();
    await begun(other.ports);
    const [row] = (await other.store.list("sessions/")).rows;
    await other.store.commit({ deletes: [{ key: row?.key ?? "", expect: row?.revision ?? 0 }] });
    await sweepDoorways(other.ports);
    expect(other.open.size).to.equal(0);

    const broken = world();
    broken.fail();
    await exchange(broken.ports, WISH);
    await sweepDoorways(broken.ports);
    expect((await broken.store.list("doorways/")).rows).to.have.length(1);
    broken.clock.advance(60_000);
    await sweepDoorways(broken.ports);
    expect((await broken.store.list("doorways/")).rows).to.have.length(0);
  });

  it("tries again to take back what it could not", async () => {
    const { ports, clock, store } = world();
    await begun(ports);
    clock.advance(600_000);
    const { close } = ports.doorway;
    ports.doorway.close = async () => {
      throw new Error("down");
    };
    await sweepDoorways(ports);
    expect((await store.list("doorways/")).rows).to.have.length(1);
    ports.doorway.close = close;
    await sweepDoorways(ports);
    expect((await store.list("doorways/")).rows).to.have.length(0);
  });

  it("ends the session when its profile no longer names whoever brought the token", async () => {
    const { ports, profile, clock } = world();
    const { session } = await begun(ports);
    expect(endOf(ports, session, clock.now(), clock.now())).to.equal(undefined);
    profile.tokens = [{ issuer: "https://id", claims: [{ claim: "repository", values: ["acme/other"] }] }];
    expect(endOf(ports, session, clock.now(), clock.now())).to.include({ phase: "Revoked" });
  });

  it("gives a session that waits for people, with a token that outlasts the wait", async () => {
    const { ports, profile, open, store, clock } = world();
    profile.session = sessionTerms({ approval: { approvers: [{ groups: [], count: 1 }], seconds: 1800 } });
    const { session, expiresInSeconds } = await begun(ports, { duration: "20m" });
    expect(session.status).to.deep.include({ phase: "Pending", seconds: 1200 });
    expect(expiresInSeconds).to.equal(3000);
    expect([...open.values()]).to.deep.equal([3000]);
    const name = session.status.approval ?? "";
    const approval = (await findApproval(store, "ns-1", name))?.approval;
    expect(approval?.spec.agent).to.deep.include({ username: "https://id#ci", credentialID: "JTI=u1" });
    await sweepDoorways(ports);
    expect(open.size).to.equal(1);
    await decide(ports, { namespaceUid: "ns-1", name }, user("bob"), { verdict: "Approve" }, false);
    await sweepSessions(ports);
    const found = await findSession(store, "ns-1", session.metadata.name);
    expect(found?.session.status.phase).to.equal("Active");
    clock.advance(1_200_000);
    await sweepDoorways(ports);
    expect(open.size).to.equal(0);
  });

  const answers: [string, "Deny" | "Approve" | undefined, number][] = [
    ["they have said no", "Deny", 1],
    ["they have said nothing in time", undefined, 1],
    ["they have said yes, and its time is over", "Approve", 0],
  ];
  for (const [when, verdict, left] of answers)
    it(`leaves ${left === 0 ? "no" : "the"} token to hear of it when ${when}`, async () => {
      const { ports, profile, open, store, clock } = world();
      profile.session = sessionTerms({ approval: { approvers: [{ groups: [], count: 1 }], seconds: 1800 } });
      const { session } = await begun(ports);
      const name = session.status.approval ?? "";
      if (verdict !== undefined)
        await decide(ports, { namespaceUid: "ns-1", name }, user("bob"), { verdict }, false);
      await sweepSessions(ports);
      if (verdict !== "Deny") clock.advance(1_800_000);
      // Also before that is written.
      for (let time = 0; time < 2; time++) {
        await sweepDoorways(ports);
        expect(open.size).to.equal(left);
        await sweepSessions(ports);
      }
      const found = await findSession(store, "ns-1", session.metadata.name);
      expect(found?.session.status.phase).to.equal(verdict === "Deny" ? "Denied" : "Expired");
      clock.advance(60_000);
      await sweepDoorways(ports);
      expect(open.size).to.equal(0);
    });

  it("gives none where no window is open", async () => {
    const { ports, profile } = world();
    profile.session = sessionTerms({ windows: [{ days: [], from: 60, to: 120, timeZone: "UTC" }] });
    expect(await exchange(ports, WISH)).to.deep.include({ error: "invalid_target" });
  });

  const NEWER = Date.parse("2029-12-31T23:59:30Z");
  const later: [string, Partial<Identity>, string][] = [
    ["that says the same", { issued: NEWER }, "Active"],
    ["that no longer says what the profile asks for", { issued: NEWER, claims: {}, said: {} }, "Revoked"],
    ["that is older", { issued: NEWER - 60_000, claims: {}, said: {} }, "Active"],
    ["of somebody else", { issued: NEWER, claims: {}, said: {}, username: "https://id#other" }, "Active"],
    ["of another issuer", { issued: NEWER, claims: {}, said: {}, issuer: "https://other" }, "Active"],
  ];
  for (const [what, identity, phase] of later)
    it(`leaves a session ${phase} when a token comes ${what}`, async () => {
      const { ports, store } = world();
      const { session } = await begun(ports);
      const entered = ports.live.enter(session.metadata.uid, "stream", 10);
      if (entered.kind !== "entered") throw new Error(entered.why);
      const newer = { ...IDENTITY, fingerprint: "f2", ...identity };
      ports.verifier = { verify: async () => ({ kind: "verified", identity: newer }) };
      await exchange(ports, { ...WISH, profile: "none of his" });
      const found = await findSession(store, "ns-1", session.metadata.name);
      expect(found?.session.status.phase).to.equal(phase);
      expect(entered.signal.aborted).to.equal(phase === "Revoked");
    });

  const RUN = { run_id: ["1"], run_attempt: ["1"] };
  const jobs: [string, Identity["job"], Identity["job"], string][] = [
    ["another job of its subject", RUN, { ...RUN, run_id: ["2"] }, "Active"],
    ["another attempt at its job", RUN, { ...RUN, run_attempt: ["2"] }, "Active"],
    ["another job of the same run", { ...RUN, job_id: ["a"] }, { ...RUN, job_id: ["b"] }, "Active"],
    ["its own job", RUN, RUN, "Revoked"],
    ["nobody knows which job of its subject", RUN, {}, "Revoked"],
    ["a job, where it was begun by none", {}, RUN, "Revoked"],
    ["what may be its own job", RUN, { run_id: ["1"], job_id: ["a"] }, "Revoked"],
  ];
  for (const [whose, before, after, phase] of jobs)
    it(`leaves a session ${phase} when a token that no longer fits comes of ${whose}`, async () => {
      const { ports, store } = world({ job: before });
      const { session } = await begun(ports);
      const newer = { ...IDENTITY, fingerprint: "f2", claims: {}, said: {}, job: after };
      ports.verifier = { verify: async () => ({ kind: "verified", identity: newer }) };
      await exchange(ports, WISH);
      const found = await findSession(store, "ns-1", session.metadata.name);
      expect(found?.session.status.phase).to.equal(phase);
    });

  it("ends it though it is changed at the same moment", async () => {
    const { ports, store } = world();
    const { session } = await begun(ports);
    const newer = { ...IDENTITY, fingerprint: "f2", claims: {}, said: {} };
    ports.verifier = { verify: async () => ({ kind: "verified", identity: newer }) };
    let times = 0;
    const get = store.get.bind(store);
    store.get = async (key) => {
      const row = await get(key);
      // Whoever has it extends it, between the look and the end.
      if (row?.key.startsWith("sessions/") && times++ < 3)
        await store.commit({ puts: [{ key: row.key, value: row.value }] });
      return row;
    };
    await exchange(ports, WISH);
    store.get = get;
    const found = await findSession(store, "ns-1", session.metadata.name);
    expect([found?.session.status.phase, times]).to.deep.equal(["Revoked", 4]);
  });

  it("goes by what its profile says of claims in CEL, and by that alone when it has changed", async () => {
    const { ports, profile, clock } = world({ said: { ref: "refs/tags/v1", roles: ["a", "b"] } });
    const tokens = (when: string) => [{ issuer: "https://id", claims: [], when }];
    const fits = `claims.ref.startsWith("refs/tags/") && "b" in claims.roles`;
    profile.tokens = tokens(fits);
    const { session } = await begun(ports);
    expect(session.status.identity).to.deep.include({ claims: {}, when: [fits] });
    expect(endOf(ports, session, clock.now(), clock.now())).to.equal(undefined);
    // What else is true of the token, nobody knows any more.
    profile.tokens = tokens(`claims.ref.startsWith("refs/tags/")`);
    expect(endOf(ports, session, clock.now(), clock.now())).to.include({ phase: "Revoked" });
  });
});

describe("the token of a session, revoked", () => {
  const by = (username: string, id: string) => async () => ({
    ...user(username),
    extra: new Map([["authentication.kubernetes.io/credential-id", [id]]]),
  });

  it("ends that session, says so, and takes the token back", async () => {
    const { ports, store, open } = world();
    const { session } = await begun(ports);
    await revoke({ ...ports, bearer: by(DOOR, "JTI=u1") }, "t");
    const [row] = (await store.list("sessions/")).rows;
    expect(JSON.parse(row?.value ?? "").status).to.include({ phase: "Ended", message: "logged out" });
    const lines = await store.lines(0);
    expect(lines.at(-1)?.line).to.contain('"event":"ended"').and.contain(session.metadata.name);
    await sweepDoorways(ports);
    expect(open.size).to.equal(0);
    for (const rows of ["doors/", "doorways/"]) expect((await store.list(rows)).rows).to.have.length(0);
    await revoke({ ...ports, bearer: by(DOOR, "JTI=u1") }, "t");
    expect(await store.lines(0)).to.have.length(lines.length);
  });

  const strangers = {
    "nobody's": async () => undefined,
    "another's of the doorway": by(DOOR, "JTI=u2"),
    "of somebody else, by the same id": by("ann", "JTI=u1"),
    "without an id": by(DOOR, ""),
  };
  for (const [whose, bearer] of Object.entries(strangers))
    it(`ends nothing where it is ${whose}`, async () => {
      const { ports, store } = world();
      await begun(ports);
      await revoke({ ...ports, bearer }, "t");
      const [row] = (await store.list("sessions/")).rows;
      expect(JSON.parse(row?.value ?? "").status.phase).to.equal("Active");
    });
});

describe("how often somebody may ask", () => {
  it("is so many times a minute, and as many at once", () => {
    const clock = new ManualClock();
    const limit = perMinute(3, clock);
    const taken = () => limit.take("a")?.retryAfterSeconds;
    expect([taken(), taken(), taken(), taken()]).to.deep.equal([undefined, undefined, undefined, 20]);
    expect(limit.take("b")).to.equal(undefined);
    clock.advance(19_900);
    expect(taken()).to.equal(1);
    clock.advance(200);
    expect([taken(), taken()]).to.deep.equal([undefined, 20]);
    clock.advance(3_600_000);
    expect([taken(), taken(), taken(), taken()]).to.deep.equal([undefined, undefined, undefined, 20]);
  });
});
