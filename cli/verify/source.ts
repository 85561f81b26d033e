/** Where a ledger lies that is to be verified. */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import type { Finding } from "#core/log/finding.ts";
import type { LogReader } from "#core/log/verify.ts";
import { directoryReader, isLedgerDirectory, keysIn, strayFindings } from "#ledger/directory.ts";
import { ledgerFile } from "#store/sqlite-reader.ts";
import { CommandError } from "../failure.ts";

export interface Source {
  reader: LogReader;
  /** The public keys that it names itself. */
  keys: readonly string[];
  /** What is wrong with what it lies in. */
  own(): Finding[];
  /** How many entries lie there that the checkpoint does not cover, where that is nothing odd. */
  unsigned?(): number;
  close(): void;
}

export function fileSource(path: string): Source {
  if (!existsSync(path)) throw new CommandError(`there is no ${path}`);
  if (statSync(path).isDirectory()) return directory(path);
  if (statSync(path).size > 0 && !isDatabase(path))
    throw new CommandError(
      `${path} is neither a database of Hoop's nor an export in jsonl, which prove themselves`,
    );
  return database(path);
}

function isDatabase(path: string): boolean {
  return headOf(path, 15).toString("latin1") === "SQLite format 3";
}

/** Its first bytes. */
export function headOf(path: string, length: number): Buffer {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, 0));
  } finally {
    closeSync(file);
  }
}

function directory(path: string): Source {
  if (!isLedgerDirectory(path)) throw new CommandError(`${path} holds no ledger: no checkpoint and no tiles`);
  const reader = directoryReader(path);
  return {
    reader,
    keys: keysIn(path),
    own: () => strayFindings(path),
    unsigned: reader.unsigned,
    close: () => undefined,
  };
}

function database(path: string): Source {
  const file = ledgerFile(path);
  const { reader, keys } = file;
  return {
    reader,
    keys,
    own: () => file.problems().map((reason): Finding => ({ kind: "store-damaged", reason })),
    close: () => file.close(),
  };
}
