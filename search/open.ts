/** Opens the file of the index. It only repeats what the ledger says: a file that does not fit is thrown away and made anew. */
import { readFileSync, rmSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { EMPTY_TREE, encodeTree } from "#core/log/tree.ts";
import { wordTables } from "./parts.ts";
import type { Opening } from "./wire.ts";

/** "hpsr" in ASCII: tells our files from other programs' databases. */
const APPLICATION_ID = 0x68707372;
/** To be raised whenever the tables, the facets or the way of splitting words change: older files are then made anew. */
const VERSION = 3;

const SCHEMA = `
  CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    next INTEGER NOT NULL,
    part INTEGER NOT NULL, -- entries of one table of words
    tree BLOB NOT NULL, -- over the lines before
    boot TEXT NOT NULL  -- of the machine, while the file is written; '': closed
  ) STRICT;
  CREATE TABLE entries (number INTEGER PRIMARY KEY, time INTEGER) STRICT; -- microseconds
  -- The earliest and the latest of so many entries in a row: clocks may go back.
  CREATE TABLE blocks (block INTEGER PRIMARY KEY, low INTEGER NOT NULL, high INTEGER NOT NULL) STRICT;
  -- What was put into words of entries with payloads: it takes that to take it out again.
  CREATE TABLE kept (number INTEGER PRIMARY KEY, words BLOB NOT NULL) STRICT;
`;

const TABLES: readonly string[] = ["state", "entries", "blocks", "kept"];

/** SQLite's codes for faults of the disk, of rights, or of another process: the file itself may be sound. */
const NOT_THE_FILES: ReadonlySet<number> = new Set([3, 5, 6, 7, 8, 10, 13, 14, 15, 23]);

export interface Opened {
  db: DatabaseSync;
  /** Why the file that was there was thrown away; "": it was not. */
  anew: string;
}

/** @throws Error where there can be no index. */
export function openIndex({ file, anew: isNoGood, seal, part }: Opening): Opened {
  const anew = isNoGood ? "it is damaged" : unusable(file, seal !== "" && sealOf(file) === seal);
  if (anew !== "") discard(file);
  const db = connected(file);
  try {
    if (pragma(db, "user_version") !== VERSION) create(db, part);
    db.prepare("UPDATE state SET boot = ?").run(bootId());
    return { db, anew };
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Closes it, and notes in the file that all of it is on disk. */
export function closeIndex(db: DatabaseSync): void {
  db.exec("PRAGMA synchronous = FULL; UPDATE state SET boot = ''");
  db.close();
}

/** Text that changes whenever the file is written, or another is put in its place. "": there is no file. */
export function sealOf(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "" : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
}

export function isDamage(error: unknown): boolean {
  if (error instanceof Stranger) return false;
  const code = error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : undefined;
  return code === undefined || !NOT_THE_FILES.has(code);
}

/** Makes all tables anew, without anything in them. */
export function create(db: DatabaseSync, part: number): void {
  db.exec("BEGIN IMMEDIATE");
  for (const name of [...tables(db), ...wordTables(db)]) db.exec(`DROP TABLE ${name}`);
  db.exec(SCHEMA);
  db.prepare("INSERT INTO state VALUES (1, 0, ?, ?, ?)").run(part, encodeTree(EMPTY_TREE), bootId());
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${VERSION}; COMMIT`);
}

function connected(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { allowExtension: false, timeout: 2000 });
  try {
    // A kill leaves a journal, which is rolled back; what a machine that went down leaves is not believed (unusable).
    db.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = TRUNCATE;
      PRAGMA synchronous = OFF;
      PRAGMA secure_delete = ON;
      PRAGMA trusted_schema = OFF;
      PRAGMA cache_size = -8192;
      BEGIN EXCLUSIVE; COMMIT;
    `);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Why the file cannot be used; "": it can, or there is none. */
function unusable(file: string, isSealed: boolean): string {
  let db: DatabaseSync | undefined;
  try {
    db = connected(file);
    return fault(db, isSealed);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return `it is damaged: ${error instanceof Error ? error.message : error}`;
  } finally {
    db?.close();
  }
}

/** The file is another program's database, and must not be thrown away. */
class Stranger extends Error {}

function fault(db: DatabaseSync, isSealed: boolean): string {
  const isEmpty = db.prepare("SELECT count(*) AS count FROM sqlite_schema").get()?.["count"] === 0;
  if (isEmpty) return "";
  if (pragma(db, "application_id") !== APPLICATION_ID)
    throw new Stranger("it is the database of another program");
  if (pragma(db, "user_version") !== VERSION) return "it is of another version of Hoop";
  if (tables(db).length !== TABLES.length) return "it is damaged: tables are missing";
  const boot = db.prepare("SELECT boot FROM state").get()?.["boot"];
  if (boot !== "" && (boot === "?" || boot !== bootId())) return "the machine went down while it was written";
  if (isSealed) return "";
  const found = db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  return found === "ok" ? "" : `it is damaged: ${found}`;
}

/** Which of our tables are there, without those of words. */
function tables(db: DatabaseSync): string[] {
  const rows = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  return rows.map(({ name }) => String(name)).filter((name) => TABLES.includes(name));
}

function discard(file: string): void {
  for (const name of [file, `${file}-journal`, `${file}-wal`, `${file}-shm`]) rmSync(name, { force: true });
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}

/** Different after each start of the machine; "?" where the system does not tell it. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "?";
  }
}
