/** What goes on in sessions now, in this process: who uses them, how much, and the way to cut all of it at once. */

/** Of one session at once: calls that end by themselves, streams (watches, logs, exec), and calls that wait for people. */
const MOST: Readonly<Record<Use, number>> = { call: 50, stream: 100, wait: 100 };
/** Of all sessions: each of them is a connection to the API server. */
const MOST_IN_ALL: Readonly<Record<Use, number>> = { call: 250, stream: 1500, wait: 1500 };
/** Of one agent, however many sessions it has: it keeps nobody else from theirs. */
const MOST_OF_AGENT: Readonly<Record<Use, number>> = { call: 125, stream: 750, wait: 750 };
/** So many calls may come at once that a second's worth of them is no limit to one kubectl. */
const BURST_SECONDS = 5;
const LEAST_BURST = 100;

type Use = "call" | "stream" | "wait";

export interface Place {
  /** For as long as a call waits for people, it keeps no place from other calls. */
  wait: () => void;
  /** It goes on. */
  resume: () => void;
  leave: () => void;
}

export type Entered =
  /** The signal aborts when the session ends. */
  ({ kind: "entered"; signal: AbortSignal } & Place) | { kind: "too-many"; why: string };

interface Live {
  running: Record<Use, number>;
  cut: AbortController;
  lastUsed: number;
  allowance: number;
  counted: number;
}

export class LiveSessions {
  readonly #byUid = new Map<string, Live>();
  readonly #inAll: Record<Use, number> = { call: 0, stream: 0, wait: 0 };
  readonly #byAgent = new Map<string, Record<Use, number>>();
  readonly #now: () => number;
  /** Of a session that this process has not seen used yet, it is not known for how long it was not. */
  readonly #since: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  /** A request comes in. @param agent whose session it is. */
  enter(uid: string, use: "call" | "stream", requestsPerSecond: number, agent = uid): Entered {
    const now = this.#now();
    const burst = Math.max(LEAST_BURST, requestsPerSecond * BURST_SECONDS);
    const live = this.#byUid.get(uid) ?? {
      running: { call: 0, stream: 0, wait: 0 },
      cut: new AbortController(),
      lastUsed: now,
      allowance: burst,
      counted: now,
    };
    this.#byUid.set(uid, live);
    // A clock that is set back takes nothing away.
    const passed = Math.max(0, now - live.counted) / 1000;
    live.allowance = Math.min(burst, live.allowance + passed * requestsPerSecond);
    live.counted = now;
    if (live.allowance < 1)
      return { kind: "too-many", why: `more than ${requestsPerSecond} requests a second` };
    const why = this.#whyNone(live, use, agent);
    if (why !== undefined) return { kind: "too-many", why };
    live.allowance -= 1;
    return { kind: "entered", signal: live.cut.signal, ...this.#placeOf(live, use, agent) };
  }

  /** Undefined: there is a place. */
  #whyNone({ running }: Live, use: Use, agent: string): string | undefined {
    if (running[use] >= MOST[use]) return `too many ${use}s at once`;
    if ((this.#byAgent.get(agent)?.[use] ?? 0) >= MOST_OF_AGENT[use])
      return `to wait: its agent has too many ${use}s at once in all its sessions`;
    if (this.#inAll[use] >= MOST_IN_ALL[use])
      return `to wait: there are too many ${use}s at once in all sessions`;
    return undefined;
  }

  #placeOf(live: Live, use: Use, agent: string): Place {
    let now: Use | undefined;
    const become = (next: Use | undefined) => {
      const ofAgent = this.#byAgent.get(agent) ?? { call: 0, stream: 0, wait: 0 };
      for (const counted of [live.running, ofAgent, this.#inAll]) {
        if (now !== undefined) counted[now] -= 1;
        if (next !== undefined) counted[next] += 1;
      }
      now = next;
      if (ofAgent.call + ofAgent.stream + ofAgent.wait > 0) this.#byAgent.set(agent, ofAgent);
      else this.#byAgent.delete(agent);
    };
    become(use);
    return {
      wait: () => {
        if (now === "call" && this.#whyNone(live, "wait", agent) === undefined) become("wait");
      },
      resume: () => {
        if (now === "wait") become(use);
      },
      leave: () => {
        if (now === undefined) return;
        become(undefined);
        live.lastUsed = this.#now();
      },
    };
  }

  /** When it was used last, milliseconds since the epoch: now, while something runs in it. */
  lastUsed(uid: string, startedAt: number): number {
    const live = this.#byUid.get(uid);
    if (live === undefined) return Math.max(startedAt, this.#since);
    const { call, stream, wait } = live.running;
    return call + stream + wait > 0 ? this.#now() : live.lastUsed;
  }

  /** In which something goes on, or went on. */
  get uids(): readonly string[] {
    return [...this.#byUid.keys()];
  }

  /** Ends everything that goes on in it. */
  end(uid: string): void {
    this.#byUid.get(uid)?.cut.abort();
    this.#byUid.delete(uid);
  }
}
