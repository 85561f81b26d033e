/** Makes proofs and roots from tiles. Tiles are taken at their word: whoever gets a proof checks it. */
import { EMPTY_ROOT, foldHashes, HASH_BYTES, nodeHash } from "./hash.ts";
import { TILE_HEIGHT, TILE_WIDTH, type Tile, tileAt, tilePath } from "./tile.ts";

/** A tile's bytes, or undefined where there is none. */
export type ReadTile = (tile: Tile) => Promise<Uint8Array | undefined> | Uint8Array | undefined;

/** Leaves from start up to end. */
type Range = readonly [start: number, end: number];

/** Hashes of ranges of leaves, by the range: in one tree, neighbours' proofs have most of them in common. */
export type KnownHashes = Map<string, Buffer>;

/**
 * The siblings from the leaf up, for isIncluded. What is hashed on the way is added to those known.
 * @throws RangeError beyond the tree; Error for a missing tile.
 */
export function proveInclusion(
  index: number,
  size: number,
  read: ReadTile,
  known?: KnownHashes,
): Promise<Buffer[]> {
  if (index < 0 || index >= size) throw new RangeError(`entry ${index} is not among ${size}`);
  return hashesOf(pathTo(index, [0, size]), size, read, known);
}

/** For isConsistent. @throws RangeError where the older is the larger; Error for a missing tile. */
export function proveConsistency(older: number, newer: number, read: ReadTile): Promise<Buffer[]> {
  if (older < 0 || older > newer) throw new RangeError(`${newer} entries cannot follow ${older}`);
  return hashesOf(older === 0 ? [] : restAfter(older, [0, newer], true), newer, read);
}

/** @throws Error for a missing tile. */
export async function rootFromTiles(size: number, read: ReadTile): Promise<Buffer> {
  const [root] = await hashesOf([[0, size]], size, read);
  return root ?? EMPTY_ROOT;
}

function pathTo(index: number, [start, end]: Range): Range[] {
  if (end - start === 1) return [];
  const middle = start + largestPowerBelow(end - start);
  return index < middle
    ? [...pathTo(index, [start, middle]), [middle, end]]
    : [...pathTo(index, [middle, end]), [start, middle]];
}

/** RFC 6962, 2.1.2: `known` is whether the older tree's root, which the checker has, is that of this range. */
function restAfter(older: number, [start, end]: Range, known: boolean): Range[] {
  if (older === end) return known ? [] : [[start, end]];
  const middle = start + largestPowerBelow(end - start);
  return older <= middle
    ? [...restAfter(older, [start, middle], known), [middle, end]]
    : [...restAfter(older, [middle, end], false), [start, middle]];
}

/** The largest power of two that is less than count; 1 for 1, whose range is a subtree as it is. */
function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

/** The height of a complete subtree of that many leaves. Logarithms would round beyond 2^48. */
function heightOf(count: number): number | undefined {
  let height = 0;
  while (2 ** height < count) height += 1;
  return 2 ** height === count ? height : undefined;
}

async function hashesOf(
  ranges: readonly Range[],
  size: number,
  read: ReadTile,
  known: KnownHashes = new Map(),
): Promise<Buffer[]> {
  const tiles = new Map<string, Buffer>();
  const cached = async (tile: Tile): Promise<Buffer> => {
    const path = tilePath(tile);
    const found = tiles.get(path) ?? (await fetched(tile, path, read));
    tiles.set(path, found);
    return found;
  };
  const hashes: Buffer[] = [];
  for (const range of ranges) {
    if (range[1] <= range[0]) continue;
    const key = range.join("-");
    const hash = known.get(key) ?? (await rangeHash(range, size, cached));
    known.set(key, hash);
    hashes.push(hash);
  }
  return hashes;
}

async function fetched(tile: Tile, path: string, read: ReadTile): Promise<Buffer> {
  const bytes = await read(tile);
  if (bytes === undefined) throw new Error(`${path} is missing`);
  if (bytes.length !== tile.width * HASH_BYTES) throw new Error(`${path} has ${bytes.length} bytes`);
  return Buffer.from(bytes);
}

async function rangeHash(range: Range, size: number, read: (tile: Tile) => Promise<Buffer>): Promise<Buffer> {
  const [start, end] = range;
  const height = heightOf(end - start);
  if (height !== undefined) return subtreeHash(start, height, size, read);
  const middle = start + largestPowerBelow(end - start);
  return nodeHash(await rangeHash([start, middle], size, read), await rangeHash([middle, end], size, read));
}

async function subtreeHash(
  start: number,
  height: number,
  size: number,
  read: (tile: Tile) => Promise<Buffer>,
): Promise<Buffer> {
  const level = Math.floor(height / TILE_HEIGHT);
  const first = start / TILE_WIDTH ** level;
  const index = Math.floor(first / TILE_WIDTH);
  const tile = tileAt(level, index, size);
  if (tile === undefined) throw new RangeError(`no tile of level ${level} has leaf ${start} of ${size}`);
  const from = (first - index * TILE_WIDTH) * HASH_BYTES;
  const hashes = await read(tile);
  return foldHashes(hashes.subarray(from, from + 2 ** (height - level * TILE_HEIGHT) * HASH_BYTES));
}
