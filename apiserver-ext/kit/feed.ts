/**
 * The changes under a prefix of a store, read and decoded once for everybody who follows them. While somebody does,
 * the newest changes are at hand; who is further behind reads the store until it has caught up.
 */
import type { Decode, FeedEvent } from "./feed-event.ts";
import { type FeedOptions, Tail } from "./feed-tail.ts";
import { tooLarge } from "./resource-version.ts";
import type { Revision, Store } from "./storage.ts";

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
