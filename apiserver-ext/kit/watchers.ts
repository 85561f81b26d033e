/** How many watches each user has: every one is told of all that changes, and thousands of them would keep others waiting. */
import { StatusError } from "./status.ts";
import type { Watch } from "./verbs/watch.ts";

export class Watchers {
  readonly #most: number;
  readonly #byUser = new Map<string, number>();

  /** @param most of one user, at once. */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * The same watch, counted while it runs.
   * @throws {StatusError} TooManyRequests.
   */
  counted(user: string, watch: Watch): Watch {
    if ((this.#byUser.get(user) ?? 0) >= this.#most)
      throw new StatusError("TooManyRequests", `you have ${this.#most} watches here, and may have no more`, {
        retryAfterSeconds: 1,
      });
    return {
      run: async (frames, closing) => {
        this.#count(user, 1);
        try {
          await watch.run(frames, closing);
        } finally {
          this.#count(user, -1);
        }
      },
    };
  }

  #count(user: string, by: number): void {
    const now = (this.#byUser.get(user) ?? 0) + by;
    if (now > 0) this.#byUser.set(user, now);
    else this.#byUser.delete(user);
  }
}
