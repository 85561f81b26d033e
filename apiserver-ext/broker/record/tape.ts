/** What goes to and fro in a connection, with its times, written to the ledger in parts while it goes on. */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import type { JsonObject } from "#core/admission.ts";
import { joined } from "../joined.ts";
import { Parts, type PartsPorts } from "./parts.ts";
import type { Ended } from "./record.ts";

/** So much is shown before it is written, at most, */
const REEL = 32 * 1024;
/** and for so long (milliseconds). */
const LATEST = 1_000;

type Direction = "in" | "out";

interface Chunk {
  at: number;
  direction: Direction;
  channel: number;
  bytes: Buffer[];
}

export class Tape {
  readonly #clock: PartsPorts["clock"];
  readonly #parts: Parts;
  readonly #hash = createHash("sha256");
  readonly #began: number;
  #reel: Chunk[] = [];
  #size = 0;
  #bytes = 0;

  /** @param failed something could not be written: nothing more goes through. */
  constructor(ports: PartsPorts, failed: () => void) {
    this.#clock = ports.clock;
    this.#parts = new Parts(ports, { latest: LATEST, taken: () => this.#taken(), failed });
    this.#began = ports.clock.now();
  }

  hear(direction: Direction, channel: number, data: Buffer): void {
    if (data.length === 0) return;
    this.#hash.update(data);
    this.#bytes += data.length;
    this.#size += data.length;
    const at = Math.round(this.#clock.now() - this.#began);
    const last = this.#reel.at(-1);
    if (last?.at === at && last.direction === direction && last.channel === channel) last.bytes.push(data);
    else this.#reel.push({ at, direction, channel, bytes: [data] });
  }

  /** What was heard may be shown: much of it is in the ledger then, a little will be within a second. Rejects where it cannot be. */
  async showable(): Promise<void> {
    if (this.#size > 0) await this.#parts.come(this.#size >= REEL ? "now" : "soon");
  }

  /** All of it is in the ledger. Rejects where it is not. */
  async written(): Promise<void> {
    await this.#parts.come("now");
  }

  async end(): Promise<Ended> {
    await this.#parts.end();
    return { code: 101, bytes: this.#bytes, sha256: this.#hash.digest("hex") };
  }

  #taken(): JsonObject | undefined {
    const chunks = this.#reel.map(({ bytes, ...about }) => ({ ...about, ...said(joined(bytes)) }));
    this.#reel = [];
    this.#size = 0;
    return chunks.length === 0 ? undefined : { chunks };
  }
}

/** What is text is readable in the ledger, and found there. */
function said(bytes: Buffer): JsonObject {
  return isUtf8(bytes) ? { text: bytes.toString() } : { data: bytes.toString("base64") };
}
