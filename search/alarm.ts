/** Wakes one who rests. What rings while nobody rests is heard by who rests next. */
export class Alarm {
  #heard = Promise.withResolvers<void>();
  #timer: NodeJS.Timeout | undefined;

  ring(): void {
    this.#heard.resolve();
  }

  /** After so many milliseconds, unless it is to ring earlier anyway. */
  ringIn(milliseconds: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.ring();
    }, milliseconds);
  }

  async rung(): Promise<void> {
    await this.#heard.promise;
    this.#heard = Promise.withResolvers();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
