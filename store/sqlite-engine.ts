import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { LogKeys } from "#core/log/appender.ts";
import type { Change, CommitResult, ListOutcome, Page, Revision, Row, Usage } from "#kit/storage.ts";
import { Ledger } from "./sqlite-ledger.ts";
import { prepared, type Statements } from "./sqlite-statements.ts";
import type { Answer, Call, ChangesAnswer, ListPart, Retention } from "./sqlite-wire.ts";

/** Rows that one step of forgetting removes: commits wait no longer than that takes. */
const FORGET_STEP = 500;
/** Free bytes that are kept to be written again. */
const SHRINK_FROM = 16_000_000;

type CommitCall = Extract<Call, { call: "commit" }>;
type ChangesCall = Extract<Call, { call: "changes" }>;

/**
 * The store's meaning in SQL, over one open database that nobody else writes. Whatever it throws leaves its counters
 * ahead of the file: then give up both, and open anew.
 */
export class Engine {
  readonly #sql: Statements<typeof STATEMENTS>;
  readonly #retention: Retention;
  readonly #ledger: Ledger;
  #revision: Revision;
  #expired: Revision;
  /** Of moments before it no list can be told, even where their changes are kept. */
  readonly #listable: Revision;

  constructor(db: DatabaseSync, retention: Retention, keys?: LogKeys) {
    this.#sql = prepared(db, STATEMENTS);
    this.#ledger = new Ledger(db, keys);
    this.#retention = retention;
    const state = this.#sql.state.get() ?? {};
    this.#revision = Number(state["revision"]);
    this.#expired = Number(state["expired"]);
    this.#listable = Number(state["listable"]);
  }

  /**
   * Carries out the calls in their order, each seeing those before it, in one transaction. When this returns, all
   * they wrote is on disk; no answer may leave before.
   */
  answer(calls: readonly Call[]): Answer[] {
    if (!calls.some(({ call }) => call === "commit")) return calls.map((call) => this.#one(call));
    const before = this.#revision;
    this.#sql.begin.run();
    const answers = calls.map((call) => this.#one(call));
    if (this.#revision !== before) this.#sql.setRevision.run(this.#revision);
    this.#ledger.save();
    this.#sql.commit.run();
    return answers;
  }

  /**
   * Removes some of the changes that need not be kept any longer, and where a good part of the file is free, gives some
   * of that back to the file system. Tells whether there may be more.
   */
  forget(): boolean {
    const { revisions, milliseconds } = this.#retention;
    const found = this.#sql.forgettable.get(
      this.#revision - revisions,
      FORGET_STEP,
      Date.now() - milliseconds,
    );
    const upTo = found?.["up_to"];
    if (typeof upTo !== "number") return this.#shrink();
    this.#sql.begin.run();
    this.#sql.setExpired.run(upTo);
    this.#sql.forget.run(upTo);
    this.#sql.commit.run();
    this.#expired = upTo;
    return true;
  }

  /** A file of a version before has no way to shrink: what is free in it is written again. */
  #shrink(): boolean {
    const { bytes, free } = this.#usage();
    if (free < Math.max(SHRINK_FROM, bytes / 4)) return false;
    this.#sql.shrink.all();
    return this.#usage().free < free;
  }

  #one(call: Call): Answer {
    switch (call.call) {
      case "get":
        return this.#get(call.key);
      case "list":
        return this.#list(call.prefix);
      case "listPart":
        return this.#listPart(call);
      case "commit":
        return this.#commit(call);
      case "changes":
        return this.#changes(call);
      case "lines":
        return this.#ledger.lines(call.from, call.limit);
      case "firstLineAfter":
        return this.#ledger.firstLineAfter(call.revision);
      case "payload":
        return this.#ledger.payload(call.index);
      case "tile":
        return this.#ledger.tile(call.level, call.index);
      case "head":
        return this.#ledger.head();
      case "usage":
        return this.#usage();
      case "revision":
        return this.#revision;
    }
  }

  #get(key: string): Row | undefined {
    const row = this.#sql.get.get(key);
    return row && toRow(row);
  }

  #list(prefix: string): Page {
    const rows = this.#sql.list.all(prefix, beyond(prefix)).map(toRow);
    return { rows, revision: this.#revision, remaining: 0 };
  }

  #listPart({ prefix, at = this.#revision, after, limit }: ListPart): ListOutcome {
    if (at < this.#expired || at < this.#listable || at > this.#revision) return { outcome: "expired" };
    const end = beyond(prefix);
    // -1 is SQLite's "no limit". Both parts are by key, so the page is among the first rows of each.
    const most = limit ?? -1;
    const kept = this.#sql.keptSince.all(at, prefix, after, end, most).map(toRow);
    const replaced = at === this.#revision ? [] : this.#sql.replacedSince.all(at, prefix, after, end, most);
    const rows = [...kept, ...replaced.map(toRow)].sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit);
    const last = rows.at(-1);
    const isCut = last !== undefined && rows.length === limit;
    return { outcome: "ok", rows, revision: at, remaining: isCut ? this.#countAt(at, last.key, end) : 0 };
  }

  /** How many rows there were then with keys between the two. */
  #countAt(at: Revision, after: string, end: string): number {
    const now = Number(this.#sql.count.get(after, end)?.["count"]);
    if (at === this.#revision) return now;
    const grown = this.#sql.grownSince.get(at, after, end)?.["count"];
    return now - Number(grown ?? 0);
  }

  #commit({ puts, deletes, lines, erase }: CommitCall): CommitResult {
    // Everything is judged before anything is written: a conflict leaves nothing to undo.
    const previous: Previous[] = [];
    for (const { key, expect } of [...puts, ...deletes]) {
      const row = this.#sql.get.get(key);
      if (expect !== undefined && expect !== (row?.["revision"] ?? 0)) return { outcome: "conflict", key };
      previous.push(
        row === undefined ? NOTHING : { value: String(row["value"]), revision: Number(row["revision"]) },
      );
    }
    this.#revision += 1;
    const revision = this.#revision;
    const index = this.#ledger.next;
    const now = Date.now();
    for (const [at, { key, value }] of puts.entries()) {
      this.#sql.put.run(key, value, revision);
      const old = previous[at] ?? NOTHING;
      this.#sql.addChange.run(revision, now, key, value, old.value, old.revision);
    }
    for (const [at, { key }] of deletes.entries()) {
      const old = previous[puts.length + at] ?? NOTHING;
      if (old.value === null) continue;
      this.#sql.delete.run(key);
      this.#sql.addChange.run(revision, now, key, null, old.value, old.revision);
    }
    this.#ledger.erase(erase);
    this.#ledger.append(lines, revision);
    return { outcome: "committed", revision, index };
  }

  #changes({ prefix, since, limit }: ChangesCall): ChangesAnswer {
    if (since < this.#expired || since > this.#revision) return { outcome: "expired" };
    const found = this.#sql.changes.all(since, prefix, beyond(prefix), limit + 1).map(toChange);
    const cut = found[limit]?.revision;
    if (cut === undefined) return { outcome: "ok", changes: found, revision: this.#revision };
    // Half a revision could not be resumed: leave out the one that does not fit, or give all of it if it is the first.
    const whole = found.filter(({ revision }) => revision < cut);
    const last = whole.at(-1);
    if (last !== undefined) return { outcome: "ok", changes: whole, revision: last.revision };
    const all = this.#sql.changesOf.all(cut, prefix, beyond(prefix)).map(toChange);
    return { outcome: "ok", changes: all, revision: cut };
  }

  #usage(): Usage {
    const page = Number(this.#sql.pageSize.get()?.["page_size"]);
    const pages = Number(this.#sql.pages.get()?.["page_count"]);
    return { bytes: pages * page, free: Number(this.#sql.freePages.get()?.["freelist_count"]) * page };
  }
}

/** What a change replaces. */
interface Previous {
  value: string | null;
  revision: Revision | null;
}

const NOTHING: Previous = { value: null, revision: null };

/** The least text above every key with this prefix: "~" is above all letters that keys are made of. */
function beyond(prefix: string): string {
  return `${prefix}~`;
}

function toRow(row: Record<string, SQLOutputValue>): Row {
  return { key: String(row["key"]), value: String(row["value"]), revision: Number(row["revision"]) };
}

function toChange(row: Record<string, SQLOutputValue>): Change {
  const key = String(row["key"]);
  const revision = Number(row["revision"]);
  const previous = row["previous"] === null ? null : String(row["previous"]);
  if (row["value"] === null) return { type: "delete", key, revision, previous: previous ?? "" };
  return { type: "put", key, value: String(row["value"]), revision, previous };
}

/** By what they do. */
export const STATEMENTS = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  state: "SELECT revision, expired, listable FROM state",
  setRevision: "UPDATE state SET revision = ?",
  setExpired: "UPDATE state SET expired = ?",
  get: "SELECT key, value, revision FROM objects WHERE key = ?",
  list: "SELECT key, value, revision FROM objects WHERE key >= ? AND key < ? ORDER BY key",
  // Of the list as it was at ?1: the rows that are as they were, and what the first change after it replaced.
  keptSince: `SELECT key, value, revision FROM objects
              WHERE revision <= ?1 AND key >= ?2 AND key > ?3 AND key < ?4 ORDER BY key LIMIT ?5`,
  replacedSince: `SELECT key, previous AS value, previous_revision AS revision
                  FROM changes AS this INDEXED BY changes_by_key
                  WHERE revision > ?1 AND key >= ?2 AND key > ?3 AND key < ?4 AND previous IS NOT NULL
                    AND NOT EXISTS (SELECT 1 FROM changes AS earlier INDEXED BY changes_by_key
                      WHERE earlier.key = this.key AND earlier.revision > ?1 AND earlier.revision < this.revision)
                  ORDER BY key LIMIT ?5`,
  count: "SELECT count(*) AS count FROM objects WHERE key > ? AND key < ?",
  grownSince: `SELECT sum(previous IS NULL) - sum(value IS NULL) AS count
               FROM changes INDEXED BY changes_by_revision WHERE revision > ? AND key > ? AND key < ?`,
  put: `INSERT INTO objects (key, value, revision) VALUES (?, ?, ?)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision`,
  delete: "DELETE FROM objects WHERE key = ?",
  addChange: `INSERT INTO changes (revision, at, key, value, previous, previous_revision)
              VALUES (?, ?, ?, ?, ?, ?)`,
  changes: `SELECT revision, key, value, previous FROM changes INDEXED BY changes_by_revision
            WHERE revision > ? AND key >= ? AND key < ? ORDER BY revision, number LIMIT ?`,
  changesOf: `SELECT revision, key, value, previous FROM changes INDEXED BY changes_by_revision
              WHERE revision = ? AND key >= ? AND key < ? ORDER BY number`,
  forgettable: `SELECT max(revision) AS up_to FROM
                (SELECT revision, at FROM changes WHERE revision <= ? ORDER BY revision, number LIMIT ?)
                WHERE at <= ?`,
  forget: "DELETE FROM changes WHERE revision <= ?",
  pageSize: "PRAGMA page_size",
  pages: "PRAGMA page_count",
  freePages: "PRAGMA freelist_count",
  shrink: "PRAGMA incremental_vacuum(500)",
} as const;
