/** How often one agent may write one key of one Secret: nobody finds a value by writing one after the other. */

/** Writes of one key that need no waiting, and how long until there is another. */
const BURST = 10;
const REFILL_MILLISECONDS = 30_000;
/** Of keys that are remembered; the one that was written longest ago goes first. */
const MOST = 10_000;

export interface Guesses {
  /** Counts one write of each key; the seconds to wait, and then nothing is counted, or 0. */
  count(agent: string, uid: string, keys: Iterable<string>): number;
}

export function guesses(now: () => number): Guesses {
  const kept = new Map<string, { left: number; at: number }>();

  function look(id: string): { left: number; at: number } {
    const { left, at } = kept.get(id) ?? { left: BURST, at: now() };
    const gained = Math.floor((now() - at) / REFILL_MILLISECONDS);
    return left + gained >= BURST
      ? { left: BURST, at: now() }
      : { left: left + gained, at: at + gained * REFILL_MILLISECONDS };
  }

  return {
    count(agent, uid, keys) {
      const ids = [...keys].map((key) => JSON.stringify([agent, uid, key]));
      const found = ids.map((id) => ({ id, ...look(id) }));
      const empty = found.filter(({ left }) => left < 1);
      if (empty.length > 0)
        return Math.max(...empty.map(({ at }) => Math.ceil((at + REFILL_MILLISECONDS - now()) / 1000)), 1);
      for (const { id, left, at } of found) {
        kept.delete(id);
        kept.set(id, { left: left - 1, at });
      }
      for (const id of kept.keys()) {
        if (kept.size <= MOST) break;
        kept.delete(id);
      }
      return 0;
    },
  };
}
