/** Strings by code points, as Go's are by runes. */
import { spend } from "../meter.ts";

/** How many code points there are. */
export function codePoints(text: string): bigint {
  spend(text.length >> 4);
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit <= 0xdbff) {
      count--;
      i++;
    }
  }
  return BigInt(count);
}

/** A string for each code point. */
export function points(text: string): string[] {
  spend(text.length, text.length * 8);
  return [...text];
}
