/** The machine's clock and chance, behind the core's ports. */
import { randomBytes, randomInt, randomUUID } from "node:crypto";
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

export const random: Random = {
  uuid: randomUUID,
  suffix: (length) => Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join(""),
  bytes: randomBytes,
};
