/**
 * How often one agent may write one key of one Secret. Otherwise it might find out a value by writing one guess after the
 * other. So values are counted, and each after the first few has to wait.
 */
import { forgetOldest } from "#core/forget-oldest.ts";
import { type Allowance, FREE_GUESSES, refilled, secondsToNext } from "#core/secrets/guessing.ts";

/** So many keys are remembered. */
const MOST_KEYS = 50_000;

export interface Guesses {
  /**
   * Counts the values. A value that was written before is not counted again: a client that waits for an approval sends
   * the same write again and again.
   * @param values by key, sealed.
   * @returns 0; or how many seconds the agent has to wait before it writes them, and then none is counted.
   */
  count(agent: string, uid: string, values: ReadonlyMap<string, string>): number;
}

interface Written extends Allowance {
  /** The last of them, sealed. */
  values: readonly string[];
}

export function guesses(now: () => number): Guesses {
  const kept = new Map<string, Written>();
  return {
    count(agent, uid, values) {
      const found = [...values].map(([key, value]) => {
        const id = JSON.stringify([agent, uid, key]);
        const before = kept.get(id);
        return { id, value, written: { ...refilled(before, now()), values: before?.values ?? [] } };
      });
      const fresh = found.filter(({ value, written }) => !written.values.includes(value));
      const late = fresh.filter(({ written }) => written.left < 1);
      if (late.length > 0) return Math.max(...late.map(({ written }) => secondsToNext(written, now())));
      for (const { id, value, written } of fresh) {
        // The key that was written last stands last.
        kept.delete(id);
        kept.set(id, {
          ...{ left: written.left - 1, at: written.at },
          values: [...written.values, value].slice(-FREE_GUESSES),
        });
      }
      forgetOldest(kept, MOST_KEYS);
      return 0;
    },
  };
}
