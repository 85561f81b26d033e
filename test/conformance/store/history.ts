/** What a store has to show after some commits: the plain rules of the port, over maps and lists. */
import type { Batch, Change, Delete, Page, Payload, Row } from "#kit/storage.ts";

/** A commit that was answered. */
export interface Done {
  batch: Batch;
  revision: number;
  index: number;
}

/** A commit that met a conflict; `floor`: the newest revision that anybody had been answered when it was asked for. */
export interface Refused {
  batch: Batch;
  key: string;
  floor: number;
}

export interface Seen {
  page: Page;
  floor: number;
}

interface Moment {
  revision: number;
  rows: ReadonlyMap<string, Row>;
}

export class History {
  readonly changes: Change[] = [];
  readonly lines: { index: number; revision: number; line: string }[] = [];
  readonly payloads = new Map<number, Payload>();
  readonly problems: string[] = [];
  readonly #moments: Moment[];

  /** @param before the revision, and the next line's index, where it begins: with no rows. */
  constructor(before: { revision: number; index: number }, done: readonly Done[]) {
    this.#moments = [{ revision: before.revision, rows: new Map() }];
    let next = before.index;
    for (const one of done.toSorted((a, b) => a.revision - b.revision)) {
      if (one.revision <= this.#last.revision) this.problems.push(`revision ${one.revision} was given twice`);
      if (one.index !== next) this.problems.push(`index ${one.index} was answered where ${next} is due`);
      this.#apply(one, next);
      next += one.batch.lines?.length ?? 0;
    }
  }

  get #last(): Moment {
    return this.#moments.at(-1) ?? { revision: 0, rows: new Map() };
  }

  get rows(): Row[] {
    return sorted(this.#last.rows);
  }

  #apply({ batch, revision }: Done, next: number): void {
    const rows = new Map(this.#last.rows);
    for (const { key, expect } of named(batch))
      if (expect !== undefined && expect !== (rows.get(key)?.revision ?? 0))
        this.problems.push(`revision ${revision}: ${key} was not at ${expect}`);
    this.#write(batch, revision, rows);
    this.#append(batch, revision, next);
    this.#moments.push({ revision, rows });
  }

  #write({ puts = [], deletes = [] }: Batch, revision: number, rows: Map<string, Row>): void {
    for (const { key, value } of puts) {
      const previous = rows.get(key)?.value ?? null;
      this.changes.push({ type: "put", key, value, revision, previous });
      rows.set(key, { key, value, revision });
    }
    for (const { key } of deletes) {
      const previous = rows.get(key)?.value;
      if (previous !== undefined) this.changes.push({ type: "delete", key, revision, previous });
      rows.delete(key);
    }
  }

  #append({ lines = [], erase = [] }: Batch, revision: number, next: number): void {
    for (const { from, to } of erase)
      for (const index of this.payloads.keys())
        if (index >= from && index < to) this.payloads.set(index, "erased");
    for (const [at, one] of lines.entries()) {
      const index = next + at;
      this.lines.push({ index, revision, line: typeof one === "string" ? one : one.line });
      if (typeof one !== "string") this.payloads.set(index, one.payload);
    }
  }

  /** Why nothing that was there between question and answer explains the conflict; undefined where something does. */
  unexplained({ batch, key, floor }: Refused): string | undefined {
    const wanted = named(batch).find((one) => one.key === key);
    if (wanted?.expect === undefined) return `a conflict at ${key}, of which nothing was expected`;
    const { expect } = wanted;
    const first = this.#moments.findLastIndex(({ revision }) => revision <= floor);
    const isExplained = this.#moments
      .slice(Math.max(first, 0))
      .some(({ rows }) => (rows.get(key)?.revision ?? 0) !== expect);
    return isExplained ? undefined : `a conflict at ${key}, which was at ${expect} from ${floor} on`;
  }

  /** What is wrong with a list; undefined where it is what there was at its revision. */
  misread({ page, floor }: Seen): string | undefined {
    if (page.revision < floor) return `a list of ${page.revision}, when ${floor} had been answered`;
    const then = this.#moments.findLast(({ revision }) => revision <= page.revision);
    const same = JSON.stringify(sorted(then?.rows ?? new Map())) === JSON.stringify(page.rows);
    return same ? undefined : `the list of ${page.revision} is ${JSON.stringify(page.rows)}`;
  }
}

function named({ puts = [], deletes = [] }: Batch): readonly Delete[] {
  return [...puts, ...deletes];
}

function sorted(rows: ReadonlyMap<string, Row>): Row[] {
  return [...rows.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}
