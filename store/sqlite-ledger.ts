import { randomBytes } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { upgradedLine } from "#core/ledger/upgrade.ts";
import { Appender, type LogKeys } from "#core/log/appender.ts";
import { edgeOf, treeOfEdge } from "#core/log/edge.ts";
import { leafHash } from "#core/log/hash.ts";
import { decodeTree, EMPTY_TREE, encodeTree } from "#core/log/tree.ts";
import {
  type Append,
  type Head,
  type Line,
  MAX_LINE_BYTES,
  type Payload,
  type Revision,
  type Span,
} from "#kit/storage.ts";
import { prepared, type Statements } from "./sqlite-statements.ts";

/** Lines that are hashed at once, where a file of an older schema has no tree yet. */
const PART = 1000;

/**
 * The ledger's part of an open database: lines, payloads beside them, and the Merkle log over the lines. Writes are
 * made within the transaction of its owner, and as with the engine, whatever is thrown leaves this ahead of the file.
 */
export class Ledger {
  readonly #sql: Statements<typeof STATEMENTS>;
  readonly #log: Appender;
  #next: number;
  /** As it stands in the file. */
  #saved: Head;

  /** @throws Error where what the file holds is not what was signed. */
  constructor(db: DatabaseSync, keys: LogKeys | undefined) {
    this.#sql = prepared(db, STATEMENTS);
    const state = this.#sql.state.get() ?? {};
    this.#next = Number(state["next_line"]);
    const note = String(state["checkpoint"]);
    if (state["tree"] === null) {
      this.#log = this.#anew(db, keys);
    } else {
      this.#log = this.#asSigned(keys, state["tree"] as Uint8Array, note);
    }
    this.#saved = { size: this.#log.tree.size, note };
    this.save();
  }

  /**
   * A file that has no tree yet is of a schema that kept none: its lines become leaves as they are, but for those that
   * are too long for one.
   */
  #anew(db: DatabaseSync, keys: LogKeys | undefined): Appender {
    const log = new Appender(keys);
    db.exec("BEGIN IMMEDIATE");
    for (let from = 0; from < this.#next; from += PART)
      this.#grow(
        log,
        this.lines(from, PART).map(({ index, line }) => this.#short(index, line)),
      );
    this.#sql.save.run(this.#next, encodeTree(log.tree), log.note() ?? "");
    db.exec("COMMIT");
    return log;
  }

  #short(index: number, line: string): string {
    if (Buffer.byteLength(line) <= MAX_LINE_BYTES) return line;
    const upgraded = upgradedLine(line, { bytes: randomBytes });
    this.#sql.setLine.run(upgraded.line, index);
    this.#sql.addPayload.run(index, upgraded.payload);
    return upgraded.line;
  }

  #asSigned(keys: LogKeys | undefined, bytes: Uint8Array, note: string): Appender {
    const tree = decodeTree(bytes);
    const edge = edgeOf(tree.size, {
      leaves: (from, to) =>
        Buffer.concat(this.lines(from, to - from).map(({ line }) => leafHash(Buffer.from(line)))),
      tile: (level, index) => Buffer.from(this.#full(level, index) ?? []),
    });
    const made = edge.every(({ tile, bytes: hashes }) => hashes.length === tile.width * 32)
      ? treeOfEdge(tree.size, edge)
      : EMPTY_TREE;
    const rows = this.#sql.lastLine.get()?.["last"] ?? -1;
    if (tree.size !== this.#next || rows !== this.#next - 1 || !encodeTree(made).equals(bytes))
      throw new Error(`its ledger is not what was recorded: ${ALTERED}`);
    const log = new Appender(keys, tree, edge);
    if (keys === undefined && note !== "")
      throw new Error("its ledger is signed, and there is no key to go on with");
    const [origin = ""] = note.split("\n", 1);
    if (keys !== undefined && origin !== "" && origin !== keys.origin)
      throw new Error(
        `it has the ledger ${origin}, and the key is of ${keys.origin}: put the key of that ledger back`,
      );
    const doubt = log.doubt(note);
    if (doubt !== undefined)
      throw new Error(`the checkpoint of its ledger cannot be believed (${doubt}): ${ALTERED}`);
    return log;
  }

  get next(): number {
    return this.#next;
  }

  append(lines: readonly Append[], revision: Revision): void {
    const texts: string[] = [];
    for (const one of lines) {
      const line = typeof one === "string" ? one : one.line;
      texts.push(line);
      this.#sql.addLine.run(this.#next, revision, line);
      if (typeof one !== "string") this.#sql.addPayload.run(this.#next, one.payload);
      this.#next += 1;
    }
    this.#grow(this.#log, texts);
  }

  erase(spans: readonly Span[]): void {
    for (const { from, to } of spans) this.#sql.erase.run(from, to);
  }

  /** Writes the tree and its signed note, where they have changed: last in a transaction. */
  save(): void {
    const head = this.head();
    if (head.size === this.#saved.size && (head.note ?? "") === this.#saved.note) return;
    this.#sql.save.run(this.#next, encodeTree(this.#log.tree), head.note ?? "");
    this.#saved = { size: head.size, note: head.note ?? "" };
  }

  head(): Head {
    return { size: this.#log.tree.size, note: this.#log.note() };
  }

  lines(from: number, limit: number): Line[] {
    return this.#sql.lines.all(from, limit).map((row) => ({
      index: Number(row["number"]),
      revision: Number(row["revision"]),
      line: String(row["line"]),
    }));
  }

  payload(index: number): Payload {
    const sealed = this.#sql.payload.get(index)?.["sealed"];
    if (sealed === undefined) return undefined;
    return sealed === null ? "erased" : (sealed as Uint8Array);
  }

  tile(level: number, index: number): Uint8Array | undefined {
    return this.#full(level, index) ?? this.#log.partial(level, index);
  }

  /** Revisions grow with the line numbers, so halving finds it without an index that each append would pay for. */
  firstLineAfter(revision: number): number {
    let [low, high] = [0, this.#next];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [line] = this.lines(middle, 1);
      if (line !== undefined && line.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #full(level: number, index: number): Uint8Array | undefined {
    return this.#sql.tile.get(level, index)?.["hashes"] as Uint8Array | undefined;
  }

  #grow(log: Appender, lines: readonly string[]): void {
    for (const { tile, bytes } of log.append(lines.map((line) => Buffer.from(line))))
      this.#sql.addTile.run(tile.level, tile.index, bytes);
  }
}

const ALTERED =
  "do not use it, keep it as evidence, and restore a backup (kubectl hoop verify tells what was altered)";

const STATEMENTS = {
  state: "SELECT next_line, tree, checkpoint FROM state",
  save: "UPDATE state SET next_line = ?, tree = ?, checkpoint = ?",
  addLine: "INSERT INTO lines (number, revision, line) VALUES (?, ?, ?)",
  setLine: "UPDATE lines SET line = ? WHERE number = ?",
  lines: "SELECT number, revision, line FROM lines WHERE number >= ? ORDER BY number LIMIT ?",
  lastLine: "SELECT max(number) AS last FROM lines",
  addPayload: "INSERT INTO payloads (number, sealed) VALUES (?, ?)",
  payload: "SELECT sealed FROM payloads WHERE number = ?",
  erase: "UPDATE payloads SET sealed = NULL WHERE number >= ? AND number < ? AND sealed IS NOT NULL",
  addTile: "INSERT INTO tiles (level, number, hashes) VALUES (?, ?, ?)",
  tile: "SELECT hashes FROM tiles WHERE level = ? AND number = ?",
} as const;
