import type { DatabaseSync } from "node:sqlite";

/** "hoop" in ASCII: tells our files from other programs' databases. */
const APPLICATION_ID = 0x686f6f70;

/** Migration N takes a file from user_version N to N + 1. Released ones are never edited, only followed. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL, -- of the latest commit, kept apart from the rows so that none is given twice
    next_line INTEGER NOT NULL,
    expired INTEGER NOT NULL   -- the newest revision whose changes may be gone
  ) STRICT;
  INSERT INTO state VALUES (1, 1, 0, 0);

  CREATE TABLE objects (key TEXT NOT NULL UNIQUE, value TEXT NOT NULL, revision INTEGER NOT NULL) STRICT;

  CREATE TABLE changes (
    number INTEGER PRIMARY KEY, -- the order within a revision
    revision INTEGER NOT NULL,
    at INTEGER NOT NULL,        -- milliseconds since the epoch
    key TEXT NOT NULL,
    value TEXT,                 -- NULL: deleted
    previous TEXT               -- NULL: was not there
  ) STRICT;
  CREATE INDEX changes_by_revision ON changes (revision);

  CREATE TABLE lines (number INTEGER PRIMARY KEY, revision INTEGER NOT NULL, line TEXT NOT NULL) STRICT;
  `,
  `
  ALTER TABLE changes ADD COLUMN previous_revision INTEGER; -- of the previous value
  CREATE INDEX changes_by_key ON changes (key, revision);
  -- Of earlier moments no list can be told: their changes do not have the column filled.
  ALTER TABLE state ADD COLUMN listable INTEGER NOT NULL DEFAULT 0;
  UPDATE state SET listable = revision;
  `,
  `
  -- The Merkle log whose leaves are the lines. NULL: of an older schema, to be made from the lines.
  ALTER TABLE state ADD COLUMN tree BLOB;
  ALTER TABLE state ADD COLUMN checkpoint TEXT NOT NULL DEFAULT ''; -- the signed note over that tree
  -- Full tiles; partial ones follow from what lies below them.
  CREATE TABLE tiles (level INTEGER NOT NULL, number INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, number)) STRICT;
  CREATE TABLE payloads (number INTEGER PRIMARY KEY, sealed BLOB) STRICT; -- of lines, by their number; NULL: erased
  `,
];

/** Throws when the file is not ours, or of a newer version than we know. Changes nothing. */
export function identify(db: DatabaseSync): void {
  const empty = db.prepare("SELECT count(*) AS count FROM sqlite_schema").get()?.["count"] === 0;
  if (pragma(db, "application_id") !== APPLICATION_ID && !empty) {
    throw new Error("it is the database of another program");
  }
  const version = pragma(db, "user_version");
  if (version > MIGRATIONS.length) {
    throw new Error(
      `it has schema version ${version}, but this program knows only up to ${MIGRATIONS.length}`,
    );
  }
}

/** Brings the schema to the newest version, one transaction a migration. */
export function migrate(db: DatabaseSync): void {
  const version = pragma(db, "user_version");
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < version) continue;
    const mark = `PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${index + 1};`;
    db.exec(`BEGIN IMMEDIATE; ${sql} ${mark} COMMIT`);
  }
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}
