/** Requests that wait for an approval, woken when its row changes, whoever changed it. */
import type { Revision, Store } from "#kit/storage.ts";
import type { Log } from "../ports.ts";
import { APPROVALS } from "./rows.ts";

export class Waiters {
  readonly #store: Store;
  readonly #log: Log;
  readonly #byKey = new Map<string, Set<() => void>>();
  #seen: Revision = 0;
  #reading: Promise<void> | undefined;
  #again = false;
  #stop: () => void = () => {};

  constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** Begins to follow the store. */
  async start(): Promise<void> {
    this.#seen = await this.#store.revision();
    this.#stop = this.#store.onCommit(() => this.#read());
  }

  stop(): void {
    this.#stop();
    this.#wakeAll();
  }

  /** How many requests wait now. */
  get size(): number {
    return [...this.#byKey.values()].reduce((sum, set) => sum + set.size, 0);
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

  #read(): void {
    this.#again = true;
    if (this.#byKey.size === 0 && this.#reading === undefined) return;
    this.#reading ??= this.#follow().finally(() => {
      this.#reading = undefined;
    });
  }

  async #follow(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      try {
        await this.#wakeChanged();
      } catch (error) {
        // The store is lost: those who wait find out by themselves when they read it.
        this.#log.error({ err: error }, "could not read changes of approvals");
        this.#wakeAll();
        return;
      }
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
