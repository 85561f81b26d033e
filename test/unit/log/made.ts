/** Logs in memory, as their owner would make them, and readers of them. */
import { signCheckpoint, type Trust } from "#core/log/checkpoint.ts";
import { decodeEntry, encodeEntry } from "#core/log/entry.ts";
import { leafHash } from "#core/log/hash.ts";
import { parseSigner, parseVerifierKey } from "#core/log/keys.ts";
import { payloadDigest, sealPayload } from "#core/log/payload.ts";
import { tilePath } from "#core/log/tile.ts";
import { Tiler } from "#core/log/tiler.ts";
import { EMPTY_TREE, grow, rootOf } from "#core/log/tree.ts";
import { type LogReader, type Report, verify } from "#core/log/verify.ts";
import { ORIGIN, SIGNERS, VERIFIERS } from "./vectors.ts";

export interface Made {
  entries: { index: number; bytes: Buffer }[];
  payloads: Map<number, Buffer | "erased">;
  tiles: Map<string, Buffer>;
  checkpoints: Buffer[];
}

const signer = parseSigner(SIGNERS[0]);
export const trust: Trust = { origin: ORIGIN, keys: VERIFIERS.map(parseVerifierKey) };

/** Every third entry has a payload. */
export function entryAt(index: number, payload = payloadAt(index)): Buffer {
  const digest = payload === undefined ? {} : { payload: payloadDigest(payload).toString("hex") };
  return encodeEntry({ kind: "admission", agent: `agent-${index}`, ...digest });
}

export function payloadAt(index: number): Buffer | undefined {
  return index % 3 === 0 ? sealPayload(Buffer.alloc(32, index), Buffer.from(`payload ${index}`)) : undefined;
}

function rootOver(entries: readonly { bytes: Buffer }[]): Buffer {
  return rootOf(
    grow(
      EMPTY_TREE,
      entries.map(({ bytes }) => leafHash(bytes)),
    ),
  );
}

export function checkpointOver(entries: readonly { bytes: Buffer }[], by = signer): Buffer {
  return Buffer.from(signCheckpoint({ origin: ORIGIN, size: entries.length, root: rootOver(entries) }, [by]));
}

export function tilesOver(entries: readonly { bytes: Buffer }[]): Map<string, Buffer> {
  const tiler = new Tiler();
  const full = tiler.add(Buffer.concat(entries.map(({ bytes }) => leafHash(bytes))));
  return new Map([...full, ...tiler.partial()].map(({ tile, bytes }) => [tilePath(tile), bytes]));
}

/** A log of those entries, with checkpoints at those sizes and at its end. */
export function logOf(entries: Made["entries"], sizes: readonly number[] = []): Made {
  const ends = [...new Set([...sizes, entries.length])];
  return {
    entries,
    payloads: new Map(
      entries.flatMap(({ index }) => {
        const payload = payloadAt(index);
        return payload === undefined ? [] : [[index, payload]];
      }),
    ),
    tiles: tilesOver(entries),
    checkpoints: ends.map((end) => checkpointOver(entries.slice(0, end))),
  };
}

export function entriesUpTo(size: number): Made["entries"] {
  return Array.from({ length: size }, (_, index) => ({ index, bytes: entryAt(index) }));
}

/** The same log to alter: its own lists, the same bytes. */
export function copyOf({ entries, payloads, tiles, checkpoints }: Made): Made {
  return {
    entries: [...entries],
    payloads: new Map(payloads),
    tiles: new Map(tiles),
    checkpoints: [...checkpoints],
  };
}

export function readerOf({ entries, payloads, tiles, checkpoints }: Made): LogReader {
  return {
    checkpoints: () => checkpoints,
    bundle: (index) => entries.filter((entry) => Math.floor(entry.index / 256) === index),
    tile: (tile) => tiles.get(tilePath(tile)),
    payload: (index) => payloads.get(index),
    count: () => ({
      entries: entries.length,
      payloads: [...payloads.values()].filter((payload) => payload !== "erased").length,
    }),
  };
}

export function examine(bytes: Uint8Array) {
  const entry = decodeEntry(bytes);
  if (entry === undefined) return { malformed: "not canonical JSON" };
  const { payload } = { payload: undefined, ...entry };
  return { payload: typeof payload === "string" ? Buffer.from(payload, "hex") : undefined };
}

export function verifyMade(made: Made, known: readonly Buffer[] = []): Promise<Report> {
  return verify(readerOf(made), { trust, known, examine });
}
