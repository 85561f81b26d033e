/** Sessions that people have to approve: from the question to their end. */
import { expect } from "chai";
import { agentMatcher } from "#core/agents.ts";
import { decide } from "#core/decide.ts";
import type { Granted } from "#core/digest/refers-to.ts";
import { findApproval } from "#core/hold/rows.ts";
import type { Entry } from "#core/ledger/entry.ts";
import { reapprove } from "#core/reapprove.ts";
import { askFor } from "#core/session/approval.ts";
import { sessionLine } from "#core/session/entries.ts";
import { finish } from "#core/session/finish.ts";
import { begin, extended } from "#core/session/life.ts";
import { LiveSessions } from "#core/session/live.ts";
import type { Profile, SessionTerms } from "#core/session/profile.ts";
import { findSession, sessionKey } from "#core/session/rows.ts";
import type { Session, SessionSpec } from "#core/session/session.ts";
import { sweepSessions } from "#core/session/sweep.ts";
import { memoryStore } from "#store/memory.ts";
import { random } from "../../../system.ts";
import { ManualClock } from "../../support/clock.ts";
import { user } from "../../support/reviews.ts";
import { asking, sessionTerms } from "../../support/terms.ts";

const AGENTS = { groups: [], users: ["ann"], serviceAccounts: [], extras: {} };
const NOW = Date.parse("2030-01-01T00:00:00Z");
const EDITS: Granted = {
  role: "Role edit",
  namespace: "demo",
  rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["delete"] }],
};
const BOB = user("bob");
const ANN = { username: "ann", groups: ["system:authenticated"], credentialID: "ann-cert" };

async function world(terms: Partial<SessionTerms> = {}) {
  const [store, clock] = [memoryStore(), new ManualClock(NOW)];
  const granted = [EDITS];
  const owned = [{ agents: AGENTS, owners: { users: ["olga"], groups: [] } }];
  const approval = { approvers: [{ groups: [], count: 1 }], seconds: 1800, reason: "production" };
  const profile: Profile = { name: "ci", agents: AGENTS, session: sessionTerms({ approval, ...terms }) };
  const ports = {
    ...asking(granted),
    ...{ store, clock, random, installationNamespace: "hoop-system" },
    live: new LiveSessions(() => clock.now()),
    agents: agentMatcher({ ...AGENTS, serviceAccounts: ["work/bot"] }, "", owned),
    profile: (name: string) => (name === "ci" ? profile : undefined),
  };
  return {
    ...{ ports, store, clock, profile, granted },
    sweep: () => sweepSessions(ports),
    async asked(spec: Partial<SessionSpec> = {}, name = "task") {
      const session = sessionOf(spec, name);
      const question = await askFor(ports, session, "ns-1", profile.session?.approval ?? approval);
      if ("refused" in question) throw new Error(question.refused);
      const { beside } = question;
      const written = { ...session, status: { ...session.status, approval: question.name } };
      const put = { key: sessionKey("ns-1", name), value: JSON.stringify(written), expect: 0 };
      const line = sessionLine(written, "asked", clock.now());
      await store.commit({ ...beside, puts: [put, ...beside.puts], lines: [...beside.lines, line] });
      return question.name;
    },
    session: async (name = "task") => (await findSession(store, "ns-1", name))?.session as Session,
    approval: async (name: string) => (await findApproval(store, "ns-1", name))?.approval,
    decide: (name: string, verdict: "Approve" | "Deny", by = BOB, comment = "") =>
      decide(ports, { namespaceUid: "ns-1", name }, by, { verdict, comment }, false),
    events: async () =>
      (await store.lines(0))
        .map(({ line }) => JSON.parse(line) as Entry)
        .map((entry) => `${entry.kind} ${"event" in entry ? entry.event : ""}`),
  };

  function sessionOf(spec: Partial<SessionSpec>, name: string): Session {
    const metadata = {
      name,
      namespace: "demo",
      uid: `uid-${name}`,
      creationTimestamp: "2030-01-01T00:00:00Z",
    };
    const whole = { profile: "ci", reason: "release 42", ...spec };
    const outcome = begin(ports, user("ann"), { metadata, spec: whole }, clock.now());
    if ("refused" in outcome) throw new Error(outcome.refused);
    const { status } = outcome;
    return { apiVersion: "hoop.dev/v1alpha1", kind: "Session", metadata, spec: whole, status };
  }
}

describe("a session that people have to approve", () => {
  it("asks them who, as whom, for how long and why, and what rights that gives", async () => {
    const { asked, approval, session } = await world();
    const { spec, status } = (await approval(await asked({ duration: "20m" }))) ?? {};
    expect(status?.phase).to.equal("Pending");
    expect(spec).to.deep.include({
      ...{ operation: "CREATE", reason: "release 42", approvers: [{ groups: [], count: 1 }] },
      agent: { ...ANN, owners: { users: ["olga"], groups: [] } },
      rules: [{ name: "AgentProfile/ci", message: "production" }],
    });
    expect(spec?.target).to.deep.include({ group: "hoop.dev", resource: "sessions", name: "task" });
    expect(spec?.change.diff)
      .to.contain("+agent: ann")
      .and.contain("+actsAs: work/bot")
      .and.contain("+lasts: 1200s from the approval on")
      .and.contain("+  profile: ci");
    const [account] = spec?.change.refersTo ?? [];
    expect(account).to.deep.include({ kind: "ServiceAccount", namespace: "work", name: "bot" });
    expect(account?.rights).to.deep.equal(["delete pods in namespace demo (Role edit)"]);
    expect((await session()).status).to.deep.include({
      ...{ phase: "Pending", seconds: 1200, expiresAt: "2030-01-01T00:30:00Z" },
    });
  });

  it("begins when they have, for as long as was asked from then on, and uses the approval up", async () => {
    const { asked, decide, sweep, session, approval, clock, events } = await world();
    const name = await asked({ duration: "20m" });
    clock.advance(600_000);
    await sweep();
    expect((await session()).status.phase).to.equal("Pending");
    expect((await decide(name, "Approve")).kind).to.equal("decided");
    await sweep();
    await sweep();
    expect((await session()).status).to.deep.include({
      ...{ phase: "Active", startedAt: "2030-01-01T00:10:00Z", expiresAt: "2030-01-01T00:30:00Z" },
    });
    expect((await approval(name))?.status.phase).to.equal("Used");
    clock.advance(1_200_000);
    await sweep();
    expect(await events()).to.deep.equal([
      ...["approval created", "session asked", "approval decided", "session begun", "session expired"],
    ]);
  });

  it("ends when they deny it, and says what they said", async () => {
    const { asked, decide, sweep, session, events } = await world();
    await decide(await asked(), "Deny", BOB, "not today");
    await sweep();
    expect((await session()).status).to.deep.include({
      phase: "Denied",
      message: "denied by bob: not today",
    });
    expect((await events()).at(-1)).to.equal("session denied");
  });

  it("is over when nobody decides in time", async () => {
    const { asked, sweep, session, clock } = await world();
    await asked();
    clock.advance(1_800_000);
    await sweep();
    expect((await session()).status).to.deep.include({
      phase: "Expired",
      message: "nobody approved it in time",
    });
  });

  for (const who of ["ann", "olga"])
    it(`is not for ${who} to approve`, async () => {
      const { asked, decide } = await world();
      expect((await decide(await asked(), "Approve", user(who))).kind).to.equal("forbidden");
    });

  it("waits for as many people as its profile wants", async () => {
    const approvers = [
      { groups: ["sre"], count: 1 },
      { groups: ["security"], count: 1 },
    ];
    const { asked, decide, sweep, session } = await world({ approval: { approvers, seconds: 1800 } });
    const name = await asked();
    expect((await decide(name, "Approve", BOB)).kind).to.equal("forbidden");
    await decide(name, "Approve", user("sam", ["sre"]));
    await sweep();
    expect((await session()).status.phase).to.equal("Pending");
    await decide(name, "Approve", user("sue", ["security"]));
    await sweep();
    expect((await session()).status.phase).to.equal("Active");
  });

  it("is not extended beyond what they have approved", async () => {
    const { asked, decide, sweep, session, ports, clock } = await world();
    await decide(await asked({ duration: "20m" }), "Approve");
    await sweep();
    const now = await session();
    expect(extended(ports, now, "10m", clock.now())).to.have.property("status");
    expect(extended(ports, now, "21m", clock.now())).to.deep.equal({
      refused: "people have approved 20m: begin another one",
    });
  });

  it("is one session: its approval is not given again", async () => {
    const { asked, decide, sweep, ports } = await world();
    const name = await asked();
    await decide(name, "Approve");
    await sweep();
    const again = await reapprove(ports, { namespaceUid: "ns-1", name }, BOB, {}, false);
    expect(again).to.deep.equal({
      kind: "conflict",
      why: "it was for one session: its agent asks for another one",
    });
  });

  const changes: [string, (given: Awaited<ReturnType<typeof world>>) => void, string][] = [
    [
      "its ServiceAccount may do more by then",
      ({ granted }) => granted.push({ ...EDITS, role: "ClusterRole admin" }),
      "what was approved has changed since",
    ],
    [
      "its profile asks for more people by then",
      ({ profile }) => {
        const approval = { approvers: [{ groups: ["sre"], count: 2 }], seconds: 1800 };
        profile.session = sessionTerms({ approval });
      },
      "it now takes 2 different people of sre",
    ],
    [
      "its profile names another ServiceAccount by then",
      ({ profile }) => {
        const serviceAccount = { namespace: "work", name: "other" };
        profile.session = sessionTerms({ serviceAccount });
      },
      "its AgentProfile",
    ],
    [
      "its profile is gone by then",
      ({ profile }) => {
        profile.name = "";
        profile.agents = { ...AGENTS, users: [] };
      },
      "its AgentProfile",
    ],
  ];
  for (const [what, change, told] of changes)
    it(`does not begin where ${what}`, async () => {
      const given = await world();
      const name = await given.asked();
      await given.decide(name, "Approve");
      change(given);
      await given.sweep();
      const { phase, message } = (await given.session()).status;
      expect(phase).to.equal("Revoked");
      expect(message).to.contain(told);
      expect((await given.approval(name))?.status.phase).to.equal("Void");
    });

  it("does not begin once it was ended, whatever people decide after", async () => {
    const { asked, decide, sweep, session, approval, ports, store } = await world();
    const name = await asked();
    const found = await findSession(store, "ns-1", "task");
    if (found === undefined) throw new Error("there is none");
    expect(await finish(ports, found, { phase: "Ended", message: "logged out" }, "ann")).to.equal(true);
    expect((await approval(name))?.status.phase).to.equal("Void");
    expect((await decide(name, "Approve")).kind).to.equal("conflict");
    await sweep();
    expect((await session()).status.phase).to.equal("Ended");
  });

  it("begins once, however many look after it at the same time", async () => {
    const { asked, decide, ports, session, clock, events } = await world();
    const name = await asked();
    await decide(name, "Approve");
    await Promise.all(Array.from({ length: 8 }, () => sweepSessions(ports)));
    const { startedAt } = (await session()).status;
    clock.advance(5000);
    await sweepSessions(ports);
    expect((await session()).status.startedAt).to.equal(startedAt);
    expect((await events()).filter((event) => event === "session begun")).to.have.length(1);
  });

  it("is one question, and an agent has only so many", async () => {
    const { asked } = await world();
    for (let i = 0; i < 10; i++) await asked({}, `task-${i}`);
    let why = "";
    await asked({}, "more").catch((error: Error) => {
      why = error.message;
    });
    expect(why).to.contain("10 requests of yours wait for people already");
  });
});
