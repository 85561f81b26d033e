/**
 * One work after the other, each asker in turn: however much one of them asks for at once, another waits no longer than
 * for one work of each who asks.
 */
export class Turns {
  /** Of each who waits, in the order of their turns. */
  readonly #waiting = new Map<string, (() => Promise<void>)[]>();
  #isWorking = false;

  /** What the work gives. It is not begun before its turn. */
  take<T>(asker: string, work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const one = () => work().then(resolve, reject);
      const others = this.#waiting.get(asker);
      if (others === undefined) this.#waiting.set(asker, [one]);
      else others.push(one);
      void this.#goOn();
    });
  }

  async #goOn(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    for (let work = this.#next(); work !== undefined; work = this.#next()) await work();
    this.#isWorking = false;
  }

  #next(): (() => Promise<void>) | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const [asker, [work, ...more]] = first;
    this.#waiting.delete(asker);
    // Whoever has had a turn is behind all others.
    if (more.length > 0) this.#waiting.set(asker, more);
    return work;
  }
}
