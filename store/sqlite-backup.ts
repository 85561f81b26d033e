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
import { dirname } from "node:path";
import { backup, type DatabaseSync } from "node:sqlite";
import type { Revision } from "#kit/storage.ts";
import { closeDatabase, openDatabase } from "./sqlite-open.ts";

/** Pages that one step copies: commits wait no longer than that takes. */
const PAGES = 200;

/** Makes a consistent copy of the open database, whole or not at all. Commits go on meanwhile, and may be in it. */
export async function backupTo(db: DatabaseSync, file: string): Promise<void> {
  const aside = `${file}.new`;
  rmSync(aside, { force: true });
  // Made first, so that nobody else may ever read it: it has the key of all digests.
  closeSync(openSync(aside, "wx", 0o600));
  await backup(db, aside, { rate: PAGES });
  settle(aside, file);
}

/** More than a store gives out in a year at twenty thousand commits a second. */
const BUMP: Revision = 2 ** 40;

/**
 * Puts a backup in the place of a store that no process has open; what is there now stays beside it, under the name that
 * is given back. Revisions go on far beyond any that was given out after the backup was made, and watches begin anew.
 */
export function restoreTo(file: string, from: string): { replaced: string | undefined } {
  if (!existsSync(from)) throw new Error(`there is no ${from}`);
  const aside = `${file}.new`;
  for (const each of [aside, `${aside}-wal`, `${aside}-shm`]) rmSync(each, { force: true });
  const replaced = existsSync(file) ? setAside(file) : undefined;
  copyFileSync(from, aside);
  chmodSync(aside, 0o600);
  const db = openDatabase({ file: aside, maxPages: null, patience: 0 });
  try {
    db.exec(`BEGIN IMMEDIATE;
      UPDATE state SET revision = revision + ${BUMP};
      UPDATE state SET expired = revision, listable = revision;
      DELETE FROM changes;
      COMMIT; PRAGMA wal_checkpoint(TRUNCATE)`);
  } finally {
    closeDatabase(db, aside);
  }
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
