/**
 * How many values of Secrets one agent may send. An agent could guess: it sends a text that the answer will repeat, and
 * where that comes back masked, the guess was right. So right guesses are counted, and each after the first few has to wait.
 */
import { forgetOldest } from "#core/forget-oldest.ts";
import { type Allowance, FREE_GUESSES, refilled, secondsToNext } from "#core/secrets/guessing.ts";

/** So many agents are remembered. */
const MOST_AGENTS = 10_000;
/** So many values of one agent are remembered. */
const MOST_VALUES = 1_000;

interface Sent extends Allowance {
  /** Sent before. To send one again tells the agent nothing new, and costs nothing. */
  values: Set<number>;
}

export class Guesses {
  readonly #now: () => number;
  readonly #sent = new Map<string, Sent>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Counts the values against the agent. @returns 0; or how many seconds it has to wait before it sends them, and then
   * none is counted.
   */
  count(agent: string, values: ReadonlySet<number>): number {
    if (values.size === 0) return 0;
    const sent = this.#of(agent);
    const fresh = [...values].filter((value) => !sent.values.has(value));
    if (fresh.length === 0) return 0;
    // More at once than are ever free could never pass, however long the agent waits: they pass when all are free.
    if (sent.left < Math.min(fresh.length, FREE_GUESSES)) return secondsToNext(sent, this.#now());
    sent.left = Math.max(0, sent.left - fresh.length);
    for (const value of fresh) sent.values.add(value);
    forgetOldest(sent.values, MOST_VALUES);
    return 0;
  }

  #of(agent: string): Sent {
    const before = this.#sent.get(agent);
    const sent = { ...refilled(before, this.#now()), values: before?.values ?? new Set() };
    // The agent that was heard of last stands last.
    this.#sent.delete(agent);
    this.#sent.set(agent, sent);
    forgetOldest(this.#sent, MOST_AGENTS);
    return sent;
  }
}
