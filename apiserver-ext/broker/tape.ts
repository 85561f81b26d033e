/** What goes to and fro in a connection, with its times, written to the ledger in parts while it goes on. */
import { createHash } from "node:crypto";
import type { JsonObject } from "#core/admission.ts";
import type { Clock, Log } from "#core/ports.ts";
import type { CallRecord, Ended } from "./record.ts";

export interface TapePorts {
  clock: Clock;
  log: Log;
  record: CallRecord;
}

/** So much is kept in memory before it is written, */
const REEL = 32 * 1024;
/** and for so long (milliseconds). */
const LATEST = 1_000;

export class Tape {
  readonly #ports: TapePorts;
  readonly #parts: Parts;
  readonly #hash = createHash("sha256");
  readonly #began: number;
  #reel: JsonObject[] = [];
  #size = 0;
  #bytes = 0;

  constructor(ports: TapePorts) {
    this.#ports = ports;
    this.#parts = new Parts(ports, LATEST, () => this.#taken());
    this.#began = ports.clock.now();
  }

  /** Rejects once anything could not be written: then nothing more may go through. */
  async heard(direction: "in" | "out", channel: number, data: Buffer): Promise<void> {
    if (data.length === 0) return;
    this.#hash.update(data);
    this.#bytes += data.length;
    this.#size += data.length;
    const at = Math.round(this.#ports.clock.now() - this.#began);
    this.#reel.push({ at, direction, channel, data: data.toString("base64") });
    await this.#parts.come(this.#size >= REEL);
  }

  /** All of it is in the ledger. Rejects where it is not. */
  async written(): Promise<void> {
    await this.#parts.come(true);
  }

  async end(): Promise<Ended> {
    await this.#parts.end();
    return { code: 101, bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  #taken(): JsonObject | undefined {
    const chunks = this.#reel;
    this.#reel = [];
    this.#size = 0;
    return chunks.length === 0 ? undefined : { chunks };
  }
}

/** Writes parts one after the other: when there is enough for one, and at the latest after a while. */
export class Parts {
  readonly #ports: Pick<TapePorts, "record" | "log">;
  readonly #latest: number;
  readonly #taken: () => JsonObject | undefined;
  #written: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #failed: Error | undefined;

  /** @param taken gives what there is to be written, and forgets it. */
  constructor(ports: Pick<TapePorts, "record" | "log">, latest: number, taken: () => JsonObject | undefined) {
    this.#ports = ports;
    this.#latest = latest;
    this.#taken = taken;
  }

  /** There is something. Rejects once anything could not be written. */
  async come(isEnough: boolean): Promise<void> {
    if (this.#failed) throw this.#failed;
    if (isEnough) await this.#write();
    else this.#timer ??= setTimeout(() => void this.#write().catch(() => {}), this.#latest).unref();
  }

  /** All of it is written, as far as it can be. */
  async end(): Promise<void> {
    await this.#write().catch(() => {});
  }

  #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const part = this.#taken();
    if (part !== undefined)
      this.#written = this.#written
        .then(() => this.#ports.record.part(part))
        .catch((error) => this.#fail(error));
    return this.#written;
  }

  #fail(error: unknown): never {
    this.#failed ??= error instanceof Error ? error : new Error(String(error));
    this.#ports.log.error({ err: error }, "a part of a connection could not be recorded");
    throw this.#failed;
  }
}
