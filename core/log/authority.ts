/** Tells which tiles are those that were signed: from the root down, each by the hash in the tile above it. */
import type { Checkpoint } from "./checkpoint.ts";
import { treeOfEdge } from "./edge.ts";
import { foldHashes, HASH_BYTES } from "./hash.ts";
import { edgeTiles, TILE_WIDTH, type Tile, tileAt } from "./tile.ts";
import type { TileBytes } from "./tiler.ts";
import { rootOf } from "./tree.ts";

/** A tile of the right length, or undefined. */
type Read = (tile: Tile) => Promise<Buffer | undefined>;

export class Authority {
  readonly #head: Pick<Checkpoint, "size" | "root">;
  readonly #read: Read;
  readonly #altered: (tile: Tile) => void;
  /** The last tile of each level: along the entries, the one that is asked for next. */
  readonly #last = new Map<number, { index: number; bytes: Buffer | undefined }>();
  #edge: Promise<ReadonlyMap<number, Buffer>> | undefined;

  /** @param altered told of each tile that is not the one that was signed. */
  constructor(head: Pick<Checkpoint, "size" | "root">, read: Read, altered: (tile: Tile) => void) {
    this.#head = head;
    this.#read = read;
    this.#altered = altered;
  }

  /** The tile that was signed; undefined where what lies there is another, or cannot be judged. */
  async tile(level: number, index: number): Promise<Buffer | undefined> {
    const last = this.#last.get(level);
    if (last?.index === index) return last.bytes;
    const bytes = await this.#judged(level, index);
    this.#last.set(level, { index, bytes });
    return bytes;
  }

  /** The hash that was signed for a full tile; undefined where it cannot be told. */
  async rootOf(level: number, index: number): Promise<Buffer | undefined> {
    const above = await this.tile(level + 1, Math.floor(index / TILE_WIDTH));
    const at = (index % TILE_WIDTH) * HASH_BYTES;
    return above?.subarray(at, at + HASH_BYTES);
  }

  async #judged(level: number, index: number): Promise<Buffer | undefined> {
    const tile = tileAt(level, index, this.#head.size);
    if (tile === undefined) return undefined;
    if (tile.width < TILE_WIDTH) return (await this.#edgeTiles()).get(level);
    const root = await this.rootOf(level, index);
    const bytes = await this.#read(tile);
    if (root === undefined || bytes === undefined) return undefined;
    if (foldHashes(bytes).equals(root)) return bytes;
    this.#altered(tile);
    return undefined;
  }

  /** The partial tiles make the root together: all of them are right, or none can be believed. */
  #edgeTiles(): Promise<ReadonlyMap<number, Buffer>> {
    this.#edge ??= this.#readEdge();
    return this.#edge;
  }

  async #readEdge(): Promise<ReadonlyMap<number, Buffer>> {
    const tiles: TileBytes[] = [];
    for (const tile of edgeTiles(this.#head.size)) {
      const bytes = await this.#read(tile);
      if (bytes === undefined) return new Map();
      tiles.push({ tile, bytes });
    }
    if (!rootOf(treeOfEdge(this.#head.size, tiles)).equals(this.#head.root)) return new Map();
    return new Map(tiles.map(({ tile, bytes }) => [tile.level, bytes]));
  }
}
