/**
 * How long a client has been waiting, over its own retries. The server cannot count a client's attempts, so a
 * streak is: reviews of one digest and one credential that follow each other closely.
 */
import type { CommitResult } from "#kit/storage.ts";

/** What comes later than this after the time we asked a client to wait is a new run. */
const GAP_MILLISECONDS = 10_000;

/** A client's wait, over all the requests in which it asks for the same. */
export interface Wait {
  readonly first: number;
  /** What of it is recorded, as a hash of what that says. */
  recorded?: { says: string; done: Promise<CommitResult> };
}

interface Streak extends Wait {
  /** When the next review is due at the latest. */
  due: number;
  waiting: number;
}

export class Streaks {
  readonly #streaks = new Map<string, Streak>();

  /** A review begins to wait, or goes on with it. */
  begin(key: string, now: number): Wait {
    const known = this.#streaks.get(key);
    const goesOn = known !== undefined && (known.waiting > 0 || now <= known.due);
    const streak = goesOn ? known : { first: now, due: now, waiting: 0 };
    streak.waiting += 1;
    this.#streaks.set(key, streak);
    return streak;
  }

  /** It was answered: the client asks again in so many seconds; `undefined`: it was told to stop waiting. */
  end(key: string, now: number, retryAfterSeconds: number | undefined): void {
    const streak = this.#streaks.get(key);
    if (streak === undefined) return;
    streak.waiting -= 1;
    streak.due = now + (retryAfterSeconds ?? 0) * 1000 + GAP_MILLISECONDS;
    if (retryAfterSeconds === undefined) this.#streaks.delete(key);
    this.#forgetOld(now);
  }

  #forgetOld(now: number): void {
    for (const [key, { due, waiting }] of this.#streaks)
      if (waiting === 0 && now > due) this.#streaks.delete(key);
  }
}
