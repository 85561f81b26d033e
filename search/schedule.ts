/**
 * When the index is brought up to date though nobody searches. Often enough that the first search after weeks need not wait
 * long; and preferably when nothing else goes on, so that no request is slowed down by it.
 */
import type { Clock } from "#core/ports.ts";

/** How often to look how far behind the index is, milliseconds. */
export const LOOK_EVERY = 30_000;
/** With no more commits than this between two looks, the server counts as idle. */
const QUIET = 60;
/** So many entries behind, it is brought up to date when the server is idle. To index them takes about as long as to start the thread. */
const SOME = 1_000;
/** So many entries behind, it is brought up to date at any time. To index them takes from 15 s to a few minutes. */
const FAR = 100_000;

export class Schedule {
  readonly #clock: Clock;
  #commits = 0;
  #lookAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lookAt = clock.now() + LOOK_EVERY;
  }

  /** Counts a commit. */
  committed(): void {
    this.#commits += 1;
  }

  /** Whether it is time to look how far behind it is. */
  get isToLook(): boolean {
    return this.#clock.now() >= this.#lookAt;
  }

  /**
   * Whether to bring the index up to date now.
   * @param behind how many entries are missing in it.
   * @param isKnown false where the file was not looked into since the start.
   */
  look(behind: number, isKnown: boolean): boolean {
    const isQuiet = this.#commits <= QUIET;
    this.#commits = 0;
    this.#lookAt = this.#clock.now() + LOOK_EVERY;
    // A file that was not looked into may still have words of entries that were erased.
    return behind >= (isQuiet ? SOME : FAR) || (isQuiet && !isKnown);
  }
}
