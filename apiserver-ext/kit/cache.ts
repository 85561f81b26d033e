/** Answers of somebody else, kept for a while. */
import { createHash } from "node:crypto";

interface Kept<V> {
  answer: Promise<V>;
  /** Infinite while the question is under way. */
  until: number;
}

/** Asks each question once for a while, also while it is under way. Failures are not kept; the oldest makes room. */
export class AnswerCache<V> {
  readonly #limit: number;
  readonly #ttl: number;
  readonly #kept = new Map<string, Kept<V>>();

  /** @param ttl milliseconds. */
  constructor(limit: number, ttl: number) {
    this.#limit = limit;
    this.#ttl = ttl;
  }

  get(question: string, ask: () => Promise<V>): Promise<V> {
    // A digest: memory need not hold credentials, nor what callers make long.
    const key = createHash("sha256").update(question).digest("base64");
    const known = this.#kept.get(key);
    if (known && known.until > performance.now()) return known.answer;
    this.#kept.delete(key);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < this.#limit) break;
      this.#kept.delete(oldest);
    }
    const entry: Kept<V> = { answer: ask(), until: Number.POSITIVE_INFINITY };
    this.#kept.set(key, entry);
    entry.answer.then(
      () => {
        entry.until = performance.now() + this.#ttl;
      },
      () => {
        if (this.#kept.get(key) === entry) this.#kept.delete(key);
      },
    );
    return entry.answer;
  }
}
