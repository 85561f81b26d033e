/** Payloads that are gone on purpose, held against the entries that say so: whoever removes one can write no such entry. */
import type { Findings } from "./finding.ts";

/** Entries from one index up to, and without, the other. */
export type Span = readonly [from: number, to: number];

export class Erasures {
  readonly #said: Span[] = [];
  readonly #found: [number, number][] = [];
  #isOpen = false;

  /** An entry says that these were erased with it. */
  say(spans: readonly Span[]): void {
    this.#said.push(...spans);
  }

  /** Those of one after another are kept as one, entries without payloads between them included. */
  erased(index: number): void {
    const last = this.#found.at(-1);
    if (this.#isOpen && last !== undefined) last[1] = index + 1;
    else this.#found.push([index, index + 1]);
    this.#isOpen = true;
  }

  /** A payload is there. */
  kept(): void {
    this.#isOpen = false;
  }

  /** What is gone, and no entry says so. */
  settle(findings: Findings): void {
    const said = this.#said.toSorted(([one], [other]) => one - other);
    let at = 0;
    for (const [from, to] of this.#found) {
      let covered = from;
      for (let next = said[at]; next !== undefined && next[0] <= covered; next = said[at]) {
        covered = Math.max(covered, next[1]);
        if (covered >= to) break;
        at += 1;
      }
      if (covered < to) findings.add({ kind: "erasure-unrecorded", from: covered, to });
    }
  }
}
