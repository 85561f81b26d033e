import { expect } from "chai";
import express from "express";
import supertest from "supertest";
import { agentMatcher } from "#core/agents.ts";
import { sweepDoorways } from "#core/exchange/doorway.ts";
import { type ExchangePorts, exchange, forgetUsed, type Wish } from "#core/exchange/exchange.ts";
import { kept, matches } from "#core/exchange/match.ts";
import type { Identity, Verification } from "#core/exchange/verifier.ts";
import { endOf, misuse } from "#core/session/life.ts";
import type { Profile } from "#core/session/profile.ts";
import { memoryStore } from "#store/memory.ts";
import { tokenEndpoint } from "#web/exchange.ts";
import { ManualClock } from "../../support/clock.ts";
import { user } from "../../support/reviews.ts";

const IDENTITY: Identity = {
  ...{ issuer: "https://id", subject: "ci", username: "https://id#ci", fingerprint: "f1" },
  claims: { repository: ["acme/shop"], ref: ["main"] },
  expires: Date.parse("2030-01-01T00:05:00Z"),
};
const TOKENS = [{ issuer: "https://id", claims: [{ claim: "repository", values: ["acme/shop"] }] }];
const DOOR = "system:serviceaccount:hoop-doorway:hoop-doorway";
const WISH: Wish = { token: "t", profile: "ci", namespace: "demo" };

function world(identity: Partial<Identity> = {}, refusal?: Verification) {
  const [store, clock] = [memoryStore(), new ManualClock()];
  const profile: Profile = {
    ...{ name: "ci", agents: { groups: [], users: [], serviceAccounts: [], extras: {} }, tokens: TOKENS },
    session: {
      serviceAccount: { namespace: "work", name: "bot" },
      ...{ defaultSeconds: 600, maxSeconds: 3600, idleSeconds: 0, maxSessions: 2, requestsPerSecond: 10 },
      exec: { stdin: true, tty: true },
    },
  };
  const open = new Map<string, number>();
  let made = 0;
  let fails = false;
  const ports: ExchangePorts = {
    ...{ store, clock, installationNamespace: "hoop-system" },
    random: { uuid: () => `u${++made}`, suffix: () => `s${made}`, bytes: (count) => new Uint8Array(count) },
    agents: agentMatcher({ ...profile.agents, serviceAccounts: ["work/bot"] }, ""),
    profile: (name) => (name === "ci" ? profile : undefined),
    cluster: {
      namespaceUid: async (name) =>
        name === "demo" ? { known: true, uid: "ns" } : { known: false, why: "none" },
      referent: async () => ({ known: false, why: "" }),
    },
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
  return { ports, profile, store, clock, open, fail };
}

async function begun(ports: ExchangePorts, wish: Partial<Wish> = {}) {
  const outcome = await exchange(ports, { ...WISH, ...wish });
  if (outcome.kind !== "session") throw new Error(outcome.why);
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
      identity: { issuer: "https://id", claims: { repository: ["acme/shop"] } },
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
  it("keeps no more of a token than that", () => {
    const tokens = [{ issuer: "i", claims: [{ claim: "a", values: ["1"] }] }];
    expect(kept(tokens, { issuer: "i", claims: { a: ["1"], email: ["x"] } }).claims).to.deep.equal({
      a: ["1"],
    });
  });
});

describe("POST /token", () => {
  const FORM = {
    grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
    subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
    ...{ subject_token: "t", profile: "ci", namespace: "demo" },
  };
  const posted = (form: object | string, ports = world().ports) => {
    const app = express().use(tokenEndpoint((wish) => exchange(ports, wish)));
    return supertest(app).post("/token").type("form").send(form);
  };

  it("answers as RFC 8693 says, and nobody keeps the answer", async () => {
    const { status, body, headers } = await posted({ ...FORM, duration: "20m" });
    expect(status).to.equal(200);
    expect(body).to.deep.equal({
      ...{ access_token: "token-u1", token_type: "Bearer", expires_in: 1200 },
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
      session: {
        ...{ namespace: "demo", name: "ci-s0", expiresAt: "2030-01-01T00:20:00Z" },
        path: "/apis/hoop.dev/v1alpha1/namespaces/demo/sessions/ci-s0/proxy",
      },
    });
    expect(headers["cache-control"]).to.equal("no-store");
  });

  const bad: [string, object | string, number, string][] = [
    ["another grant", { ...FORM, grant_type: "password" }, 400, "grant_type must be"],
    ["another kind of token", { ...FORM, subject_token_type: "x" }, 400, "subject_token_type must be"],
    ["no token", { ...FORM, subject_token: "" }, 400, "subject_token is needed"],
    ["two tokens", `${new URLSearchParams(FORM)}&subject_token=u`, 400, "twice"],
    ["a namespace that is none", { ...FORM, namespace: "../x" }, 400, "namespace is needed"],
    ["a profile that is none", { ...FORM, profile: "a/b" }, 400, "profile is needed"],
    ["no duration", { ...FORM, duration: "long" }, 400, "duration must be"],
    ["too much", { ...FORM, subject_token: "x".repeat(70_000) }, 413, "cannot be read"],
    ["a profile that is not his", { ...FORM, profile: "admin" }, 403, "no such AgentProfile"],
  ];
  for (const [what, form, code, why] of bad)
    it(`refuses ${what}`, async () => {
      const { status, body } = await posted(form);
      expect(status).to.equal(code);
      expect(body.error).to.be.a("string");
      expect(body.error_description).to.contain(why);
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
