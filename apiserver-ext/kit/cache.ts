/** A bounded cache whose entries expire; the oldest entry makes room. */
export class ExpiringCache<V> {
  readonly #limit: number;
  readonly #entries = new Map<string, { value: V; until: number }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry && entry.until > performance.now()) return entry.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: V, milliseconds: number): void {
    this.#entries.delete(key);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < this.#limit) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(key, { value, until: performance.now() + milliseconds });
  }
}
