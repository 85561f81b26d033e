/** The ledger of a database file that nobody writes: a backup, or a store whose process has ended. For verifying it. */
import { existsSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { parseCheckpoint } from "#core/log/checkpoint.ts";
import type { StoredPayload } from "#core/log/contents.ts";
import { edgeOf } from "#core/log/edge.ts";
import { leafHash } from "#core/log/hash.ts";
import { TILE_WIDTH, type Tile } from "#core/log/tile.ts";
import { decodeTree, rootOf } from "#core/log/tree.ts";
import type { LogReader } from "#core/log/verify.ts";
import { prepared, type Statements } from "./sqlite-statements.ts";

export interface LedgerFile {
  reader: LogReader;
  /** The public keys that the store lists, old ones included. */
  keys: string[];
  /** The signed note over the newest tree; empty where nothing has signed. */
  checkpoint(): string;
  /** What is wrong with the file, beside what its ledger shows: in words. */
  problems(): string[];
  close(): void;
}

/** @throws Error with what an operator has to know where the file cannot be read as a store. */
export function ledgerFile(file: string): LedgerFile {
  const db = opened(file);
  try {
    return new Reading(db);
  } catch (error) {
    db.close();
    throw new Error(`${file}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/** Without a write-ahead log beside it the file is all there is, and can be read wherever it lies. */
function opened(file: string): DatabaseSync {
  if (!existsSync(file)) throw new Error(`there is no ${file}`);
  const log = `${file}-wal`;
  if (existsSync(log) && statSync(log).size > 0) return new DatabaseSync(file, { readOnly: true });
  const url = pathToFileURL(file);
  url.searchParams.set("immutable", "1");
  return new DatabaseSync(url, { readOnly: true });
}

class Reading implements LedgerFile {
  readonly reader: LogReader;
  readonly #db: DatabaseSync;
  readonly #sql: Statements<typeof STATEMENTS>;

  constructor(db: DatabaseSync) {
    this.#db = db;
    const version = Number(db.prepare("PRAGMA user_version").get()?.["user_version"]);
    if (version < 3)
      throw new Error(`its schema version is ${version}: start Hoop on it once, which signs its ledger`);
    this.#sql = prepared(db, STATEMENTS);
    const note = this.checkpoint();
    this.reader = {
      checkpoints: () => (note === "" ? [] : [Buffer.from(note)]),
      bundle: (index) =>
        this.#sql.bundle
          .all(index * TILE_WIDTH, (index + 1) * TILE_WIDTH)
          .map((row) => ({ index: Number(row["number"]), bytes: bytesOf(row["line"]) })),
      tile: (tile) => this.#tile(tile),
      payload: (index) => this.#payload(index),
      count: () => ({ entries: this.#count("countLines"), payloads: this.#count("countPayloads") }),
    };
  }

  checkpoint(): string {
    return String(this.#sql.state.get()?.["checkpoint"] ?? "");
  }

  get keys(): string[] {
    return this.#sql.keys.all().flatMap(({ value }) => {
      const { key } = JSON.parse(String(value)) as { key?: unknown };
      return typeof key === "string" ? [key] : [];
    });
  }

  problems(): string[] {
    const broken = this.#sql.integrity.all().map((row) => String(row["integrity_check"]));
    return [...broken.filter((line) => line !== "ok"), ...this.#treeProblems(), ...this.#revisionProblems()];
  }

  close(): void {
    this.#db.close();
  }

  #treeProblems(): string[] {
    const { tree, checkpoint, next_line: next } = this.#sql.state.get() ?? {};
    const note = String(checkpoint);
    const signed = parseCheckpoint(note.slice(0, note.indexOf("\n\n") + 1));
    const kept = treeOf(tree);
    if (
      kept === undefined ||
      signed === undefined ||
      !rootOf(kept).equals(signed.root) ||
      kept.size !== signed.size
    )
      return ["the tree that it goes on from is not the one that was signed"];
    const problems = kept.size === Number(next) ? [] : [`it goes on at entry ${next}, not at ${kept.size}`];
    let tiles = 0;
    for (let full = Math.floor(kept.size / TILE_WIDTH); full > 0; full = Math.floor(full / TILE_WIDTH))
      tiles += full;
    const found = this.#count("countTiles");
    return found === tiles ? problems : [...problems, `it has ${found} tiles, where ${tiles} are due`];
  }

  #revisionProblems(): string[] {
    const { disorder } = this.#sql.disorder.get() ?? {};
    return disorder === null || disorder === undefined
      ? []
      : [`entry ${disorder} has a revision out of order`];
  }

  /** Partial ones are not kept: they are made from what lies below them, and the signed root tells whether rightly. */
  #tile({ level, index, width }: Tile): Buffer | undefined {
    if (width === TILE_WIDTH) return this.#full(Number(level), index);
    const size = (index * TILE_WIDTH + width) * TILE_WIDTH ** Number(level);
    const edge = edgeOf(size, {
      leaves: (from, to) =>
        Buffer.concat(this.#sql.bundle.all(from, to).map(({ line }) => hashOf(bytesOf(line)))),
      tile: (below, at) => this.#full(below, at) ?? Buffer.alloc(0),
    });
    return edge.find(({ tile }) => tile.level === level && tile.index === index)?.bytes;
  }

  #full(level: number, index: number): Buffer | undefined {
    const hashes = this.#sql.tile.get(level, index)?.["hashes"];
    return hashes instanceof Uint8Array ? Buffer.from(hashes) : undefined;
  }

  #payload(index: number): StoredPayload {
    const row = this.#sql.payload.get(index);
    if (row === undefined) return undefined;
    return row["sealed"] === null ? "erased" : bytesOf(row["sealed"]);
  }

  #count(statement: "countLines" | "countPayloads" | "countTiles"): number {
    return Number(this.#sql[statement].get()?.["count"]);
  }
}

function treeOf(tree: unknown) {
  try {
    return tree instanceof Uint8Array ? decodeTree(tree) : undefined;
  } catch {
    return undefined;
  }
}

function bytesOf(value: unknown): Buffer {
  return value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value));
}

/** A line that is too long for a leaf is told by the entry's own check. */
function hashOf(line: Buffer): Buffer {
  return line.length > 0xffff ? Buffer.alloc(32) : leafHash(line);
}

const STATEMENTS = {
  state: "SELECT next_line, tree, checkpoint FROM state",
  // The bytes as they lie there, whether they are UTF-8 or not.
  bundle:
    "SELECT number, CAST(line AS BLOB) AS line FROM lines WHERE number >= ? AND number < ? ORDER BY number",
  tile: "SELECT hashes FROM tiles WHERE level = ? AND number = ?",
  payload: "SELECT sealed FROM payloads WHERE number = ?",
  countLines: "SELECT count(*) AS count FROM lines",
  countPayloads: "SELECT count(*) AS count FROM payloads WHERE sealed IS NOT NULL",
  countTiles: "SELECT count(*) AS count FROM tiles",
  keys: "SELECT value FROM objects WHERE key >= 'ledger/keys/' AND key < 'ledger/keys/~'",
  disorder: `SELECT number AS disorder FROM (SELECT number, revision, lag(revision, 1, 0) OVER (ORDER BY number) AS before
             FROM lines) WHERE revision < before OR revision > (SELECT revision FROM state) LIMIT 1`,
  integrity: "PRAGMA integrity_check(10)",
} as const;
