import type { LogKeys } from "#core/log/appender.ts";
import {
  type Append,
  type Batch,
  type CommitResult,
  type Delete,
  type Head,
  type Line,
  type ListOptions,
  type ListOutcome,
  MAX_LINE_BYTES,
  type Page,
  type Payload,
  type Put,
  type Revision,
  type Row,
  type Span,
  type Store,
  type Usage,
} from "#kit/storage.ts";
import { KnownRows } from "./known-rows.ts";
import { Link } from "./sqlite-link.ts";
import type { ChangesAnswer, Retention } from "./sqlite-wire.ts";

export interface SqliteOptions {
  /** Who signs the ledger. Left out: nobody. */
  keys?: LogKeys;
  /** How long changes are kept. Default: the newest 10 000 revisions, and everything of the last hour. */
  retention?: Partial<Retention>;
  /** The file may not grow beyond this many pages of 4 KiB; a commit that needs more loses the store. */
  maxPages?: number;
  /** How many milliseconds to wait for another process that has the file to give it back. Default: not at all. */
  patience?: number;
  /** Called once when the store is lost: from then on every call rejects with this cause. */
  onLost?: (cause: Error) => void;
}

const RETENTION: Retention = { revisions: 10_000, milliseconds: 3_600_000, everyMilliseconds: 30_000 };
const KEY = /^[A-Za-z0-9._:-]+(?:\/[A-Za-z0-9._:-]+)+$/;
const PREFIX = /^(?:[A-Za-z0-9._:-]+\/)*[A-Za-z0-9._:-]*$/;

/**
 * Opens (or creates) the store in a SQLite file, for this process alone. Rejects with what an operator has to know:
 * in use by another process, damaged, not a store, not accessible.
 *
 * When the disk fails a commit the store is lost: whether that commit is there is not known, and all that follows is
 * refused until the file is opened anew, which finds out. Nothing goes on from a state that is half known.
 */
export async function sqliteStore(file: string, options: SqliteOptions = {}): Promise<SqliteStore> {
  const link = new Link(
    {
      file,
      keys: options.keys,
      retention: { ...RETENTION, ...options.retention },
      maxPages: options.maxPages ?? null,
      patience: options.patience ?? 0,
    },
    options.onLost ?? (() => {}),
  );
  await link.opened;
  return new Linked(link, await link.ask({ call: "revision" }));
}

export interface SqliteStore extends Store {
  /**
   * Makes a consistent copy while commits go on: it has all that was answered before, and can be opened, verified and
   * restored as a store. Whole or not at all. Whoever has it has the key of all digests.
   */
  backup(file: string): Promise<void>;
}

class Linked implements SqliteStore {
  readonly #link: Link;
  readonly #listeners = new Set<{ call: (revision: Revision) => void }>();
  /** Of the latest commit that was answered, and of the latest of those that may have changed a row. */
  #revision: Revision;
  #changed: Revision;
  readonly #rows = new KnownRows();

  constructor(link: Link, revision: Revision) {
    this.#link = link;
    this.#revision = revision;
    this.#changed = revision;
  }

  async get(key: string): Promise<Row | undefined> {
    checkPath(KEY, key);
    const known = this.#link.refuses ? undefined : this.#rows.get(key);
    if (known !== undefined) return known;
    const { writes } = this.#rows;
    const row = await this.#link.ask({ call: "get", key });
    this.#rows.keep(row, writes);
    return row;
  }

  async list(prefix: string): Promise<Page> {
    checkPath(PREFIX, prefix);
    return this.#link.ask({ call: "list", prefix });
  }

  async listPart(prefix: string, { at, after = "", limit }: ListOptions): Promise<ListOutcome> {
    checkPath(PREFIX, prefix);
    if (at !== undefined) checkNumber("at", at, 0);
    if (limit !== undefined) checkNumber("limit", limit, 1);
    return this.#link.ask({ call: "listPart", prefix, at, after: text(after), limit });
  }

  async commit(batch: Batch): Promise<CommitResult> {
    const call = { call: "commit" as const, ...checked(batch) };
    const isOfRows = call.puts.length + call.deletes.length > 0;
    if (isOfRows) this.#rows.forget([...call.puts, ...call.deletes]);
    const result = await this.#link.ask(call);
    if (result.outcome === "committed") {
      this.#revision = Math.max(this.#revision, result.revision);
      if (isOfRows) this.#changed = Math.max(this.#changed, result.revision);
      this.#tell(result.revision);
    }
    return result;
  }

  async changes(prefix: string, since: Revision, limit = 500): Promise<ChangesAnswer> {
    checkPath(PREFIX, prefix);
    checkNumber("since", since, 0);
    checkNumber("limit", limit, 1);
    // Most commits are records alone, and whoever follows rows asks after each.
    if (since >= this.#changed && since <= this.#revision && !this.#link.refuses)
      return { outcome: "ok", changes: [], revision: this.#revision };
    return this.#link.ask({ call: "changes", prefix, since, limit });
  }

  async lines(from: number, limit = 500): Promise<Line[]> {
    checkNumber("from", from, 0);
    checkNumber("limit", limit, 1);
    return this.#link.ask({ call: "lines", from, limit });
  }

  async firstLineAfter(revision: Revision): Promise<number> {
    checkNumber("revision", revision, 0);
    return this.#link.ask({ call: "firstLineAfter", revision });
  }

  async payload(index: number): Promise<Payload> {
    checkNumber("index", index, 0);
    return this.#link.ask({ call: "payload", index });
  }

  async tile(level: number, index: number): Promise<Uint8Array | undefined> {
    checkNumber("level", level, 0);
    checkNumber("index", index, 0);
    return this.#link.ask({ call: "tile", level, index });
  }

  async head(): Promise<Head> {
    return this.#link.ask({ call: "head" });
  }

  async usage(): Promise<Usage> {
    return this.#link.ask({ call: "usage" });
  }

  async revision(): Promise<Revision> {
    return this.#link.ask({ call: "revision" });
  }

  onCommit(listener: (revision: Revision) => void): () => void {
    const entry = { call: listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  backup(file: string): Promise<void> {
    return this.#link.backup(file);
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  #tell(revision: Revision): void {
    for (const listener of this.#listeners) {
      // What a listener throws must not look like a failed commit.
      queueMicrotask(() => this.#listeners.has(listener) && listener.call(revision));
    }
  }
}

/** The batch as it is now (the caller may change its arrays later), or a TypeError: the thread can trust it. */
function checked(batch: Batch): { puts: Put[]; deletes: Delete[]; lines: Append[]; erase: Span[] } {
  const puts = (batch.puts ?? []).map(({ key, value, expect }) => ({
    key,
    value: text(value),
    ...expected(expect),
  }));
  const deletes = (batch.deletes ?? []).map(({ key, expect }) => ({ key, ...expected(expect) }));
  const keys = new Set<string>();
  for (const { key } of [...puts, ...deletes]) {
    checkPath(KEY, key);
    if (keys.has(key))
      throw new TypeError(`one batch, one change of a key: ${JSON.stringify(key)} stands in it twice`);
    keys.add(key);
  }
  const erase = (batch.erase ?? []).map(({ from, to }) => {
    checkNumber("from", from, 0);
    checkNumber("to", to, from);
    return { from, to };
  });
  return { puts, deletes, lines: (batch.lines ?? []).map(append), erase };
}

function append(given: Append): Append {
  if (typeof given === "string") return line(given);
  if (!(given.payload instanceof Uint8Array)) throw new TypeError("a payload is bytes");
  // A view of a larger buffer would travel to the thread with all of that.
  return { line: line(given.line), payload: new Uint8Array(given.payload) };
}

function line(given: string): string {
  if (Buffer.byteLength(text(given)) > MAX_LINE_BYTES)
    throw new TypeError(`a line of the ledger has at most ${MAX_LINE_BYTES} bytes; the rest is its payload`);
  return given;
}

function expected(revision: Revision | undefined): { expect?: Revision } {
  if (revision === undefined) return {};
  checkNumber("expect", revision, 0);
  return { expect: revision };
}

function text(value: string): string {
  // A lone surrogate would be stored as another character, and a digest over the text would no longer fit.
  if (typeof value !== "string" || !value.isWellFormed())
    throw new TypeError("not a text that UTF-8 can hold");
  return value;
}

function checkPath(pattern: RegExp, path: string): void {
  if (typeof path !== "string" || !pattern.test(path)) {
    throw new TypeError(`not a key of [A-Za-z0-9._:-] between slashes: ${JSON.stringify(path)}`);
  }
}

function checkNumber(what: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new TypeError(`${what} must be a whole number of at least ${least}, not ${value}`);
  }
}
