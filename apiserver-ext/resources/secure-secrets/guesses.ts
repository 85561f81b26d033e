/** How often one agent may write one key of one Secret: nobody finds a value by writing one after the other. */

/** Values of one key that need no waiting, and how long until there is another. */
const BURST = 10;
const REFILL_MILLISECONDS = 30_000;
/** Of keys that are remembered; the one that was written longest ago goes first. */
const MOST = 50_000;

export interface Guesses {
  /**
   * Counts the values, by key and sealed; the seconds to wait, and then nothing is counted, or 0. A value that was sent
   * before is none more: a client that waits for an approval sends it again and again.
   */
  count(agent: string, uid: string, values: ReadonlyMap<string, string>): number;
}

interface Written {
  left: number;
  at: number;
  /** The last of them, sealed. */
  values: readonly string[];
}

export function guesses(now: () => number): Guesses {
  const kept = new Map<string, Written>();

  function look(id: string): Written {
    const { left, at, values } = kept.get(id) ?? { left: BURST, at: now(), values: [] };
    const gained = Math.floor((now() - at) / REFILL_MILLISECONDS);
    return left + gained >= BURST
      ? { left: BURST, at: now(), values }
      : { left: left + gained, at: at + gained * REFILL_MILLISECONDS, values };
  }

  return {
    count(agent, uid, values) {
      const found = [...values]
        .map(([key, value]) => ({ id: JSON.stringify([agent, uid, key]), value }))
        .map(({ id, value }) => ({ id, value, written: look(id) }))
        .filter(({ value, written }) => !written.values.includes(value));
      const late = found
        .filter(({ written }) => written.left < 1)
        .map(({ written }) => Math.ceil((written.at + REFILL_MILLISECONDS - now()) / 1000));
      if (late.length > 0) return Math.max(...late, 1);
      for (const { id, value, written } of found) {
        kept.delete(id);
        kept.set(id, {
          ...{ left: written.left - 1, at: written.at },
          values: [...written.values, value].slice(-BURST),
        });
      }
      for (const id of kept.keys()) {
        if (kept.size <= MOST) break;
        kept.delete(id);
      }
      return 0;
    },
  };
}
