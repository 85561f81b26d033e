/** What goes on in sessions now, in this process: who uses them, how much, and the way to cut all of it at once. */

/** Of one session at once: calls that end by themselves, and streams (watches, logs, exec). */
const MOST_CALLS = 50;
const MOST_STREAMS = 100;
/** So many calls may come at once that a second's worth of them is no limit to one kubectl. */
const BURST_SECONDS = 5;
const LEAST_BURST = 100;

export type Use = "call" | "stream";

export type Entered =
  | {
      kind: "entered";
      /** Aborts when the session ends. */
      signal: AbortSignal;
      /** It was a call, and waits or streams from here on. */
      leave: () => void;
    }
  | { kind: "too-many"; why: string };

interface Live {
  running: Record<Use, number>;
  cut: AbortController;
  lastUsed: number;
  allowance: number;
  counted: number;
}

export class LiveSessions {
  readonly #byUid = new Map<string, Live>();
  readonly #now: () => number;
  /** Of a session that this process has not seen used yet, it is not known for how long it was not. */
  readonly #since: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  /** A request comes in. */
  enter(uid: string, use: Use, requestsPerSecond: number): Entered {
    const now = this.#now();
    const burst = Math.max(LEAST_BURST, requestsPerSecond * BURST_SECONDS);
    const live = this.#byUid.get(uid) ?? {
      running: { call: 0, stream: 0 },
      cut: new AbortController(),
      lastUsed: now,
      allowance: burst,
      counted: now,
    };
    this.#byUid.set(uid, live);
    live.allowance = Math.min(burst, live.allowance + ((now - live.counted) / 1000) * requestsPerSecond);
    live.counted = now;
    if (live.allowance < 1)
      return { kind: "too-many", why: `more than ${requestsPerSecond} requests a second` };
    if (live.running[use] >= (use === "call" ? MOST_CALLS : MOST_STREAMS))
      return { kind: "too-many", why: `too many ${use}s at once` };
    live.allowance -= 1;
    live.running[use] += 1;
    let isIn = true;
    const leave = () => {
      if (!isIn) return;
      isIn = false;
      live.running[use] -= 1;
      live.lastUsed = this.#now();
    };
    return { kind: "entered", signal: live.cut.signal, leave };
  }

  /** When it was used last, milliseconds since the epoch: now, while something runs in it. */
  lastUsed(uid: string, startedAt: number): number {
    const live = this.#byUid.get(uid);
    if (live === undefined) return Math.max(startedAt, this.#since);
    return live.running.call + live.running.stream > 0 ? this.#now() : live.lastUsed;
  }

  /** Ends everything that goes on in it. */
  end(uid: string): void {
    this.#byUid.get(uid)?.cut.abort();
    this.#byUid.delete(uid);
  }
}
