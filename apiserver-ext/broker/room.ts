/** How many bytes of answers are in memory at once, of all sessions: each is there as a whole while it is masked. */
import { StatusError } from "#kit/status.ts";

const ALL = 256 * 1024 * 1024;

export class Room {
  readonly #most: number;
  #taken = 0;

  constructor(most = ALL) {
    this.#most = most;
  }

  /** For one answer. */
  begin(): { take(bytes: number): void; leave(): void } {
    let taken = 0;
    return {
      /** @throws {StatusError} TooManyRequests: there is no room now. */
      take: (bytes) => {
        if (this.#taken + bytes > this.#most)
          throw new StatusError(
            "TooManyRequests",
            "too much is read through sessions at once; read less, or later",
            {
              retryAfterSeconds: 1,
            },
          );
        this.#taken += bytes;
        taken += bytes;
      },
      leave: () => {
        this.#taken -= taken;
        taken = 0;
      },
    };
  }
}
