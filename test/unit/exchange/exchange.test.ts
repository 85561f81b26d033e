import { expect } from "chai";
import express from "express";
import supertest from "supertest";
import { agentMatcher } from "#core/agents.ts";
import { decide } from "#core/decide.ts";
import { sweepDoorways } from "#core/exchange/doorway.ts";
import { type ExchangePorts, exchange, forgetUsed, type Wish } from "#core/exchange/exchange.ts";
import { perMinute } from "#core/exchange/limit.ts";
import { kept, matches } from "#core/exchange/match.ts";
import { revoke } from "#core/exchange/revoke.ts";
import type { Identity, Verification } from "#core/exchange/verifier.ts";
import { findApproval } from "#core/hold/rows.ts";
import { endOf, misuse } from "#core/session/life.ts";
import { LiveSessions } from "#core/session/live.ts";
import type { Profile } from "#core/session/profile.ts";
import { findSession } from "#core/session/rows.ts";
import { sweepSessions } from "#core/session/sweep.ts";
import { memoryStore } from "#store/memory.ts";
import { tokenEndpoint } from "#web/exchange.ts";
import { ManualClock } from "../../support/clock.ts";
import { user } from "../../support/reviews.ts";
import { asking, sessionTerms } from "../../support/terms.ts";

const IDENTITY: Identity = {
  ...{ issuer: "https://id", subject: "ci", username: "https://id#ci", fingerprint: "f1" },
  claims: { repository: ["acme/shop"], ref: ["main"] },
  said: { repository: "acme/shop", ref: "main" },
  issued: Date.parse("2029-12-31T23:59:00Z"),
  expires: Date.parse("2030-01-01T00:05:00Z"),
};
const TOKENS = [{ issuer: "https://id", claims: [{ claim: "repository", values: ["acme/shop"] }] }];
const DOOR = "system:serviceaccount:hoop-doorway:hoop-doorway";
const WISH: Wish = { token: "t", profile: "ci", namespace: "demo" };

function world(identity: Partial<Identity> = {}, refusal?: Verification) {
  const [store, clock] = [memoryStore(), new ManualClock()];
  const profile: Profile = {
    ...{ name: "ci", agents: { groups: [], users: [], serviceAccounts: [], extras: {} }, tokens: TOKENS },
    session: sessionTerms(),
  };
  const open = new Map<string, number>();
  const live = new LiveSessions(() => clock.now());
  let made = 0;
  let fails = false;
  const ports: ExchangePorts = {
    ...{ store, clock, installationNamespace: "hoop-system", subjects: perMinute(60, clock) },
    random: { uuid: () => `u${++made}`, suffix: () => `s${made}`, bytes: (count) => new Uint8Array(count) },
    agents: agentMatcher({ ...profile.agents, serviceAccounts: ["work/bot"] }, ""),
    profile: (name) => (name === "ci" ? profile : undefined),
    ...asking(),
    live,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    verifier: {
      verify: async () => refusal ?? { kind: "verified", identity: { ...IDENTITY, ...identity } },
    },
    doorway: {
      open: async (uid, seconds) => {
        if (fails) throw new Error("no");
        open.set(uid, seconds);
        return { token: `token-${uid}`, username: DOOR, credentialID: `JTI=${uid}` };
      },
      close: async (uid) => void open.delete(uid),
    },
  };
  const fail = () => {
    fails = true;
  };
  return { ports: { ...ports, live }, profile, store, clock, open, fail };
}

async function begun(ports: ExchangePorts, wish: Partial<Wish> = {}) {
  const outcome = await exchange(ports, { ...WISH, ...wish });
  if (outcome.kind !== "session") throw new Error(JSON.stringify(outcome));
  return outcome;
}

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
    clock.advance(300_000 + 89_000);
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
      "no such AgentProfile",
    ],
    ["a profile of another issuer", { issuer: "https://other" }, {}, "no such AgentProfile"],
    ["a profile that is not there", {}, { profile: "admin" }, "no such AgentProfile"],
    ["a namespace that is not there", {}, { namespace: "none" }, "no such namespace"],
    ["longer than the profile allows", {}, { duration: "2h" }, "1s to 3600s"],
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

describe("which tokens a profile is for", () => {
  const asked = (claims: Record<string, string[]>, wanted: [string, string[]][]) =>
    matches([{ issuer: "i", claims: wanted.map(([claim, values]) => ({ claim, values })) }], {
      issuer: "i",
      claims,
    });
  it("goes by all of its claims", () => {
    expect(
      asked({ a: ["1"], b: ["2", "3"] }, [
        ["a", ["1"]],
        ["b", ["3", "4"]],
      ]),
    ).to.equal(true);
    expect(
      asked({ a: ["1"] }, [
        ["a", ["1"]],
        ["b", ["3"]],
      ]),
    ).to.equal(false);
    expect(asked({ a: ["1"] }, [])).to.equal(false);
    expect(asked({}, [["constructor", ["x"]]])).to.equal(false);
  });
  const SAID = { sub: "ci", admin: true, level: 3, groups: ["a"], nested: { team: "x" } };
  const whens: [string, boolean][] = [
    ['claims.sub == "ci"', true],
    ["claims.admin == true && claims.level > 2", true],
    ['claims.groups.exists(g, g == "a")', true],
    ['claims.nested.team == "x"', true],
    ['claims.?email.orValue("") == ""', true],
    ["claims.level > 3", false],
    ["claims.email != ''", false],
    ["claims.level.startsWith('3')", false],
    ["claims.missing.deeper == 1", false],
    ["claims.sub ==", false],
    ["claims.sub", false],
    ["request.userInfo.username == 'ci'", false],
    [
      "[1, 2, 3, 4, 5, 6, 7, 8].all(a, [1, 2, 3, 4, 5, 6, 7, 8].all(b, [1, 2, 3, 4, 5, 6, 7, 8].all(c, [1, 2, 3, 4, 5, 6, 7, 8].all(d, [1, 2, 3, 4, 5, 6, 7, 8].all(e, [1, 2, 3, 4, 5, 6, 7, 8].all(f, [1, 2, 3, 4, 5, 6, 7, 8].all(g, true)))))))",
      false,
    ],
  ];
  for (const [when, expected] of whens)
    it(`${expected ? "is" : "is not"} by ${when.slice(0, 60)}`, () => {
      const tokens = [{ issuer: "i", claims: [], when }];
      expect(matches(tokens, kept(tokens, { issuer: "i", claims: {}, said: SAID }))).to.equal(expected);
      expect(matches(tokens, kept(tokens, { issuer: "j", claims: {}, said: SAID }))).to.equal(false);
    });
  it("takes claims and the expression together", () => {
    const tokens = [{ issuer: "i", claims: [{ claim: "a", values: ["1"] }], when: "claims.level > 2" }];
    const of = (a: string) => matches(tokens, kept(tokens, { issuer: "i", claims: { a: [a] }, said: SAID }));
    expect([of("1"), of("2")]).to.deep.equal([true, false]);
  });
  it("keeps no more of a token than that", () => {
    const tokens = [{ issuer: "i", claims: [{ claim: "a", values: ["1"] }] }];
    const said = { a: "1", email: "x" };
    expect(kept(tokens, { issuer: "i", claims: { a: ["1"], email: ["x"] }, said })).to.deep.equal({
      issuer: "i",
      claims: { a: ["1"] },
    });
  });
});

describe("POST /token", () => {
  const FORM = {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
    ...{ subject_token: "t", profile: "ci", namespace: "demo" },
  };
  const posted = (form: object | string, ports = world().ports, sources = perMinute(60, ports.clock)) => {
    const revoke = async () => undefined;
    const app = express().use(tokenEndpoint({ exchange: (wish) => exchange(ports, wish), revoke, sources }));
    return supertest(app).post("/token").type("form").send(form);
  };

  it("answers as RFC 8693 says, and nobody keeps the answer", async () => {
    const { status, body, headers } = await posted({ ...FORM, duration: "20m" });
    expect(status).to.equal(200);
    expect(body).to.deep.equal({
      ...{ access_token: "token-u1", token_type: "Bearer", expires_in: 1200 },
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
      session: {
        ...{ namespace: "demo", name: "ci-s0", phase: "Active", expiresAt: "2030-01-01T00:20:00Z" },
        path: "/apis/hoop.dev/v1alpha1/namespaces/demo/sessions/ci-s0/proxy",
      },
    });
    expect(headers["cache-control"]).to.equal("no-store");
  });

  const bad: [string, object | string, number, string, string][] = [
    ["no grant", { ...FORM, grant_type: "" }, 400, "invalid_request", "grant_type is needed"],
    ["another grant", { ...FORM, grant_type: "password" }, 400, "unsupported_grant_type", "must be"],
    [
      "another kind of token",
      { ...FORM, subject_token_type: "x" },
      400,
      "invalid_request",
      "subject_token_type must",
    ],
    ["no token", { ...FORM, subject_token: "" }, 400, "invalid_request", "subject_token is needed"],
    ["somebody in between", { ...FORM, actor_token: "t" }, 400, "invalid_request", "no actor_token"],
    ["a wish for another token", { ...FORM, requested_token_type: "x" }, 400, "invalid_request", "can be"],
    ["another target", { ...FORM, audience: "api" }, 400, "invalid_target", "sessions alone"],
    ["a scope", { ...FORM, scope: "all" }, 400, "invalid_scope", "no scope"],
    ["two tokens", `${new URLSearchParams(FORM)}&subject_token=u`, 400, "invalid_request", "twice"],
    ["a namespace that is none", { ...FORM, namespace: "../x" }, 400, "invalid_request", "namespace is"],
    ["a profile that is none", { ...FORM, profile: "a/b" }, 400, "invalid_request", "profile is needed"],
    ["no duration", { ...FORM, duration: "long" }, 400, "invalid_request", "duration must be"],
    ["too much", { ...FORM, subject_token: "x".repeat(70_000) }, 413, "invalid_request", "cannot be read"],
    ["a profile that is not his", { ...FORM, profile: "admin" }, 400, "invalid_target", "no such Agent"],
  ];
  for (const [what, form, code, error, why] of bad)
    it(`refuses ${what}`, async () => {
      const { status, body, headers } = await posted(form);
      expect([status, body.error]).to.deep.equal([code, error]);
      expect(body.error_description).to.contain(why);
      expect(headers["cache-control"]).to.equal("no-store");
    });

  it("says to slow down to an address, and to a subject, that asks too often", async () => {
    const { ports } = world();
    const sources = perMinute(1, ports.clock);
    await posted({ ...FORM, grant_type: "" }, ports, sources);
    const { status, body, headers } = await posted(FORM, ports, sources);
    expect([status, body.error, headers["retry-after"]]).to.deep.equal([429, "slow_down", "60"]);
    expect(body.error_description).to.contain("this address");
    const other = { ...ports, subjects: perMinute(1, ports.clock) };
    expect((await posted(FORM, other)).status).to.equal(200);
    const again = await posted(FORM, other);
    expect([again.status, again.body.error]).to.deep.equal([429, "slow_down"]);
    expect(again.body.error_description).to.contain("this subject");
  });

  it("says when to come again", async () => {
    const { ports } = world({}, { kind: "unavailable", why: "the keys cannot be had" });
    const { status, body } = await posted(FORM, ports);
    expect([status, body.error]).to.deep.equal([503, "temporarily_unavailable"]);
  });

  it("shows nothing of itself when it fails", async () => {
    const { ports } = world();
    ports.profile = () => {
      throw new Error("at core/secret.ts");
    };
    const { status, text } = await posted(FORM, ports);
    expect(status).to.equal(503);
    expect(text).to.not.contain("secret.ts");
  });
});
