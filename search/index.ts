/**
 * The search index: a view beside the store, in a file and a thread of its own. Nothing waits for it but searches. The
 * thread is there only while somebody searches, and where the index is so far behind the ledger that a search would be
 * slow. Whatever happens to it, it is made anew from the ledger.
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
  /** Entries that are in the ledger and not known to be in the index. */
  behind(): Promise<number>;
  /** Follows the ledger soon, though nobody searches: so that what was erased is gone from the file. */
  catchUp(): void;
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
  /** Of a search, milliseconds until others have their turn. */
  turn?: number;
  /** Entries of one table of words, where the file is made anew. */
  part?: number;
}

/** Opens its file, makes what it needs and follows the ledger when there is a reason to. */
export function searchIndex(ports: IndexPorts, options: IndexOptions): SearchIndex {
  return new Follower(ports, { patience: PATIENCE, turn: TURN, part: PART, ...options });
}

const PATIENCE = 5_000;
const TURN = 20;
/** How long the thread outlives the last search, milliseconds: who searches once mostly searches again. */
const LINGER = 60_000;
/** Milliseconds until an index that cannot be used is tried again: at first, and at most. */
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
  /** Searches under way: as long as there is one, the thread is not ended. */
  #searches = 0;
  #lastSearch = Number.NEGATIVE_INFINITY;
  /** Those of them that wait for entries. */
  readonly #waiting = new Set<() => void>();
  /** Whether to follow though nobody searches. */
  #isDue = false;
  #hasFailed = false;
  /** Only while it is open, and of this ledger. */
  #thread: Thread | undefined;
  /** How far the index has come; undefined: nobody has looked yet. */
  #next: number | undefined;
  /** Whether what is in the file is known to be no good. */
  #anew = false;
  /** What tells the file, as it was when it was closed, from others. */
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
      // Erasures are entries as well: nothing is found by what is gone.
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
    // Nobody waits for the answer.
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
    this.#tell();
  }

  /** Whether there is a reason for the thread to be there. */
  async #isWanted(): Promise<boolean> {
    // What is in memory is gone with its thread: it is made for who searches, and stays.
    const isToLook = this.#schedule.isToLook && this.#file !== IN_MEMORY;
    if (isToLook) this.#isDue ||= this.#schedule.look(await this.behind(), this.#next !== undefined);
    return this.#isDue || this.#searches > 0;
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
    this.#hasFailed = true;
    this.#tell();
    return true;
  }

  /** Has the thread there for as long as there is a reason; rejects where that cannot go on. */
  async #serve(): Promise<void> {
    const { file, part } = this.#options;
    const opening = { file, part, anew: this.#anew, seal: this.#seal };
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
      // From here on whoever searches waits for the next one, which is not begun before this one has let go of the file.
      this.#thread = undefined;
      this.#seal = await thread.close();
    }
  }

  /** Resolves with how far it has come: not at all where it was of another ledger. */
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
      this.#anew = false;
      this.#retry = RETRY.first;
      tell(next);
      this.#tell();
      // Where nobody waits, as much time is others' as it has taken.
      const took = clock.now() - began;
      if (this.#waiting.size === 0 && took > 0) await this.#alarm.rest(took);
      began = clock.now();
    };
    // Whatever is due from now on may come too late for what is read now.
    this.#isDue = false;
    await follow({ thread, store, signal: this.#closing.signal, from, added });
    this.#tell();
  }

  /** Resolves when there is more to follow for: true; or when the thread has nothing to do any more: false. */
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

  /** Resolves when so many entries are in the index, when it cannot be used, or when patience is over. */
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

  #tell(): void {
    for (const look of [...this.#waiting]) look();
  }
}

const IN_MEMORY = ":memory:";
