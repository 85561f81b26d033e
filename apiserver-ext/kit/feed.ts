/**
 * The changes under a prefix of a store, read and decoded once for everybody who follows them. While somebody does,
 * the newest changes are at hand; who is further behind reads the store until it has caught up.
 */
import { expiredWatch, tooLarge } from "./resource-version.ts";
import { Sleepers } from "./sleepers.ts";
import type { Change, Revision, Store } from "./storage.ts";

/** Makes an object of a row's value; its version shall be that revision. */
export type Decode<T> = (value: string, revision: Revision) => T;

export interface FeedOptions {
  /** How many changes are at hand (default 2000) … */
  most?: number;
  /** … and how long their values may be together, in UTF-16 units (default 16 Mi). */
  largest?: number;
  /** How many are handed out at once (default 500), but for a single revision that has more. */
  batch?: number;
}

/** One change of one row. Its objects are decoded when first asked for, and shared: nobody changes them. */
export class FeedEvent<T> {
  readonly key: string;
  readonly revision: Revision;
  /** Whether the row was there before. */
  readonly existed: boolean;
  /** How long its values are. */
  readonly size: number;
  readonly #before: () => T | undefined;
  readonly #after: () => T | undefined;

  constructor(change: Change, decode: Decode<T>) {
    const { key, revision, previous } = change;
    const value = change.type === "put" ? change.value : null;
    this.key = key;
    this.revision = revision;
    this.existed = previous !== null;
    this.size = (value?.length ?? 0) + (previous?.length ?? 0);
    this.#before = once(previous, (text) => decode(text, revision));
    this.#after = once(value, (text) => decode(text, revision));
  }

  /** The state before, under the version of the change: that is what watchers are told. */
  get before(): T | undefined {
    return this.#before();
  }

  /** The state since; undefined: it is gone. */
  get after(): T | undefined {
    return this.#after();
  }
}

function once<T>(text: string | null, decode: (text: string) => T): () => T | undefined {
  let pending = text;
  let result: T | undefined;
  return () => {
    if (pending !== null) result = decode(pending);
    pending = null;
    return result;
  };
}

/** One reader's place in the changes. */
export interface Cursor<T> {
  /** Everything up to here has been handed out. */
  readonly revision: Revision;
  /**
   * What comes next, in order: at once where the store has gone on, else what comes within the milliseconds. There may
   * be nothing in it that is of the prefix. Rejects with StatusError Expired where the store has forgotten it, or with
   * what the store rejects with.
   */
  next(within: number, signal: AbortSignal): Promise<readonly FeedEvent<T>[]>;
  /** Has to be called at the end: the feed runs as long as somebody reads it. */
  close(): void;
}

export class Feed<T> {
  readonly #start: () => Tail<T>;
  #tail: Tail<T> | undefined;
  #readers = 0;

  constructor(store: Store, prefix: string, decode: Decode<T>, options: FeedOptions = {}) {
    this.#start = () => new Tail(store, prefix, decode, options);
  }

  /**
   * A cursor after that revision; undefined: after the newest.
   * @throws {StatusError} Timeout, ResourceVersionTooLarge for a revision that the store has not reached.
   */
  async open(since: Revision | undefined): Promise<Cursor<T>> {
    if (this.#tail === undefined || this.#tail.failed) {
      this.#tail = this.#start();
      this.#readers = 0;
    }
    const tail = this.#tail;
    this.#readers += 1;
    let open = true;
    const close = () => {
      if (!open) return;
      open = false;
      if (this.#tail !== tail || --this.#readers > 0) return;
      tail.stop();
      this.#tail = undefined;
    };
    try {
      const newest = await tail.newest();
      if (since !== undefined && since > newest) throw tooLarge(since, newest);
      return new Place(tail, since ?? newest, close);
    } catch (error) {
      close();
      throw error;
    }
  }
}

class Place<T> implements Cursor<T> {
  readonly #tail: Tail<T>;
  readonly close: () => void;
  revision: Revision;

  constructor(tail: Tail<T>, revision: Revision, close: () => void) {
    this.#tail = tail;
    this.revision = revision;
    this.close = close;
  }

  async next(within: number, signal: AbortSignal): Promise<readonly FeedEvent<T>[]> {
    const { revision } = this;
    const events = await this.#take();
    if (this.revision > revision) return events;
    await this.#tail.beyond(this.revision, within, signal);
    return this.#take();
  }

  async #take(): Promise<readonly FeedEvent<T>[]> {
    const { events, revision } = await this.#tail.after(this.revision);
    this.revision = revision;
    return events;
  }
}

/** The newest changes, from when it was made until it is stopped or the store fails. */
class Tail<T> {
  readonly #store: Store;
  readonly #prefix: string;
  readonly #decode: Decode<T>;
  readonly #most: number;
  readonly #largest: number;
  readonly #batch: number;
  readonly #stopTelling: () => void;
  readonly #began: Promise<void>;
  readonly #sleepers = new Sleepers();
  /** All changes after `floor` up to `head`, in order. */
  #ring: FeedEvent<T>[] = [];
  #size = 0;
  #floor: Revision = 0;
  #head: Revision = 0;
  /** The newest commit that was told of. */
  #told: Revision = 0;
  #isReading = false;
  #failure: { cause: unknown } | undefined;

  constructor(store: Store, prefix: string, decode: Decode<T>, options: FeedOptions) {
    const { most = 2000, largest = 2 ** 24, batch = 500 } = options;
    this.#store = store;
    this.#prefix = prefix;
    this.#decode = decode;
    this.#most = most;
    this.#largest = largest;
    this.#batch = batch;
    // First the ear, then the revision to begin with: no commit is between the two.
    this.#stopTelling = store.onCommit((revision) => {
      this.#told = Math.max(this.#told, revision);
      if (this.#head > 0) void this.#read();
    });
    this.#began = this.#begin();
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  stop(): void {
    this.#stopTelling();
  }

  /** The revision of the store, at least as it was when this was called. */
  async newest(): Promise<Revision> {
    await this.#began;
    this.#mustBeWell();
    return this.#store.revision();
  }

  /** What comes after a revision, as far as one batch goes, and how far that is. */
  async after(since: Revision): Promise<{ events: readonly FeedEvent<T>[]; revision: Revision }> {
    this.#mustBeWell();
    if (since < this.#floor) return this.#fromStore(since);
    const from = firstAfter(this.#ring, since);
    let to = Math.min(from + this.#batch, this.#ring.length);
    // A reader remembers a revision, so none may be cut in two.
    while (to < this.#ring.length && this.#ring[to]?.revision === this.#ring[to - 1]?.revision) to += 1;
    const events = this.#ring.slice(from, to);
    const reached = to < this.#ring.length ? (events.at(-1)?.revision ?? since) : this.#head;
    return { events, revision: Math.max(since, reached) };
  }

  /** Resolves when there is more than up to the revision, the time is over, the signal aborts, or the store fails. */
  async beyond(revision: Revision, within: number, signal: AbortSignal): Promise<void> {
    if (this.#head <= revision && !this.failed) await this.#sleepers.sleep(within, signal);
  }

  async #begin(): Promise<void> {
    try {
      this.#floor = await this.#store.revision();
      this.#head = this.#floor;
      void this.#read();
    } catch (cause) {
      this.#fail(cause);
    }
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#head < this.#told) await this.#step();
    } catch (cause) {
      this.#fail(cause);
    }
    this.#isReading = false;
  }

  async #step(): Promise<void> {
    const page = await this.#store.changes(this.#prefix, this.#head, this.#batch);
    if (page.outcome === "ok") {
      for (const change of page.changes) this.#keep(new FeedEvent(change, this.#decode));
      this.#head = page.revision;
    } else {
      // So far behind that the store has forgotten: begin anew. Readers find out when they ask it themselves.
      this.#head = await this.#store.revision();
      this.#floor = this.#head;
      this.#ring = [];
      this.#size = 0;
    }
    this.#drop();
    this.#sleepers.wake();
  }

  #keep(event: FeedEvent<T>): void {
    this.#ring.push(event);
    this.#size += event.size;
  }

  /** Whole revisions from the old end, until what is at hand is within its bounds. */
  #drop(): void {
    let gone = 0;
    while (this.#ring.length - gone > this.#most || this.#size > this.#largest) {
      const revision = this.#ring[gone]?.revision ?? this.#head;
      for (; this.#ring[gone]?.revision === revision; gone += 1) this.#size -= this.#ring[gone]?.size ?? 0;
      this.#floor = revision;
    }
    this.#ring.splice(0, gone);
  }

  async #fromStore(since: Revision): Promise<{ events: readonly FeedEvent<T>[]; revision: Revision }> {
    const page = await this.#store.changes(this.#prefix, since, this.#batch);
    if (page.outcome === "expired") throw expiredWatch(since, this.#floor);
    return {
      events: page.changes.map((change) => new FeedEvent(change, this.#decode)),
      revision: page.revision,
    };
  }

  #fail(cause: unknown): void {
    this.#failure = { cause };
    this.#stopTelling();
    this.#sleepers.wake();
  }

  #mustBeWell(): void {
    if (this.#failure !== undefined) throw this.#failure.cause;
  }
}

/** The index of the first event after the revision. */
function firstAfter(ring: readonly FeedEvent<unknown>[], since: Revision): number {
  let [low, high] = [0, ring.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ring[middle]?.revision ?? 0) <= since) low = middle + 1;
    else high = middle;
  }
  return low;
}
