import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Revision } from "#kit/storage.ts";
import { closeDatabase, openDatabase } from "./sqlite-open.ts";

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

/**
 * Puts a backup in the place of a store that no process has open; what is there now stays beside it, under the name that
 * is given back. Revisions go on far beyond any that was given out after the backup was made, and watches begin anew.
 * @param prepare what to do with the store in the file it is given, before it takes the place.
 */
export async function restoreTo(
  file: string,
  from: string,
  prepare: (aside: string) => Promise<void>,
): Promise<{ replaced: string | undefined }> {
  const aside = `${file}.new`;
  for (const each of [aside, `${aside}-wal`, `${aside}-shm`]) rmSync(each, { force: true });
  copyFileSync(from, aside);
  chmodSync(aside, 0o600);
  const db = openDatabase({ file: aside, maxPages: null, patience: 0 });
  try {
    db.exec(`BEGIN IMMEDIATE;
      UPDATE state SET revision = revision + ${BUMP};
      UPDATE state SET expired = revision, listable = revision;
      DELETE FROM changes;
      COMMIT`);
  } finally {
    closeDatabase(db, aside);
  }
  await prepare(aside);
  const replaced = existsSync(file) ? setAside(file) : undefined;
  settle(aside, file);
  return { replaced };
}

/** Nobody may have it open; what is in its write-ahead log goes into the file first. */
function setAside(file: string): string {
  const db = openDatabase({ file, maxPages: null, patience: 0 });
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  closeDatabase(db, file);
  let name = `${file}.replaced`;
  for (let n = 2; existsSync(name); n += 1) name = `${file}.replaced-${n}`;
  renameSync(file, name);
  return name;
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
