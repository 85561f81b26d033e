/** Sessions through any order of events: time, use, extension, other terms, sweeps. */
import { expect } from "chai";
import fc from "fast-check";
import { agentMatcher } from "#core/agents.ts";
import { begin, ended, endOf, extended, misuse, phaseAt } from "#core/session/life.ts";
import type { SessionTerms } from "#core/session/profile.ts";
import type { Session } from "#core/session/session.ts";
import { sessionTerms } from "../support/terms.ts";

const NOW = Date.parse("2030-01-01T00:00:00Z");
const AGENTS = { groups: [], users: ["ann"], serviceAccounts: [], extras: {} };
const KEY = "authentication.kubernetes.io/credential-id";
const who = (username: string, credential: string) => ({
  ...{ username, uid: "", groups: [] },
  extra: new Map([[KEY, [credential]]]),
});

const terms = fc.record({
  maxSeconds: fc.integer({ min: 1, max: 5000 }),
  idleSeconds: fc.integer({ min: 0, max: 500 }),
});
/** What happens, and how long it is or after which time. */
const event = fc.record({
  type: fc.constantFrom("time", "use", "extend", "sweep", "withdraw", "allow"),
  seconds: fc.integer({ min: 0, max: 5000 }),
});
type Event = { type: "time" | "use" | "extend" | "sweep" | "withdraw" | "allow"; seconds: number };

class Life {
  now = NOW;
  session: Session;
  readonly #terms: SessionTerms;
  #used = NOW;
  #isAllowed = true;

  constructor(limits: { maxSeconds: number; idleSeconds: number }) {
    this.#terms = sessionTerms({ ...limits, defaultSeconds: limits.maxSeconds });
    const metadata = { name: "a", namespace: "b", uid: "u", creationTimestamp: "" };
    const spec = { profile: "ci" };
    const made = begin(this.#ports(), who("ann", "one"), { metadata, spec }, NOW);
    if ("refused" in made) throw new Error(made.refused);
    this.session = { apiVersion: "", kind: "Session", metadata, spec, status: made.status };
  }

  get isActive(): boolean {
    return phaseAt(this.session, this.now) === "Active";
  }

  readonly happens: Readonly<Record<Event["type"], (seconds: number) => void>> = {
    time: (seconds) => {
      this.now += seconds * 1000;
    },
    use: () => {
      if (this.isActive) this.#used = this.now;
    },
    extend: (seconds) => {
      const longer = extended(this.#ports(), this.session, `${seconds}s`, this.now);
      if ("status" in longer) this.session = { ...this.session, status: longer.status };
    },
    sweep: () => {
      const end = endOf(this.#ports(), this.session, this.now, this.#used);
      if (end !== undefined) this.session = ended(this.session, end, this.now);
    },
    withdraw: () => {
      this.#isAllowed = false;
    },
    allow: () => {
      this.#isAllowed = true;
    },
  };

  #ports() {
    const session = this.#isAllowed ? { session: this.#terms } : {};
    return {
      agents: agentMatcher({ ...AGENTS, serviceAccounts: ["work/bot"] }, ""),
      profile: () => ({ name: "ci", agents: AGENTS, ...session }),
      installationNamespace: "hoop-system",
    };
  }
}

describe("any session", () => {
  it("lasts at most as long as its profile allows, and is over for good once it is", () => {
    fc.assert(
      fc.property(terms, fc.array(event, { maxLength: 40 }), (limits, events) => {
        const life = new Life(limits);
        const last = NOW + limits.maxSeconds * 1000;
        let isOver = false;
        for (const { type, seconds } of events) {
          life.happens[type](seconds);
          expect(Date.parse(life.session.status.expiresAt)).to.be.at.most(last);
          expect(life.isActive && (isOver || life.now >= last), type).to.equal(false);
          isOver ||= !life.isActive;
        }
      }),
    );
  });

  it("is used by nobody else, and with nothing else", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (name, other, credential, another) => {
        const status = {
          subject: {
            username: name,
            groups: [],
            extra: {},
            ...(credential === "" ? {} : { credentialID: credential }),
          },
        };
        const session = { status } as unknown as Session;
        const may = misuse(session, who(other, another)) === undefined;
        expect(may).to.equal(name === other && credential === another);
      }),
    );
  });
});
