/** Chance that can be had again: the same seed, the same choices. */
import { createHash } from "node:crypto";

export interface Chance {
  /** From 0 up to, but without, 1. */
  real(): number;
  /** A whole number from `low` up to, but without, `high`. */
  between(low: number, high: number): number;
  /** True that often: 0.2 is one time in five. */
  sometimes(share: number): boolean;
  oneOf<T>(first: T, ...others: T[]): T;
}

export function chance(...seed: (string | number)[]): Chance {
  let state = createHash("sha256").update(JSON.stringify(seed)).digest().readUInt32LE(0);
  // mulberry32
  const real = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    real,
    between: (low, high) => low + Math.floor(real() * (high - low)),
    sometimes: (share) => real() < share,
    oneOf: (first, ...others) => [first, ...others][Math.floor(real() * (others.length + 1))] ?? first,
  };
}
