/**
 * How long a client has been waiting, over its own retries. The server cannot count a client's attempts, so a
 * streak is: reviews of one digest and one credential that follow each other closely.
 */

/** A stock client asks again one Retry-After (1 s) after our answer; what comes later than this is a new run. */
const GAP_MILLISECONDS = 11_000;

export class Streaks {
  readonly #streaks = new Map<string, { first: number; last: number; waiting: number }>();

  /** A review begins to wait: since when its streak has been going on. */
  begin(key: string, now: number): number {
    const known = this.#streaks.get(key);
    const goesOn = known !== undefined && (known.waiting > 0 || now - known.last <= GAP_MILLISECONDS);
    const streak = goesOn ? known : { first: now, last: now, waiting: 0 };
    streak.waiting += 1;
    this.#streaks.set(key, streak);
    return streak.first;
  }

  /** It was answered. `over`: the client has been told to stop waiting, so the next review is a new run. */
  end(key: string, now: number, over: boolean): void {
    const streak = this.#streaks.get(key);
    if (streak === undefined) return;
    streak.waiting -= 1;
    streak.last = now;
    if (over) this.#streaks.delete(key);
    this.#forgetOld(now);
  }

  #forgetOld(now: number): void {
    for (const [key, { last, waiting }] of this.#streaks) {
      if (waiting > 0) continue;
      if (now - last > GAP_MILLISECONDS) this.#streaks.delete(key);
    }
  }
}
