/**
 * Words lie in one table for so many entries in a row. A search of one table cannot be broken off, and FTS5 looks through
 * all of it whatever rowids are asked for: so they are small, and between two of them others have their turn.
 */
import type { DatabaseSync } from "node:sqlite";

/** How many entries one table of words holds. */
export const PART = 65_536;

const NAME = /^words\d+$/;

/** The name of a part's table of words. */
export function tableOf(part: number): string {
  return `words${part}`;
}

/** The names of all tables of words in the file. */
export function wordTables(db: DatabaseSync): string[] {
  const rows = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  return rows.map(({ name }) => String(name)).filter((name) => NAME.test(name));
}

export function createPart(db: DatabaseSync, part: number): void {
  const name = tableOf(part);
  db.exec(`
    CREATE VIRTUAL TABLE ${name} USING fts5 (facts, said, beside, content = '', columnsize = 0, tokenize = 'ascii');
    INSERT INTO ${name} (${name}, rank) VALUES ('secure-delete', 1); -- erased is erased, not marked
  `);
}

/** The numbers from `from` up to `end`, without `end`. */
export interface Range {
  from: number;
  end: number;
}

/** The range, cut where tables end: in order, or with `newest` backwards. */
export function* partsOf({ from, end }: Range, size: number, newest: boolean): Generator<Range> {
  for (let left = { from, end }; left.from < left.end; ) {
    const part = newest
      ? { from: Math.max(left.from, Math.floor((left.end - 1) / size) * size), end: left.end }
      : { from: left.from, end: Math.min(left.end, (Math.floor(left.from / size) + 1) * size) };
    yield part;
    left = newest ? { from: left.from, end: part.from } : { from: part.end, end: left.end };
  }
}
