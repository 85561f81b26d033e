/** Tables of SQL, prepared once for a connection. */
import type { DatabaseSync, StatementSync } from "node:sqlite";

export type Statements<T> = Readonly<Record<keyof T, StatementSync>>;

/** Each statement under its name. Throws where one is not valid for this database. */
export function prepared<T extends Readonly<Record<string, string>>>(
  db: DatabaseSync,
  table: T,
): Statements<T> {
  const entries = Object.entries(table).map(([name, sql]) => [name, db.prepare(sql)]);
  return Object.fromEntries(entries) as Statements<T>;
}
