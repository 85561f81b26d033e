/** The signed trees that a verification meets on its way along the entries. */
import { type Checkpoint, openCheckpoint, type Trust } from "./checkpoint.ts";
import type { Findings, Source } from "./finding.ts";
import { rootOf, type Tree } from "./tree.ts";

type Head = Pick<Checkpoint, "size" | "root">;
type Notes = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

export class Heads {
  /** The log's newest; a known one where it has none. */
  readonly newest: Head | undefined;
  readonly #sorted: readonly Head[];
  readonly #findings: Findings;
  readonly #unmatched: Head[] = [];
  #next = 0;
  #matches = 0;
  #matched = 0;

  /** Opens the notes, and finds what is wrong with them without looking at any entry. */
  static async collect(own: Notes, known: Notes, trust: Trust, findings: Findings): Promise<Heads> {
    const ours = await openAll(own, "log", trust, findings);
    const others = await openAll(known, "known", trust, findings);
    const newest = ours.at(-1);
    const latest = others.at(-1);
    if (newest === undefined) findings.add({ kind: "checkpoint-missing" });
    else if (latest !== undefined && latest.size > newest.size)
      findings.add({ kind: "rolled-back", size: newest.size, known: latest.size });
    return new Heads(newest ?? latest, distinct([...ours, ...others].sort(bySize)), findings);
  }

  private constructor(newest: Head | undefined, sorted: readonly Head[], findings: Findings) {
    this.newest = newest;
    this.#sorted = sorted;
    this.#findings = findings;
  }

  /** Checkpoints that the entries agree with. */
  get matches(): number {
    return this.#matches;
  }

  /** The size of the largest of those. */
  get matched(): number {
    return this.#matched;
  }

  /** Whether one of them ends between those sizes, and so within the bundle. */
  isWithin(from: number, to: number): boolean {
    const next = this.#sorted[this.#next];
    return next !== undefined && next.size > from && next.size < to;
  }

  /** Compares those of that size. Sizes come in ascending order, and none of a head may be left out. */
  meet(tree: Tree): void {
    for (let head = this.#at(tree.size); head !== undefined; head = this.#at(tree.size)) {
      this.#next += 1;
      if (!rootOf(tree).equals(head.root)) this.#unmatched.push(head);
      else {
        this.#matches += 1;
        this.#matched = tree.size;
      }
    }
  }

  #at(size: number): Head | undefined {
    const next = this.#sorted[this.#next];
    return next?.size === size ? next : undefined;
  }

  /** One that the entries disagree with has been forked from where they agree with a later one. */
  finish(): void {
    for (const { size } of this.#unmatched) {
      const twin = this.#sorted.filter((head) => head.size === size).length > 1;
      const against = Math.max(this.#matched, size);
      if (twin || against > size) this.#findings.add({ kind: "forked", size, against });
      else this.#findings.add({ kind: "root-differs", size, since: this.#matched });
    }
  }
}

async function openAll(notes: Notes, source: Source, trust: Trust, findings: Findings): Promise<Head[]> {
  const heads: Head[] = [];
  let position = 0;
  for await (const note of notes) {
    const opened = openCheckpoint(note, trust);
    if (opened.kind === "checkpoint")
      heads.push({ size: opened.checkpoint.size, root: opened.checkpoint.root });
    else findings.add({ kind: "checkpoint-refused", source, position, reason: opened.reason });
    position += 1;
  }
  return heads.sort(bySize);
}

function bySize(one: Head, other: Head): number {
  return one.size - other.size || Buffer.compare(one.root, other.root);
}

function distinct(sorted: readonly Head[]): Head[] {
  return sorted.filter((head, at) => {
    const before = sorted[at - 1];
    return before?.size !== head.size || !before.root.equals(head.root);
  });
}
