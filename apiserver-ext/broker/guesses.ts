/**
 * How many values of Secrets one agent may send. Whoever has text of his own answered sees whether it is masked, and so
 * whether it is a value: he is slowed down, and it is recorded that he sent some.
 */
/** Values that need no waiting, and how long until there is another (milliseconds). */
const BURST = 10;
const REFILL = 30_000;
/** Of agents that are remembered; who came longest ago goes first. */
const MOST = 10_000;
/** Of one agent's values. */
const MOST_VALUES = 1_000;

interface Sent {
  left: number;
  at: number;
  /** A value that was sent before tells nothing new. */
  values: Set<number>;
}

export class Guesses {
  readonly #now: () => number;
  readonly #sent = new Map<string, Sent>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Counts the values; or the seconds to wait, and then nothing is counted. 0: there is nothing to wait for. */
  count(agent: string, values: ReadonlySet<number>): number {
    if (values.size === 0) return 0;
    const sent = this.#of(agent);
    const fresh = [...values].filter((value) => !sent.values.has(value));
    if (fresh.length === 0) return 0;
    // So many at once that there is never room for them are let through with all there is: it was recorded.
    if (sent.left < Math.min(fresh.length, BURST))
      return Math.max(1, Math.ceil((sent.at + REFILL - this.#now()) / 1000));
    sent.left = Math.max(0, sent.left - fresh.length);
    for (const value of fresh) sent.values.add(value);
    for (const value of sent.values) {
      if (sent.values.size <= MOST_VALUES) break;
      sent.values.delete(value);
    }
    return 0;
  }

  #of(agent: string): Sent {
    const now = this.#now();
    const sent = this.#sent.get(agent) ?? { left: BURST, at: now, values: new Set() };
    const gained = Math.floor((now - sent.at) / REFILL);
    sent.left = Math.min(BURST, sent.left + gained);
    sent.at = sent.left === BURST ? now : sent.at + gained * REFILL;
    this.#sent.delete(agent);
    this.#sent.set(agent, sent);
    for (const other of this.#sent.keys()) {
      if (this.#sent.size <= MOST) break;
      this.#sent.delete(other);
    }
    return sent;
  }
}
