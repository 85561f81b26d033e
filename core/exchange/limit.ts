/** How often somebody may ask: so many times a minute, and as many at once. */
import { forgetOldest } from "../forget-oldest.ts";
import type { Clock } from "../ports.ts";

export interface Limit {
  /** Takes one of what is left; or tells after how many whole seconds there is one again. */
  take(whose: string): { retryAfterSeconds: number } | undefined;
}

interface Left {
  number: number;
  at: number;
}

/** So many are remembered. Whoever was not heard of for a minute has all of it again anyway. */
const MOST_KNOWN = 10_000;
const MINUTE = 60_000;

export function perMinute(most: number, clock: Pick<Clock, "now">): Limit {
  const known = new Map<string, Left>();
  return {
    take(whose) {
      const now = clock.now();
      const before = known.get(whose) ?? { number: most, at: now };
      const number = Math.min(most, before.number + (Math.max(0, now - before.at) / MINUTE) * most);
      // Last in the order of the map: the first is whoever was not heard of for the longest time.
      known.delete(whose);
      known.set(whose, { number: number < 1 ? number : number - 1, at: now });
      forgetOldest(known, MOST_KNOWN);
      return number < 1 ? { retryAfterSeconds: Math.ceil(((1 - number) * 60) / most) } : undefined;
    },
  };
}
