/**
 * Clients whose WebSocket is refused ask again by SPDY, and show that answer: it is to be the same, not that SPDY is
 * refused, too.
 */
import { type Reason, StatusError } from "#kit/status.ts";

/** How long after the one the other comes (milliseconds). */
const SOON = 30_000;
const MOST = 1_000;

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
    this.#told.delete(about);
    this.#told.set(about, { reason, message, until: this.#now() + SOON });
    for (const other of this.#told.keys()) {
      if (this.#told.size <= MOST) break;
      this.#told.delete(other);
    }
  }

  /** What it was refused with just now, once. */
  take(about: string): StatusError | undefined {
    const told = this.#told.get(about);
    this.#told.delete(about);
    return told === undefined || told.until < this.#now()
      ? undefined
      : new StatusError(told.reason, told.message);
  }
}
