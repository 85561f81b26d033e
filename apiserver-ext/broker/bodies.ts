/** How many bytes of requests are in memory at once: a body is there from its first byte until its request is answered. */

/** Of one session, and of all. */
const MOST = 32 * 1024 * 1024;
const MOST_IN_ALL = 96 * 1024 * 1024;

export class Bodies {
  readonly #bySession = new Map<string, number>();
  #inAll = 0;

  /** False: there is no room for so many more, and nothing is counted. */
  take(session: string, bytes: number): boolean {
    const own = (this.#bySession.get(session) ?? 0) + bytes;
    if (own > MOST || this.#inAll + bytes > MOST_IN_ALL) return false;
    this.#bySession.set(session, own);
    this.#inAll += bytes;
    return true;
  }

  leave(session: string, bytes: number): void {
    const own = (this.#bySession.get(session) ?? 0) - bytes;
    if (own > 0) this.#bySession.set(session, own);
    else this.#bySession.delete(session);
    this.#inAll -= bytes;
  }
}
