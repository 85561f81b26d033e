import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { identify, migrate } from "./sqlite-schema.ts";
import type { Opening } from "./sqlite-wire.ts";

const SQLITE_BUSY = 5;

/**
 * Opens the file for this process alone, checks it, and brings its schema up to date. Throws an Error that says in
 * words for an operator why that is not possible.
 */
export function openDatabase(opening: Pick<Opening, "file" | "maxPages" | "patience">): DatabaseSync {
  const { file, patience } = opening;
  let db: DatabaseSync | undefined;
  let locked = false;
  try {
    db = new DatabaseSync(file, {
      enableForeignKeyConstraints: false,
      allowExtension: false,
      timeout: patience,
    });
    lock(db, file);
    locked = true;
    identify(db);
    check(db);
    // Takes effect in a new file only: pages that become free can be given back.
    db.exec("PRAGMA auto_vacuum = INCREMENTAL");
    configure(db, opening.maxPages);
    migrate(db);
    return db;
  } catch (error) {
    if (db !== undefined && locked) closeDatabase(db, file);
    else db?.close();
    if (error instanceof InUse) throw error;
    throw new Error(`the store ${file} cannot be opened: ${error instanceof Error ? error.message : error}`);
  }
}

/** Closes the database and gives its lock back. */
export function closeDatabase(db: DatabaseSync, file: string): void {
  // While the lock is still ours: afterwards it could be the next owner's note.
  rmSync(ownerNote(file), { force: true });
  db.close();
}

/** Another process has the store. */
export class InUse extends Error {}

/**
 * The lock is SQLite's own on the file: the kernel gives it back however this process ends. The note beside it only
 * tells others who holds it, and may be stale. Never open the database file in this process by other means: closing
 * that descriptor would silently drop the lock (POSIX).
 */
function lock(db: DatabaseSync, file: string): void {
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT");
  } catch (error) {
    if (!(error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY)) throw error;
    throw new InUse(`the store ${file} is in use by ${owner(file)}`);
  }
  try {
    writeFileSync(ownerNote(file), `${process.pid}\n`);
  } catch {
    // A full disk must not keep the store from being read: without the note, others learn less, no more.
  }
}

function configure(db: DatabaseSync, maxPages: number | null): void {
  const mode = db.prepare("PRAGMA journal_mode = WAL").get()?.["journal_mode"];
  if (mode !== "wal") throw new Error(`its file system cannot hold a write-ahead log (journal mode ${mode})`);
  db.exec(`
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON; -- macOS only: there a plain fsync stops at the drive's cache
    PRAGMA trusted_schema = OFF;
    PRAGMA cache_size = -8192;
    PRAGMA secure_delete = ON; -- what is erased is not to be found in free pages
  `);
  if (maxPages !== null) db.exec(`PRAGMA max_page_count = ${Math.trunc(maxPages)}`);
}

function check(db: DatabaseSync): void {
  const found = db
    .prepare("PRAGMA quick_check(3)")
    .all()
    .map((row) => String(row["quick_check"]));
  if (found[0] !== "ok") throw new Error(`it is damaged: ${found.join("; ")}`);
}

function ownerNote(file: string): string {
  return `${file}-owner`;
}

function owner(file: string): string {
  const pid = noted(file);
  return pid === undefined ? "another process" : `process ${pid}`;
}

/** The process that has the store open; undefined where none has, as far as is known. */
export function ownerOf(file: string): number | undefined {
  const pid = noted(file);
  if (pid === undefined) return undefined;
  try {
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}

function noted(file: string): number | undefined {
  try {
    const pid = readFileSync(ownerNote(file), "utf8").trim();
    return /^[1-9]\d*$/.test(pid) ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}
