/** Makes the tiles of a growing log. What it has to remember is the partial tiles, which a log keeps anyway. */
import { foldHashes, HASH_BYTES } from "./hash.ts";
import { edgeTiles, type HashTile, TILE_WIDTH } from "./tile.ts";

const TILE_BYTES = TILE_WIDTH * HASH_BYTES;

export interface TileBytes {
  readonly tile: HashTile;
  readonly bytes: Buffer;
}

export interface FullTile extends TileBytes {
  /** The hash that stands for it in the tile above. */
  readonly root: Buffer;
}

interface Row {
  /** Hashes before those at hand. */
  full: number;
  readonly bytes: Buffer;
  used: number;
}

export class Tiler {
  readonly #rows: Row[] = [];
  #size: number;

  /**
   * Goes on from a log of that size.
   * @param partial its partial tiles, by edgeTiles(size).
   * @throws RangeError for other tiles than those.
   */
  constructor(size = 0, partial: readonly TileBytes[] = []) {
    this.#size = size;
    const expected = edgeTiles(size);
    for (let hashes = size; hashes > 0; hashes = Math.floor(hashes / TILE_WIDTH))
      this.#rows.push(newRow(Math.floor(hashes / TILE_WIDTH)));
    if (partial.length !== expected.length) throw new RangeError("not the partial tiles of that size");
    for (const [at, { level, width }] of expected.entries()) this.#restore(level, width, partial[at]);
  }

  #restore(level: number, width: number, given: TileBytes | undefined): void {
    const row = this.#rows[level];
    if (row === undefined || given?.tile.level !== level || given.bytes.length !== width * HASH_BYTES)
      throw new RangeError("not the partial tiles of that size");
    row.used = given.bytes.copy(row.bytes);
  }

  get size(): number {
    return this.#size;
  }

  /** Takes leaf hashes, concatenated; gives the tiles that became full, each before the one above it. */
  add(leaves: Buffer): FullTile[] {
    const full: FullTile[] = [];
    this.#put(0, leaves, full);
    this.#size += leaves.length / HASH_BYTES;
    return full;
  }

  #put(level: number, hashes: Buffer, full: FullTile[]): void {
    const row = this.#row(level);
    for (let at = 0; at < hashes.length; ) {
      const taken = hashes.copy(row.bytes, row.used, at);
      at += taken;
      row.used += taken;
      if (row.used < TILE_BYTES) return;
      const bytes = Buffer.from(row.bytes);
      const root = foldHashes(bytes);
      full.push({ tile: { level, index: row.full, width: TILE_WIDTH }, bytes, root });
      row.full += 1;
      row.used = 0;
      this.#put(level + 1, root, full);
    }
  }

  #row(level: number): Row {
    const known = this.#rows[level];
    if (known !== undefined) return known;
    const made = newRow(0);
    this.#rows.push(made);
    return made;
  }

  /** The partial tiles now, from level 0 up. */
  partial(): TileBytes[] {
    return this.#rows.flatMap(({ full, bytes, used }, level) =>
      used === 0
        ? []
        : [
            {
              tile: { level, index: full, width: used / HASH_BYTES },
              bytes: Buffer.from(bytes.subarray(0, used)),
            },
          ],
    );
  }
}

function newRow(full: number): Row {
  return { full, bytes: Buffer.allocUnsafe(TILE_BYTES), used: 0 };
}
