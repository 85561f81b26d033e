/**
 * The storage port: keyed JSON rows under one growing revision, plus an append-only ledger whose lines are
 * durable with the very commit that made them, and are the leaves of a Merkle log (`core/log`) whose tree is kept and
 * signed in that commit. Drivers (`store/`) share no code but that log's and one conformance suite
 * (`test/conformance/store`).
 *
 * A key is a path, `RESOURCE/…`: only [A-Za-z0-9._:-] between the slashes. A value is a JSON text; drivers
 * never look into it.
 */

/** A positive integer that grows with each commit: the `resourceVersion` of the API. Never given twice. */
export type Revision = number;

export interface Row {
  key: string;
  value: string;
  /** The commit that wrote this value. */
  revision: Revision;
}

export interface Put {
  key: string;
  value: string;
  /** The revision the row must have; 0: it must not exist. Left out: whatever it has. */
  expect?: Revision;
}

export interface Delete {
  key: string;
  expect?: Revision;
}

/** A key may stand in a batch once. Puts come before deletes; a delete of what is not there changes nothing. */
export interface Batch {
  puts?: readonly Put[];
  deletes?: readonly Delete[];
  /** Lines to append to the ledger, in this order. */
  lines?: readonly Append[];
  /** Payloads that are gone from this commit on; where lines have none, or are not there yet, nothing changes. */
  erase?: readonly Span[];
}

/**
 * A line of the ledger: at most MAX_LINE_BYTES of UTF-8. What is longer, or has to be erased some day, is its payload,
 * kept beside it; that the line says the payload's digest is up to whoever makes both.
 */
export type Append = string | { line: string; payload: Uint8Array };

/** What a leaf of a tlog-tiles log can hold. */
export const MAX_LINE_BYTES = 0xffff;

/** Lines from one index up to, and without, the other. */
export interface Span {
  from: number;
  to: number;
}

/** `erased`: there was one. Undefined: the line never had one, or there is no such line. */
export type Payload = Uint8Array | "erased" | undefined;

export interface Head {
  /** Lines. */
  size: number;
  /** The signed note (https://c2sp.org/tlog-checkpoint) over exactly these lines; undefined where nothing signs. */
  note: string | undefined;
}

export interface Usage {
  /** Bytes that the store takes up. */
  bytes: number;
  /** How many of them are free to be written again. */
  free: number;
}

export type CommitResult =
  /** Durable. `index` is the ledger index of the batch's first line (0-based; the next index if it had none). */
  | { outcome: "committed"; revision: Revision; index: number }
  /** Nothing of the batch was written: the row at `key` has another revision than expected. */
  | { outcome: "conflict"; key: string };

export type Change =
  | { type: "put"; key: string; value: string; revision: Revision; previous: string | null }
  | { type: "delete"; key: string; revision: Revision; previous: string };

export interface Page {
  rows: Row[];
  /** The revision this list is a snapshot of. */
  revision: Revision;
  /** How many rows of the snapshot follow; 0 where no limit cut it off. */
  remaining: number;
}

export interface ListOptions {
  /** The list as it was at this revision. Left out: now. */
  at?: Revision;
  /** Only keys after this one. */
  after?: string;
  /** At most this many rows. */
  limit?: number;
}

/** `expired`: what was then can no longer be told, or the revision is none of this store yet. */
export type ListOutcome = ({ outcome: "ok" } & Page) | { outcome: "expired" };

export interface Line {
  index: number;
  revision: Revision;
  line: string;
}

export interface Store {
  get(key: string): Promise<Row | undefined>;
  /** All rows whose key starts with the prefix, by key, with the revision they are a snapshot of. */
  list(prefix: string): Promise<Page>;
  /** A part of such a list, or the list of an earlier moment: values and revisions are those of then. */
  listPart(prefix: string, options: ListOptions): Promise<ListOutcome>;
  /** All or nothing, durable when it resolves. Rejects only when the store is lost (then nothing is known). */
  commit(batch: Batch): Promise<CommitResult>;
  /**
   * The changes after `since` of rows under the prefix, in order of revision, none left out, up to `limit`
   * (default 500; more only when a single commit made more: a revision is never cut in two). `expired`: `since` lies
   * before what is kept, or is no revision of this store yet; list anew. `revision` is how far it looked: go on from
   * there.
   */
  changes(
    prefix: string,
    since: Revision,
    limit?: number,
  ): Promise<{ outcome: "ok"; changes: Change[]; revision: Revision } | { outcome: "expired" }>;
  /** Ledger lines from index `from` on, at most `limit` (default 500), in order. */
  lines(from: number, limit?: number): Promise<Line[]>;
  /** The index of the first ledger line that was committed after this revision; the next index where there is none. */
  firstLineAfter(revision: Revision): Promise<number>;
  /** What lies beside the ledger line of that index. */
  payload(index: number): Promise<Payload>;
  /**
   * A tile of the ledger's Merkle log (https://c2sp.org/tlog-tiles): its hashes, concatenated, as many of the 256 as
   * there are by now; undefined where there are none. The tile of an earlier, smaller log is the beginning of it.
   */
  tile(level: number, index: number): Promise<Uint8Array | undefined>;
  /** The ledger as of the latest commit: durable, and signed. */
  head(): Promise<Head>;
  usage(): Promise<Usage>;
  revision(): Promise<Revision>;
  /** Calls back after each commit, with its revision. Returns the way to stop. No order or data is promised. */
  onCommit(listener: (revision: Revision) => void): () => void;
  close(): Promise<void>;
}
