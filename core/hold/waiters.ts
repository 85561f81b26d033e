/** Requests that wait for an approval, woken when its row changes, whoever changed it. */
import type { Revision, Store } from "#kit/storage.ts";
import type { Log } from "../ports.ts";
import { APPROVALS } from "./rows.ts";

/** Who waits is kept in memory: of large requests only so many bytes may. The others ask again, as without a seat. */
const MOST_BYTES = 16 * 1024 * 1024;

export class Waiters {
  readonly #store: Store;
  readonly #log: Log;
  readonly #byKey = new Map<string, Set<() => void>>();
  #seen: Revision = 0;
  #reading = false;
  #again = false;
  #stop: () => void = () => {};
  #stopped = false;
  #size = 0;
  #bytes = 0;
  readonly #most: number;

  /** `most`: how many requests may wait at once. */
  constructor(store: Store, log: Log, most: number) {
    this.#store = store;
    this.#log = log;
    this.#most = most;
  }

  /** Begins to follow the store. */
  async start(): Promise<void> {
    this.#seen = await this.#store.revision();
    this.#stop = this.#store.onCommit((revision) => this.#read(revision));
  }

  /** From now on nobody waits: who does is woken, and finds it closed. */
  stop(): void {
    this.#stopped = true;
    this.#stop();
    this.#wakeAll();
  }

  /** How many requests wait now. */
  get size(): number {
    return this.#size;
  }

  get closed(): boolean {
    return this.#stopped;
  }

  /** A place to wait for a request of so many bytes, held until it is given back; `undefined`: there is none left. */
  takeSeat(bytes = 0): { giveBack: () => void } | undefined {
    if (this.#stopped || this.#size >= this.#most || this.#bytes + bytes > MOST_BYTES) return undefined;
    this.#size += 1;
    this.#bytes += bytes;
    return {
      giveBack: () => {
        this.#size -= 1;
        this.#bytes -= bytes;
      },
    };
  }

  /**
   * Listens for the next change of the row. Take it before reading the row, so that no change falls between.
   * `woken` aborts at the change; `leave` must be called in any case.
   */
  join(key: string): { woken: AbortSignal; leave: () => void } {
    const controller = new AbortController();
    const wake = () => controller.abort();
    const set = this.#byKey.get(key) ?? new Set();
    this.#byKey.set(key, set.add(wake));
    return {
      woken: controller.signal,
      leave: () => {
        set.delete(wake);
        if (set.size === 0 && this.#byKey.get(key) === set) this.#byKey.delete(key);
      },
    };
  }

  #read(revision: Revision): void {
    if (this.#byKey.size === 0 && !this.#reading) {
      // Whoever joins later reads the row after that, and so sees this commit.
      this.#seen = revision;
      return;
    }
    this.#again = true;
    if (!this.#reading) void this.#follow();
  }

  async #follow(): Promise<void> {
    this.#reading = true;
    try {
      while (this.#again) {
        this.#again = false;
        await this.#wakeChanged();
      }
    } catch (error) {
      // The store is lost: those who wait find out by themselves when they read it.
      this.#log.error({ err: error }, "could not read changes of approvals");
      this.#wakeAll();
    } finally {
      // In the same turn as the last look at #again: a commit in between would wake nobody.
      this.#reading = false;
    }
  }

  async #wakeChanged(): Promise<void> {
    const result = await this.#store.changes(APPROVALS, this.#seen);
    if (result.outcome === "expired") {
      this.#seen = await this.#store.revision();
      this.#wakeAll();
      return;
    }
    for (const { key } of result.changes) for (const wake of this.#byKey.get(key) ?? []) wake();
    // A full page ends before the newest revision: read on.
    if (result.changes.length > 0) this.#again = true;
    this.#seen = result.revision;
  }

  #wakeAll(): void {
    for (const set of this.#byKey.values()) for (const wake of set) wake();
  }
}
