/** How much of something strangers may cause: so many at once, so many in a burst, and so many a second after it. */
export class Throttle {
  readonly #atOnce: number;
  readonly #burst: number;
  readonly #perSecond: number;
  #running = 0;
  #left: number;
  #counted = performance.now();

  constructor(atOnce: number, burst: number, perSecond: number) {
    this.#atOnce = atOnce;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
  }

  /** What the work gives; undefined: it was too much, and nothing was done. */
  async during<T>(work: () => Promise<T>): Promise<{ result: T } | undefined> {
    const now = performance.now();
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#counted) / 1000) * this.#perSecond);
    this.#counted = now;
    if (this.#running >= this.#atOnce || this.#left < 1) return undefined;
    this.#left -= 1;
    this.#running += 1;
    try {
      return { result: await work() };
    } finally {
      this.#running -= 1;
    }
  }
}
