/**
 * The search index: a view beside the store, in a file and a thread of its own, that follows the ledger. Nothing waits
 * for it but searches, and whatever happens to it, it is made anew from the ledger.
 */
import type { Found, Query, Search, Window } from "#core/ledger/search.ts";
import type { Clock, Log } from "#core/ports.ts";
import type { Store } from "#kit/storage.ts";
import { Alarm } from "./alarm.ts";
import { entriesFrom, isOf } from "./reading.ts";
import { Lost, Thread } from "./thread.ts";

export interface SearchIndex extends Search {
  /** Entries that are in the ledger and not yet in the index. */
  behind(): Promise<number>;
  /** Resolves when the file is given back. */
  close(): Promise<void>;
}

export interface IndexPorts {
  store: Store;
  clock: Clock;
  log: Log;
}

export interface IndexOptions {
  /** `:memory:` for none. */
  file: string;
  /** Milliseconds that a search waits for entries that are not in the index yet. */
  patience?: number;
}

/** Starts it. It opens its file, and makes what it needs, in the background. */
export function searchIndex(ports: IndexPorts, { file, patience = PATIENCE }: IndexOptions): SearchIndex {
  return new Follower(ports, file, patience);
}

const PATIENCE = 5_000;
/** After a commit, milliseconds: a batch costs much, an entry in it little, and searches do not wait for this. */
const REST = 5_000;
/** Milliseconds after which a long way is told of again. */
const TELL_EVERY = 10_000;
/** So many entries are a long way. */
const LONG_WAY = 20_000;
/** Milliseconds until an index that cannot be used is tried again: at first, and at most. */
const RETRY = { first: 1_000, most: 60_000 };

class Follower implements SearchIndex {
  readonly #ports: IndexPorts;
  readonly #file: string;
  readonly #patience: number;
  readonly #closing = new AbortController();
  readonly #alarm = new Alarm();
  readonly #running: Promise<void>;
  /** Searches that wait for entries. */
  readonly #waiting = new Set<() => void>();
  #state: "opening" | "open" | "failed" = "opening";
  #thread: Thread | undefined;
  #next = 0;
  /** Whether what is in the file is known to be no good. */
  #anew = false;
  #retry = RETRY.first;

  constructor(ports: IndexPorts, file: string, patience: number) {
    this.#ports = ports;
    this.#file = file;
    this.#patience = patience;
    this.#running = this.#run();
  }

  async find(query: Query, window: Window): Promise<Found> {
    // Erasures are entries as well: nothing is found by what is gone.
    const of = (await this.#ports.store.head()).size;
    await this.#reach(of);
    const thread = this.#thread;
    if (this.#state === "failed" || this.#closing.signal.aborted) return { outcome: "unavailable" };
    if (thread === undefined || this.#next < of)
      return { outcome: "behind", entries: Math.min(this.#next, of), of };
    try {
      return { outcome: "found", indexes: await thread.ask({ call: "find", query, window }) };
    } catch (error) {
      if (error instanceof Lost) return { outcome: "unavailable" };
      throw error;
    }
  }

  async behind(): Promise<number> {
    return Math.max(0, (await this.#ports.store.head()).size - this.#next);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#alarm.ring();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { store, clock } = this.#ports;
    const stop = store.onCommit(() => this.#alarm.ringIn(REST));
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.#serve();
      } catch (error) {
        if (signal.aborted) break;
        if (!this.#fail(error)) continue;
        await clock.sleep(this.#retry, signal);
        this.#retry = Math.min(this.#retry * 2, RETRY.most);
      }
    }
    stop();
    this.#alarm.stop();
    this.#tell();
  }

  /** @returns whether to wait before the next attempt. */
  #fail(error: unknown): boolean {
    const { log } = this.#ports;
    const fields = { file: this.#file, error: error instanceof Error ? error.message : String(error) };
    const isDamaged = error instanceof Lost && error.damaged;
    // Twice in a row it is not the file.
    const isToWait = !isDamaged || this.#anew;
    this.#anew = isDamaged;
    if (!isToWait) return false;
    log.error(fields, "the search index cannot be used: records are searched one by one until it can");
    this.#state = "failed";
    this.#tell();
    return true;
  }

  /** Follows with one thread, until this is closed; rejects where that cannot go on. */
  async #serve(): Promise<void> {
    const { store, log } = this.#ports;
    const file = this.#file;
    const thread = new Thread({ file, anew: this.#anew }, () => this.#alarm.ring());
    try {
      const { place, anew } = await thread.opened;
      if (anew !== "") log.warn({ file, why: anew }, "the search index is made anew");
      this.#next = place.next;
      if (!(await isOf(store, place))) {
        log.warn({ file, why: "it is not of this ledger, or ahead of it" }, "the search index is made anew");
        await thread.ask({ call: "clear" });
        this.#next = 0;
      }
      this.#thread = thread;
      this.#state = "open";
      while (!this.#closing.signal.aborted) {
        await this.#catchUp(thread);
        await this.#alarm.rung();
      }
    } finally {
      this.#thread = undefined;
      this.#state = "opening";
      this.#next = 0;
      await thread.close();
    }
  }

  async #catchUp(thread: Thread): Promise<void> {
    const { store } = this.#ports;
    const tell = await this.#teller();
    const read = (from: number) => {
      const reading = entriesFrom(store, from);
      // Awaited, unless the thread fails first.
      reading.catch(() => undefined);
      return reading;
    };
    for (let reading = read(this.#next); !this.#closing.signal.aborted; ) {
      if (thread.lost !== undefined) throw thread.lost;
      const entries = await reading;
      const last = entries.at(-1);
      if (last === undefined) break;
      // The next ones are read while these are added.
      reading = read(last.index + 1);
      this.#next = await thread.ask({ call: "add", entries });
      this.#anew = false;
      this.#retry = RETRY.first;
      tell();
      this.#tell();
    }
  }

  /** Tells of a long way in the log: at its beginning, every now and then, and at its end. */
  async #teller(): Promise<() => void> {
    const { store, log } = this.#ports;
    const of = (await store.head()).size;
    if (of - this.#next < LONG_WAY) return () => undefined;
    let told = Number.NEGATIVE_INFINITY;
    const tell = () => {
      const isDone = this.#next >= of;
      if (told === Number.POSITIVE_INFINITY || (!isDone && performance.now() - told < TELL_EVERY)) return;
      told = isDone ? Number.POSITIVE_INFINITY : performance.now();
      const message = isDone ? "the search index is made" : "the search index is being made";
      log.info({ file: this.#file, entries: this.#next, of }, message);
    };
    tell();
    return tell;
  }

  /** Resolves when so many entries are in the index, when it cannot be used, or when patience is over. */
  #reach(size: number): Promise<void> {
    const isThere = () => this.#next >= size || this.#state === "failed" || this.#closing.signal.aborted;
    if (isThere()) return Promise.resolve();
    this.#alarm.ring();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = () => isThere() && end();
      const timer = setTimeout(end, this.#patience);
      this.#waiting.add(look);
    });
  }

  #tell(): void {
    for (const look of [...this.#waiting]) look();
  }
}
