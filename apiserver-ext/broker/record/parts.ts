/** Writes what goes on for long to the ledger in parts, one after the other, while it does. */
import type { JsonObject } from "#core/admission.ts";
import type { Clock, Log } from "#core/ports.ts";
import type { CallRecord } from "./record.ts";

export interface PartsPorts {
  clock: Clock;
  log: Log;
  record: Pick<CallRecord, "part">;
}

export interface PartsOptions {
  /** What has come is written after so long at the latest (milliseconds). */
  latest: number;
  /** Gives what there is to be written, and forgets it. */
  taken: () => JsonObject | undefined;
  /** A part could not be written: nothing more may go through. Said once. */
  failed: () => void;
}

/** `now`: there is enough for a part. `soon`: it is written now where none was lately. `later`: it can wait. */
export type Urgency = "now" | "soon" | "later";

export class Parts {
  readonly #ports: PartsPorts;
  readonly #options: PartsOptions;
  #written: Promise<void> = Promise.resolve();
  #last = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #failed: Error | undefined;

  constructor(ports: PartsPorts, options: PartsOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** There is something. Resolves when it may go through; rejects once anything could not be written. */
  async come(urgency: Urgency): Promise<void> {
    if (this.#failed) throw this.#failed;
    const { latest } = this.#options;
    const isDue = urgency === "soon" && this.#ports.clock.now() - this.#last >= latest;
    if (urgency === "now" || isDue) await this.#write();
    else this.#timer ??= setTimeout(() => void this.#write().catch(() => {}), latest).unref();
  }

  /** What was said to be written is, as far as it can be; and nothing more will be by itself. */
  async settled(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#written.catch(() => {});
  }

  /** All of it is written, as far as it can be. */
  async end(): Promise<void> {
    await this.#write().catch(() => {});
  }

  #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const part = this.#options.taken();
    if (part === undefined) return this.#written;
    this.#last = this.#ports.clock.now();
    this.#written = this.#written
      .then(() => this.#ports.record.part(part))
      .catch((error) => this.#fail(error));
    return this.#written;
  }

  #fail(error: unknown): never {
    if (this.#failed === undefined) {
      this.#failed = error instanceof Error ? error : new Error(String(error));
      this.#ports.log.error({ err: error }, "a part of what goes on could not be recorded");
      this.#options.failed();
    }
    throw this.#failed;
  }
}
