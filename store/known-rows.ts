/** Rows that were asked for lately, as they are: nobody but this process writes to the file, and each call tells us first. */
import type { Row } from "#kit/storage.ts";

const MOST = 256;
/** Characters of a value. */
const LONGEST = 16_384;

export class KnownRows {
  readonly #rows = new Map<string, Row>();
  #writes = 0;

  /** Changes with each call that writes rows. */
  get writes(): number {
    return this.#writes;
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  /** @param writes as they were when it was asked for: a write after that may not be in it. */
  keep(row: Row | undefined, writes: number): void {
    if (row === undefined || writes !== this.#writes || row.value.length > LONGEST) return;
    this.#rows.set(row.key, Object.freeze(row));
    for (const oldest of this.#rows.keys()) {
      if (this.#rows.size <= MOST) break;
      this.#rows.delete(oldest);
    }
  }

  /** Before they are written: from then on whoever asks is told by the file. */
  forget(rows: readonly Pick<Row, "key">[]): void {
    this.#writes += 1;
    for (const { key } of rows) this.#rows.delete(key);
  }
}
