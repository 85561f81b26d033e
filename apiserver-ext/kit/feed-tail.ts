import { type Decode, FeedEvent } from "./feed-event.ts";
import { expiredWatch } from "./resource-version.ts";
import { Sleepers } from "./sleepers.ts";
import type { Revision, Store } from "./storage.ts";

export interface FeedOptions {
  /** How many changes are at hand (default 2000) … */
  most?: number;
  /** … and how long their values may be together, in UTF-16 units (default 16 Mi). */
  largest?: number;
  /** How many are handed out at once (default 500), but for a single revision that has more. */
  batch?: number;
}

/** The newest changes, from when it was made until it is stopped or the store fails. */
export class Tail<T> {
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
