/** Those who wait for the same news, each no longer than it likes. */
export class Sleepers {
  readonly #waking = new Set<() => void>();

  /** Resolves at the next `wake`, after the milliseconds, or when the signal aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        this.#waking.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.max(milliseconds, 0));
      signal.addEventListener("abort", wake);
      this.#waking.add(wake);
    });
  }

  wake(): void {
    for (const wake of [...this.#waking]) wake();
  }
}
