/**
 * Clients whose WebSocket is refused ask again by SPDY, and show that answer: it is to be the same, not that SPDY is
 * refused, too.
 */
import { createHash } from "node:crypto";
import { forgetOldest } from "#core/forget-oldest.ts";
import { type Reason, StatusError } from "#kit/status.ts";

/** How long after the one the other comes (milliseconds). */
const SOON = 30_000;
const MOST = 1_000;
/** So much of each is remembered: what is asked, and what is answered, may be long. */
const LONGEST = 4 * 1024;

interface Refused {
  reason: Reason;
  message: string;
}

export class ToldAgain {
  readonly #now: () => number;
  readonly #told = new Map<string, Refused & { until: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param about what was asked, and in which session. */
  remember(about: string, { reason, message }: Refused): void {
    const key = keyOf(about);
    this.#told.delete(key);
    this.#told.set(key, { reason, message: message.slice(0, LONGEST), until: this.#now() + SOON });
    forgetOldest(this.#told, MOST);
  }

  /** What it was refused with just now, once. */
  take(about: string): StatusError | undefined {
    const key = keyOf(about);
    const told = this.#told.get(key);
    this.#told.delete(key);
    return told === undefined || told.until < this.#now()
      ? undefined
      : new StatusError(told.reason, told.message);
  }
}

function keyOf(about: string): string {
  return createHash("sha256").update(about).digest("base64");
}
