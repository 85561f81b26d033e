/** What one bundle holds: its entries in their places, each looked at by itself. */
import type { Erasures, Span } from "./erasures.ts";
import type { Finding, Findings } from "./finding.ts";
import { HASH_BYTES, leafHash, MAX_ENTRY_BYTES } from "./hash.ts";
import { payloadDigest } from "./payload.ts";
import { TILE_WIDTH } from "./tile.ts";

export type Awaitable<T> = T | Promise<T>;

export interface StoredEntry {
  /** Its place in the log, by whatever holds it. */
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** A payload as it is kept; `erased` where it is told to be gone on purpose; undefined where there is none. */
export type StoredPayload = Uint8Array | "erased" | undefined;

/** What an entry says of itself. */
export interface Examined {
  /** Why it is no entry. */
  readonly malformed?: string | undefined;
  /** The digest of its payload. */
  readonly payload?: Uint8Array | undefined;
  /** Entries whose payloads were erased with this one. */
  readonly erases?: readonly Span[] | undefined;
}

export interface Looks {
  readonly examine: (bytes: Uint8Array, index: number) => Examined;
  readonly payload: ((index: number) => Awaitable<StoredPayload>) | undefined;
}

/** Counted along the way. */
export interface Counts {
  entries: number;
  payloads: number;
  erased: number;
}

/** What is gathered from one bundle to the next. */
export interface Gathered {
  readonly findings: Findings;
  readonly counts: Counts;
  readonly erasures: Erasures;
}

/** The leaf hashes of a bundle's places: a place without an entry has none. */
export class Places {
  readonly hashes = Buffer.alloc(TILE_WIDTH * HASH_BYTES);
  readonly #taken = new Uint8Array(TILE_WIDTH);

  set(at: number, hash: Buffer): void {
    hash.copy(this.hashes, at * HASH_BYTES);
    this.#taken[at] = 1;
  }

  has(at: number): boolean {
    return this.#taken[at] === 1;
  }

  hash(at: number): Buffer {
    return this.hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
  }

  /** Whether each place from `from` up to `to` has an entry. */
  areTaken(from: number, to: number): boolean {
    return this.#taken.subarray(from, to).every((taken) => taken === 1);
  }

  /** Behind the last one. */
  get end(): number {
    return this.#taken.lastIndexOf(1) + 1;
  }
}

/** Puts a bundle's entries in their places, and adds what each of them has wrong by itself. */
export async function place(
  entries: readonly StoredEntry[],
  start: number,
  looks: Looks,
  gathered: Gathered,
): Promise<Places> {
  const { findings, counts, erasures } = gathered;
  const places = new Places();
  let last = -1;
  for (const { index, bytes } of entries) {
    counts.entries += 1;
    const at = index - start;
    const wrong = misfit(index, at, last, places);
    if (wrong !== undefined) findings.add(wrong);
    if (wrong?.kind === "entry-surplus") continue;
    last = Math.max(last, at);
    if (bytes.length > MAX_ENTRY_BYTES) {
      findings.add({ kind: "entry-malformed", index, reason: `longer than ${MAX_ENTRY_BYTES} bytes` });
      continue;
    }
    places.set(at, leafHash(bytes));
    const { malformed, payload, erases } = looks.examine(bytes, index);
    if (erases !== undefined) erasures.say(erases);
    if (malformed !== undefined) findings.add({ kind: "entry-malformed", index, reason: malformed });
    if (looks.payload === undefined) continue;
    // Waiting costs a turn of the event loop's queue, a million times.
    const found = looks.payload(index);
    const stored = found instanceof Promise ? await found : found;
    judgePayload(index, payload, stored, gathered);
  }
  return places;
}

function misfit(index: number, at: number, last: number, places: Places): Finding | undefined {
  if (!Number.isInteger(at) || at < 0 || at >= TILE_WIDTH || places.has(at))
    return { kind: "entry-surplus", index };
  return at < last ? { kind: "entry-out-of-order", index } : undefined;
}

function judgePayload(
  index: number,
  digest: Uint8Array | undefined,
  stored: StoredPayload,
  { findings, counts, erasures }: Gathered,
): void {
  if (stored === "erased") {
    counts.erased += 1;
    erasures.erased(index);
  } else if (stored !== undefined) {
    counts.payloads += 1;
    erasures.kept();
  }
  if (digest === undefined) {
    if (stored !== undefined) findings.add({ kind: "payload-surplus", index });
  } else if (stored === undefined) findings.add({ kind: "payload-missing", index });
  else if (stored !== "erased" && !payloadDigest(stored).equals(digest))
    findings.add({ kind: "payload-altered", index });
}
