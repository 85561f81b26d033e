/** The partial tiles of a log, which is all that growing needs: made anew from what lies below them. */
import { foldHashes, HASH_BYTES } from "./hash.ts";
import { edgeTiles, TILE_WIDTH } from "./tile.ts";
import type { TileBytes } from "./tiler.ts";
import type { Tree } from "./tree.ts";

export interface Below {
  /** The hashes of the leaves from one up to, and without, the other, concatenated. */
  leaves(from: number, to: number): Buffer;
  /** A full tile. */
  tile(level: number, index: number): Buffer;
}

/** From level 0 up. What `below` gives is taken at its word: compare the tree they make with what is known. */
export function edgeOf(size: number, below: Below): TileBytes[] {
  return edgeTiles(size).map((tile) => {
    const { level, index, width } = tile;
    const from = index * TILE_WIDTH;
    if (level === 0) return { tile, bytes: below.leaves(from, from + width) };
    const roots = Array.from({ length: width }, (_, at) => foldHashes(below.tile(level - 1, from + at)));
    return { tile, bytes: Buffer.concat(roots) };
  });
}

/** The tree that those partial tiles, from level 0 up, make: any change of any of them changes its root. */
export function treeOfEdge(size: number, edge: readonly TileBytes[]): Tree {
  return { size, peaks: edge.toReversed().flatMap(peaks) };
}

/** The roots of the complete subtrees that a partial tile's hashes make, from left to right. */
function peaks({ tile, bytes }: TileBytes): Buffer[] {
  const roots: Buffer[] = [];
  let at = 0;
  for (let count = TILE_WIDTH / 2; count >= 1; count /= 2) {
    if (Math.floor(tile.width / count) % 2 === 0) continue;
    roots.push(foldHashes(bytes.subarray(at, at + count * HASH_BYTES)));
    at += count * HASH_BYTES;
  }
  return roots;
}
