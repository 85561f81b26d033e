/** Inclusion proofs for entries one after another: most of the tiles that one needs, the one before needed too. */

import { leafHash } from "../log/hash.ts";
import { isIncluded } from "../log/proof.ts";
import { type KnownHashes, proveInclusion } from "../log/prove.ts";
import { TILE_WIDTH, type Tile, tilePath } from "../log/tile.ts";
import type { LogReader } from "../log/verify.ts";
import { Damaged, type SignedHead } from "./pass.ts";

/** Enough for all levels, their neighbours and the edge. */
const MOST_TILES = 64;
const MOST_HASHES = 10_000;

export class Prover {
  readonly #reader: Pick<LogReader, "tile">;
  readonly #head: SignedHead;
  readonly #tiles = new Map<string, Uint8Array>();
  readonly #hashes: KnownHashes = new Map();

  constructor(reader: Pick<LogReader, "tile">, head: SignedHead) {
    this.#reader = reader;
    this.#head = head;
  }

  /** @throws Damaged where the tiles do not prove it. */
  async proof(index: number, entry: Uint8Array): Promise<Buffer[]> {
    const { checkpoint } = this.#head;
    if (this.#hashes.size > MOST_HASHES) this.#hashes.clear();
    const read = (tile: Tile) => this.#tile(tile);
    const hashes = await proveInclusion(index, checkpoint.size, read, this.#hashes).catch(
      (error: unknown) => {
        throw new Damaged(
          `entry ${index} cannot be proven: ${error instanceof Error ? error.message : error}`,
        );
      },
    );
    if (isIncluded(leafHash(entry), index, checkpoint, hashes)) return hashes;
    throw new Damaged(`entry ${index}, or a tile above it, is not what was signed`);
  }

  async #tile(tile: Tile): Promise<Uint8Array | undefined> {
    const path = tilePath(tile);
    const known = this.#tiles.get(path);
    if (known !== undefined) return known;
    // A log that has grown since has the tile in full; a part of it is its beginning.
    const full = async () =>
      (await this.#reader.tile?.({ ...tile, width: TILE_WIDTH }))?.subarray(0, tile.width * 32);
    const bytes = (await this.#reader.tile?.(tile)) ?? (await full());
    if (bytes === undefined) return undefined;
    const [oldest] = this.#tiles.keys();
    if (this.#tiles.size >= MOST_TILES && oldest !== undefined) this.#tiles.delete(oldest);
    this.#tiles.set(path, bytes);
    return bytes;
  }
}
