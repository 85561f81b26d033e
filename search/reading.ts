/** What of a ledger the index is made of, and whether it is made of this one. */
import type { JsonObject } from "#core/admission.ts";
import { examined } from "#core/ledger/examine.ts";
import { edgeOf, treeOfEdge } from "#core/log/edge.ts";
import { leafHash } from "#core/log/hash.ts";
import { edgeTiles, TILE_WIDTH } from "#core/log/tile.ts";
import { rootOf } from "#core/log/tree.ts";
import type { Store } from "#kit/storage.ts";
import type { Added, Place } from "./wire.ts";

/** Lines at once: commits wait no longer than that takes. */
const LINES = 250;
/** Entries at once, and bytes of payloads: what is held in memory, and written together. */
const MOST = { entries: 2_000, bytes: 4_000_000 };

/** Entries from an index on, some of them, with what lies beside them. */
export async function entriesFrom(store: Store, from: number): Promise<Added[]> {
  const entries: Added[] = [];
  let bytes = 0;
  while (entries.length < MOST.entries && bytes < MOST.bytes) {
    const lines = await store.lines(from + entries.length, LINES);
    const wanted: Promise<void>[] = [];
    for (const { index, line } of lines) {
      const size = sizeOf(JSON.parse(line));
      bytes += size;
      if (bytes > MOST.bytes && entries.length > 0) break;
      const added: Added = { index, line, payload: undefined };
      entries.push(added);
      if (size > 0) wanted.push(fetched(store, added));
    }
    await Promise.all(wanted);
    if (lines.length < LINES) break;
  }
  return entries;
}

async function fetched(store: Store, added: Added): Promise<void> {
  const payload = await store.payload(added.index);
  if (payload !== "erased") added.payload = payload;
}

/** About how many bytes lie beside it. */
function sizeOf(entry: JsonObject): number {
  if (examined(entry).payload === undefined) return 0;
  const { payload } = entry as { payload?: { size?: number } };
  return 32 + (payload?.size ?? 0);
}

/** Whether the store's ledger begins with just the entries that are in the index. */
export async function isOf(store: Store, { next, root }: Place): Promise<boolean> {
  if (next > (await store.head()).size) return false;
  const leaves = Math.floor(next / TILE_WIDTH) * TILE_WIDTH;
  const lines = next === leaves ? [] : await store.lines(leaves, next - leaves);
  const tiles = new Map<string, Buffer>();
  for (const { level, index, width } of edgeTiles(next)) {
    if (level === 0) continue;
    for (let at = index * TILE_WIDTH; at < index * TILE_WIDTH + width; at += 1)
      tiles.set(`${level - 1}/${at}`, Buffer.from((await store.tile(level - 1, at)) ?? []));
  }
  const edge = edgeOf(next, {
    leaves: () => Buffer.concat(lines.map(({ line }) => leafHash(Buffer.from(line)))),
    tile: (level, index) => tiles.get(`${level}/${index}`) ?? Buffer.alloc(0),
  });
  return rootOf(treeOfEdge(next, edge)).equals(root);
}
