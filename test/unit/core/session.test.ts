import { expect } from "chai";
import { agentMatcher } from "#core/agents.ts";
import type { Entry } from "#core/ledger/entry.ts";
import { type BeginPorts, begin, ended, endOf, extended, misuse, phaseAt } from "#core/session/life.ts";
import { LiveSessions } from "#core/session/live.ts";
import type { Profile, SessionTerms } from "#core/session/profile.ts";
import { allSessions, findSession, sessionKey } from "#core/session/rows.ts";
import { durationSeconds, durationWords, type Session, type SessionSpec } from "#core/session/session.ts";
import { sweepSessions } from "#core/session/sweep.ts";
import { memoryStore } from "#store/memory.ts";
import { ManualClock } from "../../support/clock.ts";
import { user } from "../../support/reviews.ts";
import { asking, sessionTerms } from "../../support/terms.ts";

const TERMS = sessionTerms({ idleSeconds: 60 });
const AGENTS = { groups: ["bots"], users: ["ann"], serviceAccounts: [], extras: {} };
const KEY = "authentication.kubernetes.io/credential-id";

function credited(username: string, credential: string, groups: string[] = []) {
  return { ...user(username, groups), extra: new Map([[KEY, [credential]]]) };
}

function portsWith(terms: Partial<SessionTerms> | null = {}, agents = AGENTS): BeginPorts {
  const session = terms === null ? undefined : { ...TERMS, ...terms };
  const profile: Profile = { name: "ci", agents, ...(session ? { session } : {}) };
  const { namespace, name } = session?.serviceAccount ?? TERMS.serviceAccount;
  const matcher = agentMatcher({ ...AGENTS, serviceAccounts: [`${namespace}/${name}`] }, "");
  return {
    agents: matcher,
    profile: (wanted) => (wanted === "ci" ? profile : undefined),
    installationNamespace: "hoop-system",
  };
}

const METADATA = { name: "task", namespace: "demo", uid: "u1", creationTimestamp: "2030-01-01T00:00:00Z" };
const NOW = Date.parse("2030-01-01T00:00:00Z");

function begun(spec: Partial<SessionSpec> = {}, ports = portsWith(), who = credited("ann", "one")): Session {
  const whole = { profile: "ci", ...spec };
  const outcome = begin(ports, who, { metadata: METADATA, spec: whole }, NOW);
  if ("refused" in outcome) throw new Error(outcome.refused);
  return {
    apiVersion: "hoop.dev/v1alpha1",
    kind: "Session",
    metadata: METADATA,
    spec: whole,
    status: outcome.status,
  };
}

describe("a session", () => {
  it("begins Active, as the ServiceAccount of its profile, for as long as the profile says", () => {
    const { status } = begun();
    expect(status).to.deep.include({
      ...{ phase: "Active", serviceAccount: TERMS.serviceAccount, idleSeconds: 60 },
      ...{ startedAt: "2030-01-01T00:00:00Z", expiresAt: "2030-01-01T00:10:00Z" },
      path: "/apis/hoop.dev/v1alpha1/namespaces/demo/sessions/task/proxy",
    });
    expect(status.subject).to.deep.include({ username: "ann", credentialID: "one" });
  });

  it("lasts as long as it asks for, up to what the profile allows", () => {
    expect(begun({ duration: "1h" }).status.expiresAt).to.equal("2030-01-01T01:00:00Z");
    expect(() => begun({ duration: "1h1s" })).to.throw("the profile allows at most 1h");
    expect(() => begun({ duration: "0s" })).to.throw("1s at least");
    expect(["90s", "1h30m", "0.5m"].map(durationSeconds)).to.deep.equal([90, 5400, 30]);
    expect([14400, 5400, 3601, 90].map(durationWords)).to.deep.equal(["4h", "1h30m", "1h1s", "1m30s"]);
  });

  const within = new Map([["hoop.dev/session-uid", ["u0"]]]);
  const REFUSED: readonly [string, () => unknown, string][] = [
    ["whoever is no agent", () => begun({}, portsWith(), credited("eve", "one")), "only agents"],
    [
      "an agent that the profile does not name",
      () => begun({}, portsWith({}, { ...AGENTS, users: [] })),
      "no such",
    ],
    ["a profile that is not there", () => begun({ profile: "other" }), "no such AgentProfile"],
    ["a profile without sessions", () => begun({}, portsWith(null)), "no spec.session"],
    [
      "what comes out of a session",
      () => begun({}, portsWith(), { ...user("ann"), extra: within }),
      "no other",
    ],
    [
      "the cluster's masters",
      () => begun({}, portsWith(), credited("ann", "one", ["system:masters"])),
      "only agents",
    ],
    [
      "a name that no header holds",
      () => begun({}, portsWith(), credited("bé\u2028", "1", ["bots"])),
      "cannot be told",
    ],
    ...[
      credited("system:node:one", "one", ["system:nodes", "bots"]),
      credited("system:serviceaccount:kube-system:deployment-controller", "one", [
        ...["system:serviceaccounts", "bots"],
      ]),
      credited("system:kube-controller-manager", "one", ["bots"]),
    ].map((who): [string, () => unknown, string] => [
      `${who.username}, though a profile names a group of it`,
      () => begun({}, portsWith(), who),
      "only agents",
    ]),
    ...["kube-system", "hoop-system"].map((namespace): [string, () => unknown, string] => [
      `to act in ${namespace}`,
      () => begun({}, portsWith({ serviceAccount: { namespace, name: "x" } })),
      "no session may act in",
    ]),
  ];
  for (const [whom, what, why] of REFUSED) it(`is refused: ${whom}`, () => expect(what).to.throw(why));

  it("is used by its own subject with its own credential alone", () => {
    const session = begun();
    expect(misuse(session, credited("ann", "one"))).to.equal(undefined);
    expect(misuse(session, credited("ann", "two"))).to.equal("another-credential");
    expect(misuse(session, user("ann"))).to.equal("another-credential");
    expect(misuse(session, credited("bob", "one"))).to.equal("not-found");
    expect(misuse(session, { ...credited("ann", "one"), uid: "other" })).to.equal("not-found");
    expect(misuse(session, { ...credited("ann", "one"), extra: within })).to.equal("not-found");
  });

  it("ends by time, by idleness, or with what allowed it", () => {
    const [ports, session] = [portsWith(), begun()];
    const end = (given: BeginPorts, after: number, used: number) =>
      endOf(given, session, NOW + after, NOW + used)?.phase;
    expect(end(ports, 59_999, 0)).to.equal(undefined);
    expect(end(ports, 60_000, 0)).to.equal("Ended");
    expect(end(ports, 600_000, 599_999)).to.equal("Expired");
    expect(end(portsWith(null), 0, 0)).to.equal("Revoked");
    expect(end(portsWith({ serviceAccount: { namespace: "work", name: "other" } }), 0, 0)).to.equal(
      "Revoked",
    );
    expect(end(portsWith({}, { ...AGENTS, users: [] }), 0, 0)).to.equal("Revoked");
    expect(phaseAt(session, NOW + 600_000)).to.equal("Expired");
  });

  it("is extended from its beginning on, and not once it is over", () => {
    const session = begun();
    expect(extended(portsWith(), session, "1h", NOW + 1)).to.have.nested.property(
      "status.expiresAt",
      "2030-01-01T01:00:00Z",
    );
    expect(extended(portsWith(), session, "2h", NOW + 1)).to.have.property("refused");
    expect(extended(portsWith(), session, "1h", NOW + 600_000)).to.have.property("refused", "it is over");
  });

  it("is extended without people only where none are asked for others of its profile", () => {
    const approval = { approvers: [{ groups: [], count: 1 }], seconds: 60 };
    const one = extended(portsWith({ approval }), begun(), "1h", NOW + 1);
    expect(one).to.have.property("refused").that.contains("people have to approve");
  });

  it("is swept though another one cannot be", async () => {
    const [store, clock] = [memoryStore(), new ManualClock(NOW + 600_000)];
    const good = begun();
    const bad = {
      ...good,
      metadata: { ...METADATA, name: "broken", uid: "u2" },
      status: { phase: "Active" },
    };
    for (const session of [bad, good]) {
      const key = sessionKey("ns-1", session.metadata.name);
      await store.commit({ puts: [{ key, value: JSON.stringify(session) }] });
    }
    const live = new LiveSessions(() => clock.now());
    const failed = await sweepSessions({ ...portsWith(), ...asking(), store, clock, live }).catch(
      () => "told",
    );
    expect(failed).to.equal("told");
    expect((await findSession(store, "ns-1", "task"))?.session.status.phase).to.equal("Expired");
  });

  it("is swept when it is over: told once, and what goes on in it cut", async () => {
    const clock = new ManualClock(NOW);
    const [store, live] = [memoryStore(), new LiveSessions(() => clock.now())];
    const key = sessionKey("ns-1", "task");
    await store.commit({ puts: [{ key, value: JSON.stringify(begun()) }] });
    const ports = { ...portsWith(), ...asking(), store, clock, live };
    const entered = live.enter("u1", "stream", 10);
    if (entered.kind !== "entered") throw new Error(entered.why);
    // What runs in it is use.
    clock.advance(120_000);
    await sweepSessions(ports);
    expect((await findSession(store, "ns-1", "task"))?.session.status.phase).to.equal("Active");
    clock.advance(480_000);
    await sweepSessions(ports);
    await sweepSessions(ports);
    expect(entered.signal.aborted).to.equal(true);
    const found = await findSession(store, "ns-1", "task");
    expect(found?.session.status).to.deep.include({ phase: "Expired", message: "its time is over" });
    const entries = (await store.lines(0)).map(({ line }) => JSON.parse(line) as Entry);
    expect(entries.map((entry) => "event" in entry && entry.event)).to.deep.equal(["expired"]);
    clock.advance(24 * 3600_000);
    await sweepSessions(ports);
    expect(await findSession(store, "ns-1", "task")).to.equal(undefined);
  });

  it("is shown when it is over as one of the last of its agent alone: who begins one after the other fills nothing", async () => {
    const [store, clock] = [memoryStore(), new ManualClock(NOW + 1_000_000)];
    const over = (name: string, second: number, username = "ann") => {
      const session = ended(begun(), { phase: "Ended", message: "deleted" }, NOW + second * 1000);
      const subject = { ...session.status.subject, username };
      return {
        ...session,
        metadata: { ...METADATA, name, uid: name },
        status: { ...session.status, subject },
      };
    };
    const rows = [
      ...Array.from({ length: 250 }, (_, at) => over(`a${at}`, at)),
      over("other", 0, "bob"),
      {
        ...begun({}, portsWith({ idleSeconds: 0, maxSeconds: 3600 })),
        metadata: { ...METADATA, name: "open" },
      },
    ];
    for (const session of rows) {
      const status = session.metadata.name === "open" ? { expiresAt: "2030-01-02T00:00:00Z" } : {};
      const value = JSON.stringify({ ...session, status: { ...session.status, ...status } });
      await store.commit({ puts: [{ key: sessionKey("ns-1", session.metadata.name), value }] });
    }
    const live = new LiveSessions(() => clock.now());
    await sweepSessions({ ...portsWith({ idleSeconds: 0 }), ...asking(), store, clock, live });
    const left = (await allSessions(store)).map(({ session }) => session.metadata.name);
    const expected = ["open", "other", ...Array.from({ length: 200 }, (_, at) => `a${at + 50}`)];
    expect(left).to.have.members(expected);
  });

  it("is cut though a request came in at the very moment of its end, or it was made anew by the same name", async () => {
    const clock = new ManualClock(NOW);
    const [store, live] = [memoryStore(), new LiveSessions(() => clock.now())];
    const ports = { ...portsWith(), ...asking(), store, clock, live };
    const key = sessionKey("ns-1", "task");
    const session = begun();
    const over = ended(session, { phase: "Revoked", message: "killed" }, NOW);
    const anew = { ...session, metadata: { ...METADATA, uid: "u2" } };
    for (const [row, cut] of [
      [session, false],
      [over, true],
      [anew, true],
    ] as const) {
      await store.commit({ puts: [{ key, value: JSON.stringify(row) }] });
      const entered = live.enter("u1", "stream", 10);
      if (entered.kind !== "entered") throw new Error(entered.why);
      await sweepSessions(ports);
      expect(entered.signal.aborted).to.equal(cut);
    }
  });

  it("may be used only so often", () => {
    let now = 0;
    const live = new LiveSessions(() => now);
    const enter = () => {
      const entered = live.enter("u", "call", 1);
      if (entered.kind === "entered") entered.leave();
      return entered.kind;
    };
    const kinds = Array.from({ length: 101 }, enter);
    expect(kinds.filter((kind) => kind === "entered")).to.have.length(100);
    now += 1000;
    expect([enter(), enter()]).to.deep.equal(["entered", "too-many"]);
    // The clock is set back: nobody has to wait until it is as late again.
    now -= 3600_000;
    expect(enter()).to.equal("too-many");
    now += 1000;
    expect([enter(), enter()]).to.deep.equal(["entered", "too-many"]);
  });
});
