import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { Change, CommitResult, Line, Page, Revision, Row } from "#kit/storage.ts";
import type { Answer, Call, ChangesAnswer, Retention } from "./sqlite-wire.ts";

/** Rows that one step of forgetting removes: commits wait no longer than that takes. */
const FORGET_STEP = 500;

type CommitCall = Extract<Call, { call: "commit" }>;
type ChangesCall = Extract<Call, { call: "changes" }>;

/**
 * The store's meaning in SQL, over one open database that nobody else writes. Whatever it throws leaves its counters
 * ahead of the file: then give up both, and open anew.
 */
export class Engine {
  readonly #sql: Statements;
  readonly #retention: Retention;
  #revision: Revision;
  #nextLine: number;
  #expired: Revision;

  constructor(db: DatabaseSync, retention: Retention) {
    this.#sql = prepare(db);
    this.#retention = retention;
    const state = this.#sql.state.get() ?? {};
    this.#revision = Number(state["revision"]);
    this.#nextLine = Number(state["next_line"]);
    this.#expired = Number(state["expired"]);
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
    if (this.#revision !== before) this.#sql.setState.run(this.#revision, this.#nextLine);
    this.#sql.commit.run();
    return answers;
  }

  /** Removes some of the changes that need not be kept any longer. Tells whether there may be more. */
  forget(): boolean {
    const { revisions, milliseconds } = this.#retention;
    const found = this.#sql.forgettable.get(
      this.#revision - revisions,
      FORGET_STEP,
      Date.now() - milliseconds,
    );
    const upTo = found?.["up_to"];
    if (typeof upTo !== "number") return false;
    this.#sql.begin.run();
    this.#sql.setExpired.run(upTo);
    this.#sql.forget.run(upTo);
    this.#sql.commit.run();
    this.#expired = upTo;
    return true;
  }

  #one(call: Call): Answer {
    switch (call.call) {
      case "get":
        return this.#get(call.key);
      case "list":
        return this.#list(call.prefix);
      case "commit":
        return this.#commit(call);
      case "changes":
        return this.#changes(call);
      case "lines":
        return this.#lines(call.from, call.limit);
      case "firstLineAfter":
        return this.#firstLineAfter(call.revision);
      case "revision":
        return this.#revision;
    }
  }

  #get(key: string): Row | undefined {
    const row = this.#sql.get.get(key);
    return row && toRow(row);
  }

  #list(prefix: string): Page {
    return { rows: this.#sql.list.all(prefix, beyond(prefix)).map(toRow), revision: this.#revision };
  }

  #commit({ puts, deletes, lines }: CommitCall): CommitResult {
    // Everything is judged before anything is written: a conflict leaves nothing to undo.
    const previous: (string | null)[] = [];
    for (const { key, expect } of [...puts, ...deletes]) {
      const row = this.#sql.get.get(key);
      if (expect !== undefined && expect !== (row?.["revision"] ?? 0)) return { outcome: "conflict", key };
      previous.push(row === undefined ? null : String(row["value"]));
    }
    this.#revision += 1;
    const revision = this.#revision;
    const index = this.#nextLine;
    const now = Date.now();
    for (const [at, { key, value }] of puts.entries()) {
      this.#sql.put.run(key, value, revision);
      this.#sql.addChange.run(revision, now, key, value, previous[at] ?? null);
    }
    for (const [at, { key }] of deletes.entries()) {
      const old = previous[puts.length + at] ?? null;
      if (old === null) continue;
      this.#sql.delete.run(key);
      this.#sql.addChange.run(revision, now, key, null, old);
    }
    for (const line of lines) {
      this.#sql.addLine.run(this.#nextLine, revision, line);
      this.#nextLine += 1;
    }
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

  #lines(from: number, limit: number): Line[] {
    return this.#sql.lines.all(from, limit).map((row) => ({
      index: Number(row["number"]),
      revision: Number(row["revision"]),
      line: String(row["line"]),
    }));
  }

  /** Revisions grow with the line numbers, so halving finds it without an index that each append would pay for. */
  #firstLineAfter(revision: number): number {
    let [low, high] = [0, this.#nextLine];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [line] = this.#lines(middle, 1);
      if (line !== undefined && line.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

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

const STATEMENTS = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  state: "SELECT revision, next_line, expired FROM state",
  setState: "UPDATE state SET revision = ?, next_line = ?",
  setExpired: "UPDATE state SET expired = ?",
  get: "SELECT key, value, revision FROM objects WHERE key = ?",
  list: "SELECT key, value, revision FROM objects WHERE key >= ? AND key < ? ORDER BY key",
  put: `INSERT INTO objects (key, value, revision) VALUES (?, ?, ?)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision`,
  delete: "DELETE FROM objects WHERE key = ?",
  addChange: "INSERT INTO changes (revision, at, key, value, previous) VALUES (?, ?, ?, ?, ?)",
  changes: `SELECT revision, key, value, previous FROM changes INDEXED BY changes_by_revision
            WHERE revision > ? AND key >= ? AND key < ? ORDER BY revision, number LIMIT ?`,
  changesOf: `SELECT revision, key, value, previous FROM changes INDEXED BY changes_by_revision
              WHERE revision = ? AND key >= ? AND key < ? ORDER BY number`,
  forgettable: `SELECT max(revision) AS up_to FROM
                (SELECT revision, at FROM changes WHERE revision <= ? ORDER BY revision, number LIMIT ?)
                WHERE at <= ?`,
  forget: "DELETE FROM changes WHERE revision <= ?",
  addLine: "INSERT INTO lines (number, revision, line) VALUES (?, ?, ?)",
  lines: "SELECT number, revision, line FROM lines WHERE number >= ? ORDER BY number LIMIT ?",
} as const;

type Statements = Record<keyof typeof STATEMENTS, StatementSync>;

function prepare(db: DatabaseSync): Statements {
  const entries = Object.entries(STATEMENTS).map(([name, sql]) => [name, db.prepare(sql)]);
  return Object.fromEntries(entries) as Statements;
}
