import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Revision } from "#kit/storage.ts";
import { closeDatabase, InUse, openDatabase } from "./sqlite-open.ts";

/** Bytes that are copied at once. */
const PART = 1 << 20;

/** Copies an open database, one copy after the other. */
export class Copier {
  readonly #db: DatabaseSync;
  readonly #file: string;
  /** Stays open as long as the database: to close any descriptor of that file would give back its lock (POSIX). */
  #source: FileHandle | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(db: DatabaseSync, file: string) {
    this.#db = db;
    this.#file = file;
  }

  /** Makes a consistent copy, whole or not at all. Commits go on meanwhile, and are not in it. */
  copyTo(file: string): Promise<void> {
    const copied = this.#last.then(() => this.#copy(file));
    this.#last = copied.catch(() => undefined);
    return copied;
  }

  /** Resolves when no copy is under way any more. */
  async close(): Promise<void> {
    await this.#last;
  }

  /**
   * The file holds all that was committed once the write-ahead log has been brought into it, and nothing is written to
   * it before that is done again.
   */
  async #copy(file: string): Promise<void> {
    const brought = this.#db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    if (brought?.["busy"] !== 0) throw new Error("the write-ahead log is in use");
    this.#db.exec("PRAGMA wal_autocheckpoint = 0");
    const aside = `${file}.new`;
    try {
      this.#source ??= await open(this.#file, "r");
      await rm(aside, { force: true });
      // Nobody else may ever read it: it has the key of all digests.
      const target = await open(aside, "wx", 0o600);
      try {
        await pour(this.#source, target);
        await target.sync();
      } finally {
        await target.close();
      }
    } finally {
      this.#db.exec("PRAGMA wal_autocheckpoint = 1000");
    }
    settle(aside, file);
  }
}

async function pour(source: FileHandle, target: FileHandle): Promise<void> {
  const part = Buffer.allocUnsafe(PART);
  for (let at = 0; ; ) {
    const { bytesRead } = await source.read(part, 0, PART, at);
    if (bytesRead === 0) return;
    await target.write(part, 0, bytesRead, at);
    at += bytesRead;
  }
}

/** More than a store gives out in a year at twenty thousand commits a second. */
const BUMP: Revision = 2 ** 40;
/** Watches begin anew. */
const FAR_ON = `UPDATE state SET revision = revision + ${BUMP};
  UPDATE state SET expired = revision, listable = revision;
  DELETE FROM changes;`;

/** What to do with the store in the file it is given, before that takes the place. */
type Prepare = (aside: string) => Promise<void>;

/**
 * Puts a backup in the place of a store that no process has open; what is there now stays beside it, under the name that
 * is given back. Revisions go on far beyond any that was given out after the backup was made, and watches begin anew.
 */
export async function restoreTo(
  file: string,
  from: string,
  prepare: Prepare,
): Promise<{ replaced: string | undefined }> {
  const aside = copiedAside(file, from, FAR_ON);
  await prepare(aside);
  if (!existsSync(file)) {
    settle(aside, file);
    return { replaced: undefined };
  }
  try {
    settled(file);
  } catch (error) {
    if (error instanceof InUse) throw error;
    // It is damaged: all the more it shall be replaced. What there is of it is kept.
  }
  const replaced = setAside(file, "replaced");
  settle(aside, file);
  return { replaced };
}

/**
 * Ends the ledger of a store that no process has open, and begins another, without entries; all else stays, but for the
 * rows under these prefixes, which are about entries. The store as it was is kept, under the name that is given back.
 * @param before what has to be done last before it takes the place.
 */
export async function beginLedger(
  file: string,
  prefixes: readonly string[],
  { prepare, before }: { prepare: Prepare; before: () => Promise<void> },
): Promise<{ closed: string }> {
  settled(file);
  const rows = prefixes.map(
    (prefix) => `DELETE FROM objects WHERE key >= '${prefix}' AND key < '${prefix}~';`,
  );
  const aside = copiedAside(
    file,
    file,
    `DELETE FROM lines; DELETE FROM payloads; DELETE FROM tiles; ${rows.join(" ")}
     UPDATE state SET next_line = 0, tree = NULL, checkpoint = ''; ${FAR_ON}`,
  );
  await prepare(aside);
  const closed = setAside(file, "closed");
  await before();
  settle(aside, file);
  return { closed };
}

/** A copy to become the store, changed by that SQL. */
function copiedAside(file: string, from: string, sql: string): string {
  const aside = `${file}.new`;
  for (const each of [aside, `${aside}-wal`, `${aside}-shm`]) rmSync(each, { force: true });
  copyFileSync(from, aside);
  chmodSync(aside, 0o600);
  const db = openDatabase({ file: aside, maxPages: null, patience: 0 });
  try {
    db.exec(`BEGIN IMMEDIATE; ${sql} COMMIT; VACUUM`);
  } finally {
    closeDatabase(db, aside);
  }
  return aside;
}

/** Nobody may have it open; what is in its write-ahead log goes into the file. */
function settled(file: string): void {
  const db = openDatabase({ file, maxPages: null, patience: 0 });
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  closeDatabase(db, file);
}

/** It stays under its own name too, until another takes that: where there is none, a start would begin an empty store. */
function setAside(file: string, as: string): string {
  let name = `${file}.${as}`;
  for (let n = 2; existsSync(name); n += 1) name = `${file}.${as}-${n}`;
  keep(file, name);
  const log = `${file}-wal`;
  if (existsSync(log)) {
    keep(log, `${name}-wal`);
    rmSync(log);
  }
  return name;
}

/** Under a second name. */
function keep(file: string, name: string): void {
  try {
    linkSync(file, name);
  } catch {
    // Not every file system has links.
    copyFileSync(file, name);
    sync(name);
  }
}

/** Under its name only when all of it is on disk. */
function settle(aside: string, file: string): void {
  sync(aside);
  renameSync(aside, file);
  sync(dirname(file));
}

function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
