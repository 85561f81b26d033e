/** How many searches of one user may be under way: the rest of the server is for others. */
import { StatusError } from "#kit/status.ts";

/** A twentieth of the requests that are answered at once. */
const MOST = 20;

export class Searches {
  /** Of each user who has some. */
  readonly #underWay = new Map<string, number>();

  /** @throws {StatusError} TooManyRequests. */
  async during<T>(username: string, work: () => Promise<T>): Promise<T> {
    const others = this.#underWay.get(username) ?? 0;
    if (others >= MOST) throw tooMany();
    this.#underWay.set(username, others + 1);
    try {
      return await work();
    } finally {
      this.#end(username);
    }
  }

  #end(username: string): void {
    const left = (this.#underWay.get(username) ?? 1) - 1;
    if (left === 0) this.#underWay.delete(username);
    else this.#underWay.set(username, left);
  }
}

function tooMany(): StatusError {
  const message = `${MOST} searches of yours are under way; please try again when one of them has ended`;
  return new StatusError("TooManyRequests", message, { retryAfterSeconds: 1 });
}
