/**
 * How many guesses at values of Secrets are free: a few at once, and after these one more each half minute. Where a guess
 * shows, and what counts as one, is told where it is counted.
 */
export const FREE_GUESSES = 10;
const REFILL_MILLISECONDS = 30_000;

export interface Allowance {
  left: number;
  /** When the last one was added, or when it was full: milliseconds since the epoch. */
  at: number;
}

/** As it is now; undefined: nothing was guessed yet. */
export function refilled(before: Allowance | undefined, now: number): Allowance {
  if (before === undefined) return { left: FREE_GUESSES, at: now };
  const gained = Math.floor((now - before.at) / REFILL_MILLISECONDS);
  const left = before.left + gained;
  return left >= FREE_GUESSES
    ? { left: FREE_GUESSES, at: now }
    : { left, at: before.at + gained * REFILL_MILLISECONDS };
}

/** Until one more is free. */
export function secondsToNext({ at }: Allowance, now: number): number {
  return Math.max(1, Math.ceil((at + REFILL_MILLISECONDS - now) / 1000));
}
