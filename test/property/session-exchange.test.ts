/** Sessions that tokens are exchanged for, through any order of events, also at once: none is more than was granted. */
import { expect } from "chai";
import fc from "fast-check";
import { agentMatcher } from "#core/agents.ts";
import { behindDoor, sweepDoorways } from "#core/exchange/doorway.ts";
import { type ExchangePorts, exchange } from "#core/exchange/exchange.ts";
import { perMinute } from "#core/exchange/limit.ts";
import { revoke } from "#core/exchange/revoke.ts";
import type { Identity } from "#core/exchange/verifier.ts";
import type { Entry } from "#core/ledger/entry.ts";
import { finish } from "#core/session/finish.ts";
import { misuse, phaseAt } from "#core/session/life.ts";
import { LiveSessions } from "#core/session/live.ts";
import type { Profile } from "#core/session/profile.ts";
import { allSessions } from "#core/session/rows.ts";
import { isOpenPhase, type Session } from "#core/session/session.ts";
import { sweepSessions } from "#core/session/sweep.ts";
import { inTurn } from "#core/session/turns.ts";
import { memoryStore } from "#store/memory.ts";
import { ManualClock } from "../support/clock.ts";
import { user } from "../support/reviews.ts";
import { asking, sessionTerms } from "../support/terms.ts";

const DOOR = "system:serviceaccount:hoop-doorway:hoop-doorway";
const CREDENTIAL = "authentication.kubernetes.io/credential-id";
const NOBODY = { groups: [], users: [], serviceAccounts: [], extras: {} };
const MOST = 2;

/** Which token: of few, so that some come again. `job`: of which job of its subject, 0: it does not say. */
const token = fc.record({
  number: fc.integer({ min: 0, max: 30 }),
  who: fc.constantFrom("a", "b"),
  job: fc.integer({ min: 0, max: 2 }),
  fits: fc.boolean(),
});
type Token = { number: number; who: string; job: number; fits: boolean };
const index = fc.nat({ max: 5 });
const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant("exchange" as const), token }) },
  fc.record({
    type: fc.constant("several" as const),
    tokens: fc.array(token, { minLength: 2, maxLength: 4 }),
  }),
  fc.record({ type: fc.constantFrom("revoke" as const, "kill" as const), which: index }),
  fc.record({ type: fc.constant("time" as const), seconds: fc.integer({ min: -600, max: 900 }) }),
  fc.record({
    type: fc.constantFrom("sweep" as const, "doorways" as const, "fail" as const, "work" as const),
  }),
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly clock = new ManualClock();
  readonly store = memoryStore();
  readonly open = new Set<string>();
  /** Sessions as they were given out, in order, by which token. */
  readonly given: { session: Session; token: Token }[] = [];
  #fails = false;
  #made = 0;
  readonly #live = new LiveSessions(() => this.clock.now());
  readonly #profile: Profile = {
    ...{ name: "ci", agents: NOBODY, session: sessionTerms({ maxSessions: MOST }) },
    tokens: [{ issuer: "i", claims: [{ claim: "fits", values: ["true"] }] }],
  };
  readonly ports: ExchangePorts & { live: LiveSessions } = {
    ...{ store: this.store, clock: this.clock, live: this.#live, installationNamespace: "hoop-system" },
    ...{ ...asking(), inTurn: inTurn(), subjects: perMinute(1000, this.clock) },
    random: {
      uuid: () => `u${++this.#made}`,
      suffix: () => `s${++this.#made}`,
      bytes: (count) => new Uint8Array(count),
    },
    agents: agentMatcher({ ...NOBODY, serviceAccounts: ["work/bot"] }, ""),
    profile: () => this.#profile,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    verifier: {
      verify: async (text) => ({ kind: "verified", identity: this.#identityOf(JSON.parse(text) as Token) }),
    },
    doorway: {
      open: async (uid) => {
        if (this.#fails) throw new Error("down");
        this.open.add(uid);
        return { token: uid, username: DOOR, credentialID: `JTI=${uid}` };
      },
      close: async (uid) => {
        if (this.#fails) throw new Error("down");
        this.open.delete(uid);
      },
    },
  };

  /** The same token says the same, whoever brings it. */
  #identityOf({ number, who, job, fits }: Token): Identity {
    const now = this.clock.now();
    return {
      ...{ issuer: "i", subject: who, username: `i#${who}`, fingerprint: `${number}${who}${job}${fits}` },
      ...{ claims: { fits: [String(fits)] }, said: {}, job: job === 0 ? {} : { run_id: [String(job)] } },
      ...{ issued: now, expires: now + 300_000 },
    };
  }

  async happens(event: Event): Promise<void> {
    switch (event.type) {
      case "exchange":
        return this.#exchange(event.token);
      case "several":
        await Promise.all(event.tokens.map((one) => this.#exchange(one)));
        return;
      case "revoke": {
        const credentialID = this.given[event.which]?.session.status.doorway?.credentialID ?? "";
        const bearer = async () => this.#bringing(credentialID);
        return revoke({ ...this.ports, bearer }, "t");
      }
      case "kill": {
        const found = (await allSessions(this.store))[event.which];
        if (found !== undefined && isOpenPhase(found.session.status.phase))
          await finish(this.ports, found, { phase: "Revoked", message: "killed" });
        return;
      }
      case "time":
        return this.clock.advance(event.seconds * 1000);
      case "sweep":
        return void (await sweepSessions(this.ports));
      case "doorways":
        return sweepDoorways(this.ports);
      default:
        this.#fails = event.type === "fail";
    }
  }

  #bringing(credentialID: string) {
    return { ...user(DOOR), extra: new Map([[CREDENTIAL, [credentialID]]]) };
  }

  async #exchange(token: Token): Promise<void> {
    const wish = { token: JSON.stringify(token), profile: "ci", namespace: "demo" };
    const outcome = await exchange(this.ports, wish);
    expect(outcome.kind === "session" && !token.fits, "for a token that does not fit").to.equal(false);
    if (outcome.kind !== "session") return;
    const same = this.given.filter((one) => JSON.stringify(one.token) === JSON.stringify(token));
    expect(same, "for a token that was exchanged before").to.deep.equal([]);
    this.given.push({ session: outcome.session, token });
  }

  async openSessions(): Promise<Session[]> {
    return (await allSessions(this.store)).flatMap(({ session }) =>
      isOpenPhase(session.status.phase) ? [session] : [],
    );
  }

  /** Each token is good for its own session and for no other's. */
  async checkDoors(): Promise<void> {
    for (const { session } of this.given) {
      const { credentialID = "" } = session.status.doorway ?? {};
      const behind = await behindDoor(this.store, credentialID);
      expect(behind?.session.metadata.uid ?? session.metadata.uid).to.equal(session.metadata.uid);
      for (const { session: other } of this.given)
        expect(misuse(other, this.#bringing(credentialID)) === undefined).to.equal(other === session);
    }
  }

  async told(): Promise<Map<string, string[]>> {
    const entries = (await this.store.lines(0, 10_000)).map(({ line }) => JSON.parse(line) as Entry);
    const told = new Map<string, string[]>();
    for (const entry of entries) {
      if (entry.kind !== "session") continue;
      told.set(entry.session.uid, [...(told.get(entry.session.uid) ?? []), entry.event]);
    }
    return told;
  }
}

/** What must hold after each event, by what was before it. */
class Oracle {
  readonly #world: World;
  readonly #over = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  async after(event: Event): Promise<void> {
    const { clock } = this.#world;
    const [before, given] = [await this.#world.openSessions(), this.#world.given.length];
    await this.#world.happens(event);
    const open = await this.#world.openSessions();
    if (event.type === "exchange") this.#checkWithdrawn(event.token, before, open);
    for (const { token } of this.#world.given.slice(given)) {
      const active = open.filter(
        (one) => whoseOf(one) === token.who && phaseAt(one, clock.now()) === "Active",
      );
      expect(active.length, "at once").to.be.at.most(MOST);
    }
    for (const { metadata } of open) expect(this.#over.has(metadata.uid), "it came back").to.equal(false);
    const uids = new Set(open.map(({ metadata }) => metadata.uid));
    for (const { session } of this.#world.given)
      if (!uids.has(session.metadata.uid)) this.#over.add(session.metadata.uid);
  }

  /** What does not fit ends those of its subject and job, and no other. */
  #checkWithdrawn({ who, job, fits }: Token, before: Session[], after: Session[]): void {
    const left = new Set(after.map(({ metadata }) => metadata.uid));
    for (const { metadata, status } of before) {
      const given = this.#world.given.find(({ session }) => session.metadata.uid === metadata.uid)?.token;
      const isMeant = given?.who === who && (given.job === 0 || job === 0 || given.job === job);
      const isNews = Date.parse(status.identity?.issuedAt ?? "") <= this.#world.clock.now();
      expect(left.has(metadata.uid), `${job} for ${given?.job}`).to.equal(fits || !isMeant || !isNews);
    }
  }

  async atTheEnd(): Promise<void> {
    const world = this.#world;
    await world.checkDoors();
    await world.happens({ type: "work" });
    world.clock.advance(24 * 3600_000);
    await world.happens({ type: "sweep" });
    await world.happens({ type: "doorways" });
    expect([...world.open], "tokens that are still good").to.deep.equal([]);
    for (const rows of ["doors/", "doorways/"]) expect((await world.store.list(rows)).rows).to.deep.equal([]);
    for (const [uid, events] of await world.told()) {
      expect(events[0], uid).to.equal("begun");
      expect(events, "it ends, once").to.have.length(2);
    }
  }
}

function whoseOf({ status }: Session): string {
  return status.subject.username.slice("i#".length);
}

describe("any sessions that tokens are exchanged for", () => {
  it("are no more than the profile allows, one for a token, and leave nothing when they are over", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 25 }), async (events) => {
        const world = new World();
        const oracle = new Oracle(world);
        for (const event of events) await oracle.after(event);
        await oracle.atTheEnd();
      }),
    );
  });
});
