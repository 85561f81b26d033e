/**
 * The storage port: keyed JSON rows under one growing revision, plus an append-only ledger whose lines are
 * durable with the very commit that made them. Drivers (`store/`) share no code but one conformance suite
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
  lines?: readonly string[];
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
  revision(): Promise<Revision>;
  /** Calls back after each commit, with its revision. Returns the way to stop. No order or data is promised. */
  onCommit(listener: (revision: Revision) => void): () => void;
  close(): Promise<void>;
}
