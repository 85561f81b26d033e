import type { Clock } from "#core/ports.ts";

/** Wakes one who rests. What rings while nobody rests is heard by who rests next. */
export class Alarm {
  readonly #clock: Clock;
  #ringing = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#ringing.abort();
  }

  /** Resolves after so many milliseconds, or when it rings. */
  async rest(milliseconds: number): Promise<void> {
    const ringing = this.#ringing;
    await this.#clock.sleep(milliseconds, ringing.signal);
    if (ringing.signal.aborted) this.#ringing = new AbortController();
  }
}
