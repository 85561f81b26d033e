/**
 * When the index follows the ledger though nobody searches: so that the first search after weeks finds it nearly done,
 * and requests meanwhile find nobody at work beside them.
 */
import type { Clock } from "#core/ports.ts";

/** Between two looks at how far behind it is, milliseconds. */
export const LOOK_EVERY = 30_000;
/** Commits between two looks up to which the server has nothing else to do. */
const QUIET = 60;
/** Entries behind, which a search would wait for about as long as for the thread to start: followed in a quiet time. */
const SOME = 1_000;
/** Entries behind, which take some 15 s to a few minutes: followed at any time. */
const FAR = 100_000;

export class Schedule {
  readonly #clock: Clock;
  #commits = 0;
  #lookAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lookAt = clock.now() + LOOK_EVERY;
  }

  committed(): void {
    this.#commits += 1;
  }

  /** Whether it is time to look how far behind it is. */
  get isToLook(): boolean {
    return this.#clock.now() >= this.#lookAt;
  }

  /** Whether to follow now, so many entries behind. @param isKnown false where nobody has looked into the file yet. */
  look(behind: number, isKnown: boolean): boolean {
    const isQuiet = this.#commits <= QUIET;
    this.#commits = 0;
    this.#lookAt = this.#clock.now() + LOOK_EVERY;
    // A file that nobody has looked into may have words of what was erased.
    return behind >= (isQuiet ? SOME : FAR) || (isQuiet && !isKnown);
  }
}
