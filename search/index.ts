/**
 * The search index: a copy of the ledger's words, in a file and a thread of its own. Only searches wait for it. The thread
 * runs while somebody searches, and otherwise only to bring an index up to date that is far behind the ledger. Whenever
 * anything is wrong with the index, it is made anew from the ledger.
 */
import type { Asker, Found, Query, Search, Window } from "#core/ledger/search.ts";
import type { Clock, Log } from "#core/ports.ts";
import type { Store } from "#kit/storage.ts";
import { Alarm } from "./alarm.ts";
import { follow, teller } from "./follow.ts";
import { PART } from "./parts.ts";
import { isOf } from "./reading.ts";
import { LOOK_EVERY, Schedule } from "./schedule.ts";
import { Lost, Thread } from "./thread.ts";
import { Turns } from "./turns.ts";
import type { Slice } from "./wire.ts";

export interface SearchIndex extends Search {
  /** How many entries of the ledger are missing in the index, as far as is known. */
  behind(): Promise<number>;
  /** Brings the index up to date soon, though nobody searches. For what was erased must not stay in its file. */
  catchUp(): void;
  /** Resolves when the file is closed. */
  close(): Promise<void>;
}

export interface IndexPorts {
  store: Store;
  clock: Clock;
  log: Log;
}

export interface IndexOptions {
  /** `:memory:`: no file, the index is kept in memory. */
  file: string;
  /** Milliseconds that a search waits for entries that are not in the index yet. */
  patience?: number;
  /** How long one search may use the thread before the next one has its turn, milliseconds. */
  turn?: number;
  /** How many entries one table of words holds (see parts.ts); for a new file. */
  part?: number;
}

/** Begins to serve searches. The file is opened only when the index is needed. */
export function searchIndex(ports: IndexPorts, options: IndexOptions): SearchIndex {
  return new Follower(ports, { patience: PATIENCE, turn: TURN, part: PART, ...options });
}

const PATIENCE = 5_000;
const TURN = 20;
/** How long the thread waits for another search after the last one, milliseconds. */
const LINGER = 60_000;
/** After a failure the index is tried again: after `first` milliseconds, then each time after twice as long, up to `most`. */
const RETRY = { first: 1_000, most: 60_000 };

class Follower implements SearchIndex {
  readonly #ports: IndexPorts;
  readonly #file: string;
  readonly #options: Required<IndexOptions>;
  readonly #closing = new AbortController();
  readonly #alarm: Alarm;
  readonly #schedule: Schedule;
  readonly #turns = new Turns();
  readonly #running: Promise<void>;
  /** How many searches are under way. */
  #searches = 0;
  #lastSearch = Number.NEGATIVE_INFINITY;
  /** Searches that wait for entries to be indexed: called whenever that may be so. */
  readonly #waiting = new Set<() => void>();
  /** Whether to bring the index up to date though nobody searches. */
  #isDue = false;
  #hasFailed = false;
  /** Defined while the index is open, and known to be made of this ledger. */
  #thread: Thread | undefined;
  /** The first entry that is not indexed; undefined: the file was not looked into yet. */
  #next: number | undefined;
  /** Whether the file is known to be damaged. */
  #isDamaged = false;
  /** Tells whether the file is still as it was when it was closed (see `sealOf`). */
  #seal = "";
  #retry = RETRY.first;

  constructor(ports: IndexPorts, options: Required<IndexOptions>) {
    this.#ports = ports;
    this.#file = options.file;
    this.#options = options;
    this.#alarm = new Alarm(ports.clock);
    this.#schedule = new Schedule(ports.clock);
    this.#running = this.#run();
  }

  async find(query: Query, window: Window, asker: Asker = { name: "" }): Promise<Found> {
    this.#searches += 1;
    try {
      // All of the ledger is waited for: an erasure is an entry, too, and what it erased must not be found.
      const of = (await this.#ports.store.head()).size;
      await this.#reach(of);
      return await this.#findBySlices(query, window, of, asker);
    } finally {
      this.#searches -= 1;
      this.#lastSearch = this.#ports.clock.now();
    }
  }

  async behind(): Promise<number> {
    return Math.max(0, (await this.#ports.store.head()).size - (this.#next ?? 0));
  }

  catchUp(): void {
    if (this.#file === IN_MEMORY && this.#thread === undefined) return;
    this.#isDue = true;
    this.#alarm.ring();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#alarm.ring();
    await this.#running;
  }

  async #findBySlices(query: Query, window: Window, of: number, asker: Asker): Promise<Found> {
    const indexes: number[] = [];
    for (let left = window; ; ) {
      const slice = await this.#turns.take(asker.name, () => this.#ask(query, left, of, asker));
      if ("outcome" in slice) return slice;
      for (const index of slice.indexes) indexes.push(index);
      if (slice.rest === undefined) return { outcome: "found", indexes };
      left = { ...left, ...slice.rest, limit: window.limit - indexes.length };
    }
  }

  async #ask(
    query: Query,
    window: Window,
    of: number,
    { signal }: Asker,
  ): Promise<Slice | Exclude<Found, { outcome: "found" }>> {
    const thread = this.#thread;
    const next = this.#next ?? 0;
    // Whoever asked has gone.
    if (signal?.aborted) return { outcome: "unavailable" };
    if (this.#hasFailed || this.#closing.signal.aborted) return { outcome: "unavailable" };
    if (thread === undefined || next < of) return { outcome: "behind", entries: Math.min(next, of), of };
    try {
      return await thread.ask({ call: "find", query, window, milliseconds: this.#options.turn });
    } catch (error) {
      if (error instanceof Lost) return { outcome: "unavailable" };
      throw error;
    }
  }

  async #run(): Promise<void> {
    const { store, clock } = this.#ports;
    const stop = store.onCommit(() => this.#schedule.committed());
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        if (await this.#isWanted()) await this.#serve();
        else await this.#alarm.rest(LOOK_EVERY);
      } catch (error) {
        if (signal.aborted) break;
        this.#isDue = true;
        if (!this.#fail(error)) continue;
        await clock.sleep(this.#retry, signal);
        this.#retry = Math.min(this.#retry * 2, RETRY.most);
      }
    }
    stop();
    this.#wakeSearches();
  }

  /** Whether there is a reason for the thread to run. */
  async #isWanted(): Promise<boolean> {
    // An index in memory ends with its thread: it begins with the first search, and then its thread stays.
    const isToLook = this.#schedule.isToLook && this.#file !== IN_MEMORY;
    if (isToLook) this.#isDue ||= this.#schedule.look(await this.behind(), this.#next !== undefined);
    return this.#isDue || this.#searches > 0;
  }

  /** @returns whether to wait before the next attempt. */
  #fail(error: unknown): boolean {
    const { log } = this.#ports;
    const fields = { file: this.#file, error: error instanceof Error ? error.message : String(error) };
    const isDamaged = error instanceof Lost && error.damaged;
    // A damaged file is made anew at once. Where the new one is damaged, too, it is not the file's fault.
    const isToWait = !isDamaged || this.#isDamaged;
    this.#isDamaged = isDamaged;
    if (!isToWait) return false;
    log.error(fields, "the search index cannot be used: records are searched one by one until it can");
    this.#hasFailed = true;
    this.#wakeSearches();
    return true;
  }

  /** Runs the thread for as long as there is a reason to. Rejects where the index fails. */
  async #serve(): Promise<void> {
    const { file, part } = this.#options;
    const opening = { file, part, anew: this.#isDamaged, seal: this.#seal };
    this.#seal = "";
    const thread = new Thread(opening, () => this.#alarm.ring());
    try {
      this.#next = await this.#opened(thread);
      this.#thread = thread;
      this.#hasFailed = false;
      do await this.#follow(thread);
      while (await this.#isToGoOn(thread));
    } catch (error) {
      this.#next = undefined;
      throw error;
    } finally {
      // First this: a search that comes now must wait for the next thread, which begins when this one has closed the file.
      this.#thread = undefined;
      this.#seal = await thread.close();
    }
  }

  /** Resolves with the first entry that is not indexed: 0 where the index was of another ledger, and so was emptied. */
  async #opened(thread: Thread): Promise<number> {
    const { store, log } = this.#ports;
    const file = this.#file;
    const { place, anew } = await thread.opened;
    if (anew !== "") log.warn({ file, why: anew }, "the search index is made anew");
    if (await isOf(store, place)) return place.next;
    log.warn({ file, why: "it is not of this ledger, or ahead of it" }, "the search index is made anew");
    await thread.ask({ call: "clear" });
    return 0;
  }

  async #follow(thread: Thread): Promise<void> {
    const { store, clock, log } = this.#ports;
    const from = this.#next ?? 0;
    const tell = teller(log, this.#file, from, (await store.head()).size);
    let began = clock.now();
    const added = async (next: number) => {
      this.#next = next;
      this.#isDamaged = false;
      this.#retry = RETRY.first;
      tell(next);
      this.#wakeSearches();
      // Where no search waits, half of the time is left to other work.
      const took = clock.now() - began;
      if (this.#waiting.size === 0 && took > 0) await this.#alarm.rest(took);
      began = clock.now();
    };
    // Set before reading begins: what is asked for from now on may come too late for it, and must be done again.
    this.#isDue = false;
    await follow({ thread, store, signal: this.#closing.signal, from, added });
    this.#wakeSearches();
  }

  /** Waits while the index is up to date. Resolves with true when it is to be brought further, with false when the thread is to end. */
  async #isToGoOn(thread: Thread): Promise<boolean> {
    while (!this.#closing.signal.aborted) {
      if (thread.lost !== undefined) throw thread.lost;
      if (this.#waiting.size > 0 || this.#isDue) return true;
      const left = this.#lastSearch + LINGER - this.#ports.clock.now();
      const isOver = this.#searches === 0 && left <= 0 && this.#file !== IN_MEMORY;
      if (isOver) return false;
      await this.#alarm.rest(left > 0 ? left : LINGER);
    }
    return false;
  }

  /** Resolves when so many entries are indexed, when the index has failed, or when the search has waited long enough. */
  async #reach(size: number): Promise<void> {
    const isThere = () => this.#thread !== undefined && (this.#next ?? 0) >= size;
    const isInVain = () => this.#hasFailed || this.#closing.signal.aborted;
    if (isThere() || isInVain()) return;
    const found = new AbortController();
    const look = () => {
      if (!isThere() && !isInVain()) return;
      this.#waiting.delete(look);
      found.abort();
    };
    this.#waiting.add(look);
    this.#alarm.ring();
    await this.#ports.clock.sleep(this.#options.patience, found.signal);
    this.#waiting.delete(look);
  }

  #wakeSearches(): void {
    for (const look of [...this.#waiting]) look();
  }
}

const IN_MEMORY = ":memory:";
