/** What the verification of a log can find. Ranges of entries go from `from` up to, and without, `to`. */

export type Finding =
  /** A note that cannot be believed. `position` counts the notes of that source, from 0. */
  | {
      readonly kind: "checkpoint-refused";
      readonly source: Source;
      readonly position: number;
      readonly reason: string;
    }
  /** The log has no checkpoint of its own that can be believed. */
  | { readonly kind: "checkpoint-missing" }
  /** The log's newest checkpoint is older than one that is known from elsewhere. */
  | { readonly kind: "rolled-back"; readonly size: number; readonly known: number }
  /** Two signed trees, of which the smaller is not the beginning of the other: two histories have been told. */
  | { readonly kind: "forked"; readonly size: number; readonly against: number }
  /** What lies there is not what was signed; up to `since` it is. */
  | { readonly kind: "root-differs"; readonly size: number; readonly since: number }
  /** The last entries that were signed are not there. */
  | { readonly kind: "truncated"; readonly from: number; readonly to: number }
  | { readonly kind: "entries-missing"; readonly from: number; readonly to: number }
  /** Some of them are not those that were signed; which, their tile could have told. */
  | { readonly kind: "entries-differ"; readonly from: number; readonly to: number }
  /** Behind the newest checkpoint: no signature speaks for them. */
  | { readonly kind: "entries-uncovered"; readonly from: number; readonly to: number }
  /** Leaf hashes, hex. */
  | {
      readonly kind: "entry-altered";
      readonly index: number;
      readonly expected: string;
      readonly found: string;
    }
  /** In its place lies the entry that belongs elsewhere: swapped, shifted or put there twice. */
  | { readonly kind: "entry-misplaced"; readonly index: number; readonly belongs: number }
  /** One too many: a second one of that index, or one where it cannot be. */
  | { readonly kind: "entry-surplus" | "entry-out-of-order"; readonly index: number }
  | { readonly kind: "entry-malformed"; readonly index: number; readonly reason: string }
  | { readonly kind: "bundle-malformed"; readonly bundle: number }
  | { readonly kind: "tile-missing" | "tile-malformed" | "tile-altered"; readonly path: string }
  /** The tile and the entries differ, and neither is what was signed. */
  | { readonly kind: "tile-differs"; readonly path: string }
  | {
      readonly kind: "payload-missing" | "payload-altered" | "payload-surplus";
      readonly index: number;
    }
  /** Payloads are marked as erased, and no entry says that they were. */
  | { readonly kind: "erasure-unrecorded"; readonly from: number; readonly to: number }
  /** A line (from 1) of an exported file is none, or the file is not as it was written. */
  | { readonly kind: "export-damaged"; readonly line: number; readonly reason: string }
  /** Its line has no proof that it is in the tree of the checkpoint. */
  | { readonly kind: "entry-unproven"; readonly index: number; readonly line: number }
  /** What it lies in is broken, or does not fit together. */
  | { readonly kind: "store-damaged"; readonly reason: string }
  /** More (or fewer) lie there than have a place in the log. */
  | {
      readonly kind: "miscounted";
      readonly what: "entries" | "payloads";
      readonly held: number;
      readonly seen: number;
    };

export type Source = "log" | "known";

/** Keeps the first findings of each kind, so that no kind can hide another; counts the rest. */
export class Findings {
  readonly #kept = new Map<string, Finding>();
  readonly #counts = new Map<Finding["kind"], number>();
  readonly #most: number;
  #omitted = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(finding: Finding): void {
    const key = JSON.stringify(finding);
    if (this.#kept.has(key)) return;
    const count = this.#counts.get(finding.kind) ?? 0;
    this.#counts.set(finding.kind, count + 1);
    if (count < this.#most) this.#kept.set(key, finding);
    else this.#omitted += 1;
  }

  get omitted(): number {
    return this.#omitted;
  }

  /** In the order found. An altered entry that is another altered one's is told as misplaced. */
  all(): Finding[] {
    const kept = [...this.#kept.values()];
    const places = new Map(
      kept.flatMap((one) => (one.kind === "entry-altered" ? [[one.expected, one.index]] : [])),
    );
    return kept.map((one) => {
      const belongs = one.kind === "entry-altered" ? places.get(one.found) : undefined;
      return one.kind !== "entry-altered" || belongs === undefined
        ? one
        : { kind: "entry-misplaced", index: one.index, belongs };
    });
  }
}

/** Adds what is found at neighbouring entries as one range. */
export class Ranges {
  readonly #end: (from: number, to: number) => void;
  #from = 0;
  #to = 0;

  constructor(end: (from: number, to: number) => void) {
    this.#end = end;
  }

  add(from: number, to: number): void {
    if (from >= to) return;
    if (from !== this.#to) {
      this.finish();
      this.#from = from;
    }
    this.#to = to;
  }

  finish(): void {
    if (this.#from < this.#to) this.#end(this.#from, this.#to);
    this.#from = this.#to;
  }
}
