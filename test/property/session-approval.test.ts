/** Sessions that people approve, through any order of events: what they may be is never more than what was granted. */
import { expect } from "chai";
import fc from "fast-check";
import { agentMatcher } from "#core/agents.ts";
import { decide } from "#core/decide.ts";
import { findApproval } from "#core/hold/rows.ts";
import type { Entry } from "#core/ledger/entry.ts";
import { askFor } from "#core/session/approval.ts";
import { finish } from "#core/session/finish.ts";
import { begin, extended, phaseAt } from "#core/session/life.ts";
import { LiveSessions } from "#core/session/live.ts";
import type { Profile } from "#core/session/profile.ts";
import { findSession, sessionKey } from "#core/session/rows.ts";
import { sweepSessions } from "#core/session/sweep.ts";
import { isOpen, type Window } from "#core/session/windows.ts";
import { memoryStore } from "#store/memory.ts";
import { random } from "../../system.ts";
import { ManualClock } from "../support/clock.ts";
import { user } from "../support/reviews.ts";
import { asking, sessionTerms } from "../support/terms.ts";

const NOW = Date.parse("2030-01-01T12:00:00Z");
const AGENTS = { groups: [], users: ["ann"], serviceAccounts: [], extras: {} };
const KEY = sessionKey("ns-1", "task");

const TYPES = [
  "time",
  "approve",
  "deny",
  "extend",
  "sweep",
  "sweepTwice",
  "withdraw",
  "allow",
  "end",
] as const;
type Type = (typeof TYPES)[number];
const event = fc.record({
  type: fc.constantFrom<Type[]>(...TYPES, "time", "sweep", "approve"),
  seconds: fc.integer({ min: 0, max: 3000 }),
});
const grant = fc.record({
  length: fc.integer({ min: 1, max: 3600 }),
  question: fc.integer({ min: 1, max: 3600 }),
  /** Of the window, in minutes after noon. */
  closes: fc.option(fc.integer({ min: 1, max: 120 })),
});

class Life {
  readonly clock = new ManualClock(NOW);
  readonly store = memoryStore();
  readonly windows: Window[];
  readonly granted = new Set<string>();
  approvedAt: number | undefined;
  #name = "";
  readonly #profile: Profile;
  readonly #length: number;
  readonly #ports;
  #isAllowed = true;

  constructor({ length, question, closes }: { length: number; question: number; closes: number | null }) {
    this.#length = length;
    this.windows = closes === null ? [] : [{ days: [], from: 720, to: 720 + closes, timeZone: "UTC" }];
    const approval = { approvers: [{ groups: [], count: 1 }], seconds: question };
    const session = sessionTerms({
      approval,
      windows: this.windows,
      maxSeconds: 3600,
      defaultSeconds: length,
    });
    this.#profile = { name: "ci", agents: AGENTS, session };
    this.#ports = {
      ...asking(),
      ...{ store: this.store, clock: this.clock, random, installationNamespace: "hoop-system" },
      live: new LiveSessions(() => this.clock.now()),
      agents: agentMatcher({ ...AGENTS, serviceAccounts: ["work/bot"] }, ""),
      profile: () => (this.#isAllowed ? this.#profile : undefined),
    };
  }

  async begin(): Promise<this> {
    const metadata = { name: "task", namespace: "demo", uid: "u", creationTimestamp: "" };
    const spec = { profile: "ci" };
    const outcome = begin(this.#ports, user("ann"), { metadata, spec }, NOW);
    const approval = this.#profile.session?.approval;
    if ("refused" in outcome || approval === undefined) throw new Error("it was refused");
    const session = { apiVersion: "", kind: "Session", metadata, spec, status: outcome.status };
    const asked = await askFor(this.#ports, session, "ns-1", approval);
    if ("refused" in asked) throw new Error(asked.refused);
    this.#name = asked.name;
    const value = JSON.stringify({ ...session, status: { ...session.status, approval: asked.name } });
    const { beside } = asked;
    await this.store.commit({ ...beside, puts: [{ key: KEY, value, expect: 0 }, ...beside.puts] });
    return this;
  }

  readonly happens: Readonly<Record<Type, (seconds: number) => unknown>> = {
    time: (seconds) => this.clock.advance(seconds * 1000),
    approve: () => this.#decide("Approve"),
    deny: () => this.#decide("Deny"),
    sweep: () => sweepSessions(this.#ports),
    sweepTwice: () => Promise.all([sweepSessions(this.#ports), sweepSessions(this.#ports)]),
    withdraw: () => {
      this.#isAllowed = false;
    },
    allow: () => {
      this.#isAllowed = true;
    },
    extend: async (seconds) => {
      const found = await findSession(this.store, "ns-1", "task");
      if (found === undefined) return;
      const longer = extended(this.#ports, found.session, `${seconds}s`, this.clock.now());
      if ("refused" in longer) return;
      const value = JSON.stringify({ ...found.session, status: longer.status });
      await this.store.commit({ puts: [{ key: KEY, value, expect: found.revision }] });
    },
    end: async () => {
      const found = await findSession(this.store, "ns-1", "task");
      if (found !== undefined && found.session.status.endedAt === undefined)
        await finish(this.#ports, found, { phase: "Ended", message: "deleted" });
    },
  };

  async #decide(verdict: "Approve" | "Deny"): Promise<void> {
    const at = { namespaceUid: "ns-1", name: this.#name };
    const { kind } = await decide(this.#ports, at, user("bob"), { verdict }, false);
    if (kind === "decided" && verdict === "Approve") this.approvedAt ??= this.clock.now();
  }

  async status() {
    return (await findSession(this.store, "ns-1", "task"))?.session;
  }

  async check(wasOver: boolean): Promise<boolean> {
    const session = await this.status();
    if (session === undefined) return true;
    const now = this.clock.now();
    const phase = phaseAt(session, now);
    const isOver = phase !== "Active" && phase !== "Pending";
    expect(wasOver && !isOver, "it has come back").to.equal(false);
    if (phase !== "Active") return isOver;
    expect(this.approvedAt, "approved").to.be.a("number");
    const begun = Date.parse(session.status.startedAt);
    expect(begun).to.be.at.least((this.approvedAt ?? 0) - 1000);
    expect(Date.parse(session.status.expiresAt)).to.be.at.most(begun + this.#length * 1000);
    expect(isOpen(this.windows, now), "in its window").to.equal(true);
    return isOver;
  }

  async events(): Promise<string[]> {
    const entries = (await this.store.lines(0)).map(({ line }) => JSON.parse(line) as Entry);
    return entries.flatMap((entry) => (entry.kind === "session" ? [entry.event] : []));
  }

  async approval(): Promise<string | undefined> {
    return (await findApproval(this.store, "ns-1", this.#name))?.approval.status.phase;
  }
}

describe("any session that people approve", () => {
  it("is Active only once they have, for no longer than they said, in its window, and never again", async () => {
    await fc.assert(
      fc.asyncProperty(grant, fc.array(event, { maxLength: 25 }), async (granted, events) => {
        const life = await new Life(granted).begin();
        let isOver = false;
        for (const { type, seconds } of events) {
          await life.happens[type](seconds);
          isOver = await life.check(isOver);
        }
        const told = await life.events();
        const begun = told.filter((one) => one === "begun").length;
        expect(begun).to.equal((await life.approval()) === "Used" ? 1 : 0);
        expect(told.filter((one) => one !== "begun").length, "it ends once").to.be.at.most(1);
      }),
    );
  });
});
