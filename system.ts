/** The machine's clock and chance, behind the core's ports. */
import { randomFillSync, randomInt, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Clock, Random } from "#core/ports.ts";

/** The wall clock with fractions of a millisecond; it follows the system's when that is set. */
function wallClock(): () => number {
  let origin = performance.timeOrigin;
  return () => {
    const wall = Date.now();
    const fine = origin + performance.now();
    if (Math.abs(fine - wall) <= 2) return fine;
    origin = wall - performance.now();
    return wall;
  };
}

export const clock: Clock = {
  now: wallClock(),
  // A timer may fire up to a millisecond early, and whoever then looks at the clock finds the time not over.
  sleep: (milliseconds, signal) =>
    delay(Math.ceil(milliseconds) + 1, undefined, signal === undefined ? {} : { signal }).catch(
      () => undefined,
    ),
};

/** Without what is easily mistaken: 0 and o, 1 and l. */
const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";

/** Asked of the system by the page: some bytes at a time, as each record needs, cost it a good ten microseconds. */
const page = Buffer.alloc(4096);
let used = page.length;

function randomBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count);
  if (count > page.length) return randomFillSync(bytes);
  if (used + count > page.length) {
    randomFillSync(page);
    used = 0;
  }
  page.copy(bytes, 0, used, used + count);
  // Nobody else gets them, nor finds them here.
  page.fill(0, used, used + count);
  used += count;
  return bytes;
}

export const random: Random = {
  uuid: randomUUID,
  suffix: (length) => Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join(""),
  bytes: randomBytes,
};
