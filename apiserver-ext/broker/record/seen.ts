/** What a client is shown of an answer that comes bit by bit, written to the ledger in parts while it goes on. */
import { createHash } from "node:crypto";
import { StringDecoder } from "node:string_decoder";
import { joined } from "../joined.ts";
import { Parts, type PartsPorts, type Urgency } from "./parts.ts";
import type { Ended } from "./record.ts";

/** So much is shown before it is written, at most, */
const REEL = 32 * 1024;
/** and for so long (milliseconds). Not all that begin together write together ever after. */
const LATEST = 1_000;
const APART = 50;
const TURNS = 16;
let turn = 0;

export interface SeenOptions {
  /** So many bytes are kept; of all of them the hash. */
  most: number;
  /** `now`: nothing that is kept is shown before it is written. */
  urgency: Urgency;
  /** It could not be written: nothing more may be shown. */
  failed: () => void;
}

export class Seen {
  readonly #parts: Parts;
  readonly #most: number;
  readonly #urgency: Urgency;
  readonly #hash = createHash("sha256");
  /** A character may be cut in two. */
  readonly #decoder = new StringDecoder();
  #reel: Buffer[] = [];
  #held = 0;
  #bytes = 0;
  #isLost = false;

  constructor(ports: PartsPorts, { most, urgency, failed }: SeenOptions) {
    this.#parts = new Parts(ports, {
      latest: LATEST + APART * (turn++ % TURNS),
      taken: () => this.#taken(),
      failed: () => {
        this.#isLost = true;
        failed();
      },
    });
    this.#most = most;
    this.#urgency = urgency;
  }

  /** Something of it could not be written. */
  get isLost(): boolean {
    return this.#isLost;
  }

  add(bytes: Buffer): void {
    this.#hash.update(bytes);
    const left = this.#most - this.#bytes;
    this.#bytes += bytes.length;
    if (left <= 0) return;
    this.#reel.push(bytes.length > left ? bytes.subarray(0, left) : bytes);
    this.#held += Math.min(left, bytes.length);
  }

  /** What was added may be shown: rejects where it cannot be recorded. */
  async showable(): Promise<void> {
    if (this.#held > 0) await this.#parts.come(this.#held >= REEL ? "now" : this.#urgency);
  }

  /** What is told of it where nothing more comes: of the text what is in no part yet. */
  async end(): Promise<Pick<Ended, "bytes" | "sha256" | "body" | "truncated">> {
    await this.#parts.settled();
    const isWhole = this.#bytes <= this.#most;
    const body = this.#text() + (isWhole ? this.#decoder.end() : "");
    return {
      ...{ bytes: this.#bytes, sha256: this.#hash.digest("hex") },
      ...(body === "" ? {} : { body }),
      ...(isWhole || this.#most === 0 ? {} : { truncated: true }),
    };
  }

  #taken(): { body: string } | undefined {
    const body = this.#text();
    return body === "" ? undefined : { body };
  }

  #text(): string {
    const text = this.#held === 0 ? "" : this.#decoder.write(joined(this.#reel));
    this.#reel = [];
    this.#held = 0;
    return text;
  }
}
