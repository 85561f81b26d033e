import { Appender, type LogKeys } from "#core/log/appender.ts";
import {
  type Append,
  type Batch,
  type Change,
  type CommitResult,
  type Head,
  type Line,
  type ListOptions,
  type ListOutcome,
  MAX_LINE_BYTES,
  type Page,
  type Payload,
  type Revision,
  type Row,
  type Span,
  type Store,
  type Usage,
} from "#kit/storage.ts";

export interface MemoryOptions {
  /** A change may be forgotten once it is older than this many revisions (default 10 000) … */
  keepRevisions?: number;
  /** … and than this (default one hour). */
  keepMilliseconds?: number;
  /** Who signs the ledger. Left out: nobody. */
  keys?: LogKeys;
}

/** A store that lives and dies with this process. It cannot be lost: only wrong arguments reject. */
export function memoryStore(options: MemoryOptions = {}): Store {
  return new MemoryStore(options);
}

interface Kept {
  change: Change;
  /** The revision of the previous value; 0 where there was none. */
  before: Revision;
  /** Milliseconds since the epoch. */
  at: number;
}

class MemoryStore implements Store {
  readonly #keepRevisions: number;
  readonly #keepMilliseconds: number;
  readonly #rows = new Map<string, Row>();
  readonly #lines: Line[] = [];
  readonly #payloads = new Map<number, Uint8Array | "erased">();
  /** The full tiles of the ledger, by level and index. */
  readonly #tiles = new Map<string, Buffer>();
  readonly #log: Appender;
  readonly #listeners = new Set<{ call: (revision: Revision) => void }>();
  #changes: Kept[] = [];
  #revision: Revision = 1;
  #expired: Revision = 0;
  #closed = false;

  constructor({ keepRevisions = 10_000, keepMilliseconds = 3_600_000, keys }: MemoryOptions) {
    this.#keepRevisions = keepRevisions;
    this.#keepMilliseconds = keepMilliseconds;
    this.#log = new Appender(keys);
  }

  async get(key: string): Promise<Row | undefined> {
    this.#mustBeOpen();
    mustBeKey(key);
    const row = this.#rows.get(key);
    return row && { ...row };
  }

  async list(prefix: string): Promise<Page> {
    this.#mustBeOpen();
    mustBePrefix(prefix);
    return { rows: sorted(this.#rows.values(), prefix), revision: this.#revision, remaining: 0 };
  }

  async listPart(prefix: string, { at, after = "", limit }: ListOptions): Promise<ListOutcome> {
    this.#mustBeOpen();
    mustBePrefix(prefix);
    mustBeText(after);
    if (at !== undefined) mustBeWhole("at", at, 0);
    if (limit !== undefined) mustBeWhole("limit", limit, 1);
    const revision = at ?? this.#revision;
    if (revision < this.#expired || revision > this.#revision) return { outcome: "expired" };
    const rows = sorted(this.#rowsAt(revision), prefix).filter(({ key }) => key > after);
    const page = rows.slice(0, limit);
    return { outcome: "ok", rows: page, revision, remaining: rows.length - page.length };
  }

  async commit(batch: Batch): Promise<CommitResult> {
    this.#mustBeOpen();
    mustBeBatch(batch);
    const { puts = [], deletes = [], lines = [], erase = [] } = batch;
    for (const { key, expect } of [...puts, ...deletes]) {
      if (expect !== undefined && expect !== (this.#rows.get(key)?.revision ?? 0)) {
        return { outcome: "conflict", key };
      }
    }
    this.#revision += 1;
    const revision = this.#revision;
    const index = this.#lines.length;
    for (const { key, value } of puts) this.#put(key, value, revision);
    for (const { key } of deletes) this.#delete(key, revision);
    for (const span of erase) this.#erase(span);
    this.#append(lines, revision);
    this.#forget();
    for (const listener of this.#listeners) {
      // What a listener throws must not look like a failed commit.
      queueMicrotask(() => this.#listeners.has(listener) && listener.call(revision));
    }
    return { outcome: "committed", revision, index };
  }

  async changes(prefix: string, since: Revision, limit = 500): ReturnType<Store["changes"]> {
    this.#mustBeOpen();
    mustBePrefix(prefix);
    mustBeWhole("since", since, 0);
    mustBeWhole("limit", limit, 1);
    if (since < this.#expired || since > this.#revision) return { outcome: "expired" };
    const first = this.#changes.findLastIndex(({ change }) => change.revision <= since) + 1;
    const found = this.#changes.slice(first).flatMap(({ change }) => {
      return change.key.startsWith(prefix) ? [{ ...change }] : [];
    });
    const changes = wholeRevisions(found, limit);
    const last = changes.length < found.length ? changes.at(-1) : undefined;
    return { outcome: "ok", changes, revision: last?.revision ?? this.#revision };
  }

  async lines(from: number, limit = 500): Promise<Line[]> {
    this.#mustBeOpen();
    mustBeWhole("from", from, 0);
    mustBeWhole("limit", limit, 1);
    return this.#lines.slice(from, from + limit).map((line) => ({ ...line }));
  }

  async firstLineAfter(revision: Revision): Promise<number> {
    this.#mustBeOpen();
    mustBeWhole("revision", revision, 0);
    return this.#lines.findLastIndex((line) => line.revision <= revision) + 1;
  }

  async payload(index: number): Promise<Payload> {
    this.#mustBeOpen();
    mustBeWhole("index", index, 0);
    const payload = this.#payloads.get(index);
    return payload instanceof Uint8Array ? new Uint8Array(payload) : payload;
  }

  async tile(level: number, index: number): Promise<Uint8Array | undefined> {
    this.#mustBeOpen();
    mustBeWhole("level", level, 0);
    mustBeWhole("index", index, 0);
    const tile = this.#tiles.get(`${level}/${index}`) ?? this.#log.partial(level, index);
    return tile && new Uint8Array(tile);
  }

  async head(): Promise<Head> {
    this.#mustBeOpen();
    return { size: this.#log.tree.size, note: this.#log.note() };
  }

  async usage(): Promise<Usage> {
    this.#mustBeOpen();
    return { bytes: 0, free: 0 };
  }

  async revision(): Promise<Revision> {
    this.#mustBeOpen();
    return this.#revision;
  }

  onCommit(listener: (revision: Revision) => void): () => void {
    const entry = { call: listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** The rows there were then: for each key that has changed since, what its first change replaced. */
  #rowsAt(revision: Revision): Iterable<Row> {
    const rows = new Map(this.#rows);
    const since = this.#changes.filter(({ change }) => change.revision > revision);
    for (const { change, before } of since.reverse()) {
      const { key, previous } = change;
      if (previous === null) rows.delete(key);
      else rows.set(key, { key, value: previous, revision: before });
    }
    return rows.values();
  }

  #append(lines: readonly Append[], revision: Revision): void {
    const texts = lines.map((one) => (typeof one === "string" ? one : one.line));
    for (const [at, one] of lines.entries()) {
      const index = this.#lines.length;
      this.#lines.push({ index, revision, line: texts[at] ?? "" });
      if (typeof one !== "string") this.#payloads.set(index, new Uint8Array(one.payload));
    }
    const full = this.#log.append(texts.map((text) => Buffer.from(text)));
    for (const { tile, bytes } of full) this.#tiles.set(`${tile.level}/${tile.index}`, bytes);
  }

  #erase({ from, to }: Span): void {
    for (const index of this.#payloads.keys())
      if (index >= from && index < to) this.#payloads.set(index, "erased");
  }

  #put(key: string, value: string, revision: Revision): void {
    const old = this.#rows.get(key);
    this.#rows.set(key, { key, value, revision });
    const change: Change = { type: "put", key, value, revision, previous: old?.value ?? null };
    this.#changes.push({ change, before: old?.revision ?? 0, at: Date.now() });
  }

  #delete(key: string, revision: Revision): void {
    const row = this.#rows.get(key);
    if (row === undefined) return;
    this.#rows.delete(key);
    const change: Change = { type: "delete", key, revision, previous: row.value };
    this.#changes.push({ change, before: row.revision, at: Date.now() });
  }

  #forget(): void {
    const revision = this.#revision - this.#keepRevisions;
    const before = Date.now() - this.#keepMilliseconds;
    const kept = this.#changes.findIndex(({ change, at }) => change.revision > revision || at > before);
    const gone = kept === -1 ? this.#changes.length : kept;
    const last = this.#changes[gone - 1];
    if (last === undefined) return;
    this.#expired = last.change.revision;
    this.#changes = this.#changes.slice(gone);
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new Error("the store is closed");
  }
}

function sorted(rows: Iterable<Row>, prefix: string): Row[] {
  const found = [...rows].filter((row) => row.key.startsWith(prefix));
  // Keys are ASCII, so the order of UTF-16 units is the order of bytes.
  return found.sort((a, b) => (a.key < b.key ? -1 : 1)).map((row) => ({ ...row }));
}

/** As many whole revisions as the limit has room for, and at least one: half a revision could not be resumed. */
function wholeRevisions(changes: Change[], limit: number): Change[] {
  const beyond = changes[limit]?.revision;
  if (beyond === undefined) return changes;
  const start = changes.findIndex(({ revision }) => revision === beyond);
  return start > 0 ? changes.slice(0, start) : changes.filter(({ revision }) => revision === beyond);
}

function mustBeKey(key: string): void {
  if (typeof key !== "string" || !/^[A-Za-z0-9._:-]+(?:\/[A-Za-z0-9._:-]+)+$/.test(key)) {
    throw new TypeError(`not a key: ${JSON.stringify(key)}`);
  }
}

function mustBePrefix(prefix: string): void {
  if (typeof prefix !== "string" || !/^(?:[A-Za-z0-9._:-]+\/)*[A-Za-z0-9._:-]*$/.test(prefix)) {
    throw new TypeError(`not the beginning of a key: ${JSON.stringify(prefix)}`);
  }
}

function mustBeText(text: string): void {
  if (typeof text !== "string" || !text.isWellFormed()) throw new TypeError("not a text that UTF-8 can hold");
}

function mustBeWhole(what: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least)
    throw new TypeError(`${what} is no whole number: ${value}`);
}

function mustBeBatch({ puts = [], deletes = [], lines = [], erase = [] }: Batch): void {
  const keys = new Set<string>();
  for (const { key, expect } of [...puts, ...deletes]) {
    mustBeKey(key);
    if (expect !== undefined) mustBeWhole("expect", expect, 0);
    if (keys.has(key)) throw new TypeError(`twice in one batch: ${JSON.stringify(key)}`);
    keys.add(key);
  }
  for (const { value } of puts) mustBeText(value);
  for (const line of lines) mustBeAppend(line);
  for (const { from, to } of erase) {
    mustBeWhole("from", from, 0);
    mustBeWhole("to", to, from);
  }
}

function mustBeAppend(append: Append): void {
  const { line, payload } = typeof append === "string" ? { line: append, payload: undefined } : append;
  mustBeText(line);
  if (Buffer.byteLength(line) > MAX_LINE_BYTES)
    throw new TypeError(`a line of more than ${MAX_LINE_BYTES} bytes`);
  if (payload !== undefined && !(payload instanceof Uint8Array)) throw new TypeError("a payload is bytes");
}
