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
import { createPart, partsOf, type Range, tableOf, wordTables } from "./parts.ts";
import type { Added, Place, Slice } from "./wire.ts";

const BLOCK = 1024;
const MOST_STATEMENTS = 200;

export class Engine {
  readonly #db: DatabaseSync;
  /** Entries of one table of words. */
  readonly #part: number;
  #tree: Tree;

  constructor(db: DatabaseSync) {
    this.#db = db;
    const state = db.prepare("SELECT next, part, tree FROM state").get();
    this.#part = Number(state?.["part"]);
    this.#tree = decodeTree(state?.["tree"] as Uint8Array);
    const last = db.prepare("SELECT max(number) AS last FROM entries").get()?.["last"] ?? -1;
    const { size } = this.#tree;
    const hasWords = wordTables(db).length === Math.ceil(size / this.#part);
    if (size !== state?.["next"] || last !== size - 1 || !hasWords)
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

  /** What a search finds in so many milliseconds, but at least in one part. */
  find(query: Query, { limit, newest, ...asked }: Window, milliseconds: number): Slice {
    const range = this.#narrowed(query, asked);
    const match = matchOf(query);
    const until = performance.now() + milliseconds;
    const indexes: number[] = [];
    for (const part of partsOf(range, this.#part, newest)) {
      const found = this.#findIn(part, query, match, limit - indexes.length, newest);
      for (const index of found) indexes.push(index);
      const rest = newest ? { from: range.from, end: part.from } : { from: part.end, end: range.end };
      if (indexes.length >= limit || rest.from >= rest.end) break;
      if (performance.now() >= until) return { indexes, rest };
    }
    return { indexes, rest: undefined };
  }

  #findIn(
    { from, end }: Range,
    query: Query,
    match: string | undefined,
    limit: number,
    newest: boolean,
  ): number[] {
    const words = tableOf(Math.floor(from / this.#part));
    const column = match === undefined ? "entries.number" : `${words}.rowid`;
    const isTimed = query.since !== undefined || query.until !== undefined;
    const tables =
      match === undefined
        ? "entries"
        : `${words}${isTimed ? ` CROSS JOIN entries ON entries.number = ${words}.rowid` : ""}`;
    const sql =
      `SELECT ${column} AS number FROM ${tables} WHERE ${column} >= ? AND ${column} < ?` +
      `${match === undefined ? "" : ` AND ${words} MATCH ?`}${isTimed ? " AND time >= ? AND time < ?" : ""}` +
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
    const part = Math.floor(index / this.#part);
    if (index % this.#part === 0) createPart(this.#db, part);
    this.#sql(`INSERT INTO ${tableOf(part)} (rowid, facts, said, beside) VALUES (?, ?, ?, ?)`).run(
      index,
      ...words,
    );
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
      const table = tableOf(Math.floor(number / this.#part));
      const columns = "rowid, facts, said, beside";
      this.#sql(`INSERT INTO ${table} (${table}, ${columns}) VALUES ('delete', ?, ?, ?, ?)`).run(
        ...[number, facts, said, beside],
      );
      this.#sql(`INSERT INTO ${table} (${columns}) VALUES (?, ?, ?, '')`).run(number, facts, said);
    }
    this.#sql("DELETE FROM kept WHERE number >= ? AND number < ?").run(from, to);
  }

  /** The entries that times leave, in whole blocks. */
  #narrowed({ since, until }: Query, { from, end }: Range): Range {
    const first =
      since === undefined
        ? 0
        : this.#sql("SELECT min(block) AS block FROM blocks WHERE high >= ?").get(since)?.["block"];
    const last =
      until === undefined
        ? undefined
        : this.#sql("SELECT max(block) AS block FROM blocks WHERE low < ?").get(until)?.["block"];
    if (first === null || last === null) return { from: 0, end: 0 };
    const after = last === undefined ? end : Math.min(end, (Number(last) + 1) * BLOCK);
    return { from: Math.max(from, Number(first) * BLOCK), end: Math.min(after, this.#tree.size) };
  }

  readonly #statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();

  /** Of few texts for each part: values are bound. */
  #sql(text: string) {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    if (this.#statements.size >= MOST_STATEMENTS) this.#statements.clear();
    const made = this.#db.prepare(text);
    this.#statements.set(text, made);
    return made;
  }
}

const WIDEN = `INSERT INTO blocks (block, low, high) VALUES (?, ?, ?)
  ON CONFLICT (block) DO UPDATE SET low = min(low, excluded.low), high = max(high, excluded.high)`;
