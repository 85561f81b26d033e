/** The meaning of the index in SQL, over one open database that nobody else writes. */
import type { DatabaseSync } from "node:sqlite";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { JsonObject } from "#core/admission.ts";
import { examined } from "#core/ledger/examine.ts";
import { entryWords, microseconds } from "#core/ledger/facets.ts";
import { payloadWords, type Query, type Window } from "#core/ledger/search.ts";
import { leafHash } from "#core/log/hash.ts";
import { decodeTree, encodeTree, grow, rootOf, type Tree } from "#core/log/tree.ts";
import { factsOf, matchOf } from "./match.ts";
import type { Added, Place } from "./wire.ts";

const BLOCK = 1024;

export class Engine {
  readonly #db: DatabaseSync;
  #tree: Tree;

  constructor(db: DatabaseSync) {
    this.#db = db;
    const state = db.prepare("SELECT next, tree FROM state").get();
    this.#tree = decodeTree(state?.["tree"] as Uint8Array);
    const last = db.prepare("SELECT max(number) AS last FROM entries").get()?.["last"] ?? -1;
    if (this.#tree.size !== state?.["next"] || last !== this.#tree.size - 1)
      throw new Error("its parts do not fit together");
  }

  get place(): Place {
    return { next: this.#tree.size, root: rootOf(this.#tree) };
  }

  /** All of them or none, in their order; those that are there already once. @returns how many entries there are. */
  add(entries: readonly Added[]): number {
    const added = entries.filter(({ index }) => index >= this.#tree.size);
    if (added[0] !== undefined && added[0].index !== this.#tree.size)
      throw new Error("an entry before these is missing");
    this.#db.exec("BEGIN IMMEDIATE");
    for (const one of added) this.#add(one);
    const tree = grow(
      this.#tree,
      added.map(({ line }) => leafHash(Buffer.from(line))),
    );
    this.#sql("UPDATE state SET next = ?, tree = ?").run(tree.size, encodeTree(tree));
    this.#db.exec("COMMIT");
    this.#tree = tree;
    return tree.size;
  }

  find(query: Query, { limit, newest, ...range }: Window): number[] {
    const match = matchOf(query);
    const { from, end } = this.#narrowed(query, range);
    const column = match === undefined ? "entries.number" : "words.rowid";
    const isTimed = query.since !== undefined || query.until !== undefined;
    const tables =
      match === undefined
        ? "entries"
        : `words${isTimed ? " CROSS JOIN entries ON entries.number = words.rowid" : ""}`;
    const sql =
      `SELECT ${column} AS number FROM ${tables} WHERE ${column} >= ? AND ${column} < ?` +
      `${match === undefined ? "" : " AND words MATCH ?"}${isTimed ? " AND time >= ? AND time < ?" : ""}` +
      ` ORDER BY ${column}${newest ? " DESC" : ""} LIMIT ?`;
    const times = isTimed
      ? [query.since ?? Number.MIN_SAFE_INTEGER, query.until ?? Number.MAX_SAFE_INTEGER]
      : [];
    const rows = this.#sql(sql).all(from, end, ...(match === undefined ? [] : [match]), ...times, limit);
    return rows.map(({ number }) => Number(number));
  }

  #add({ index, line, payload }: Added): void {
    const entry = JSON.parse(line) as JsonObject;
    const time = microseconds(entry["time"]) ?? null;
    const words = [factsOf(entry), entryWords(entry), payloadWords(payload)].map((all) => all.join(" "));
    this.#sql("INSERT INTO entries (number, time) VALUES (?, ?)").run(index, time);
    this.#sql("INSERT INTO words (rowid, facts, said, beside) VALUES (?, ?, ?, ?)").run(index, ...words);
    if (time !== null) this.#sql(WIDEN).run(Math.floor(index / BLOCK), time, time);
    if (payload !== undefined)
      this.#sql("INSERT INTO kept (number, words) VALUES (?, ?)").run(
        index,
        deflateRawSync(words.join("\n"), { level: 1 }),
      );
    for (const [from, to] of examined(entry).erases ?? []) this.#erase(from, to);
  }

  /** What lay beside the entries; they themselves stay. */
  #erase(from: number, to: number): void {
    for (const row of this.#sql("SELECT number, words FROM kept WHERE number >= ? AND number < ?").all(
      from,
      to,
    )) {
      const words = inflateRawSync(row["words"] as Uint8Array)
        .toString()
        .split("\n");
      const [facts = "", said = "", beside = ""] = words;
      const number = Number(row["number"]);
      this.#sql(TAKE_OUT).run(number, facts, said, beside);
      this.#sql("INSERT INTO words (rowid, facts, said, beside) VALUES (?, ?, ?, '')").run(
        number,
        facts,
        said,
      );
    }
    this.#sql("DELETE FROM kept WHERE number >= ? AND number < ?").run(from, to);
  }

  /** The entries that times leave, in whole blocks. */
  #narrowed({ since, until }: Query, { from, end }: { from: number; end: number }) {
    const first =
      since === undefined
        ? 0
        : this.#sql("SELECT min(block) AS block FROM blocks WHERE high >= ?").get(since)?.["block"];
    const last =
      until === undefined
        ? undefined
        : this.#sql("SELECT max(block) AS block FROM blocks WHERE low < ?").get(until)?.["block"];
    if (first === null || last === null) return { from: 0, end: 0 };
    return {
      from: Math.max(from, Number(first) * BLOCK),
      end: last === undefined ? end : Math.min(end, (Number(last) + 1) * BLOCK),
    };
  }

  readonly #statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();

  /** Of few texts: values are bound. */
  #sql(text: string) {
    const known = this.#statements.get(text) ?? this.#db.prepare(text);
    this.#statements.set(text, known);
    return known;
  }
}

const WIDEN = `INSERT INTO blocks (block, low, high) VALUES (?, ?, ?)
  ON CONFLICT (block) DO UPDATE SET low = min(low, excluded.low), high = max(high, excluded.high)`;
const TAKE_OUT = "INSERT INTO words (words, rowid, facts, said, beside) VALUES ('delete', ?, ?, ?, ?)";
