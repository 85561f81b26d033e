/** The tiles that lie with a log, held against those that its entries make and those that were signed. */
import { Authority } from "./authority.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Awaitable } from "./contents.ts";
import type { Findings } from "./finding.ts";
import { HASH_BYTES } from "./hash.ts";
import { TILE_WIDTH, type Tile, tileAt, tilePath } from "./tile.ts";
import type { TileBytes } from "./tiler.ts";

type ReadStored = (tile: Tile) => Awaitable<Uint8Array | undefined>;

/** More than anyone will read. */
const MOST_UNSETTLED = 1000;

export class StoredTiles {
  readonly #size: number;
  readonly #read: ReadStored;
  readonly #findings: Findings;
  readonly #wrong: (index: number) => void;
  readonly #authority: Authority;
  /** Paths of tiles that are not what the entries make, until a checkpoint tells which are right. */
  readonly #unsettled = new Set<string>();

  /** @param wrong told of entries that are not those that were signed, by the first of them. */
  constructor(
    newest: Pick<Checkpoint, "size" | "root">,
    read: ReadStored,
    findings: Findings,
    wrong: (index: number) => void,
  ) {
    this.#size = newest.size;
    this.#read = read;
    this.#findings = findings;
    this.#wrong = wrong;
    const altered = (tile: Tile) => findings.add({ kind: "tile-altered", path: tilePath(tile) });
    this.#authority = new Authority(newest, (tile) => this.#stored(tile), altered);
  }

  /** Whether the tile that lies there is the one those leaf hashes make; undefined hashes make none. */
  async isMadeOf(tile: Tile, hashes: Buffer | undefined): Promise<boolean> {
    const stored = await this.#stored(tile);
    return hashes !== undefined && stored?.equals(hashes) === true;
  }

  /** The tile of leaf hashes that was signed, where it lies there and can be told. */
  signed(index: number): Promise<Buffer | undefined> {
    return this.#authority.tile(0, index);
  }

  /** For a tile of leaf hashes that is not what its entries make, and not known to have been signed. */
  async doubt(tile: Tile): Promise<void> {
    const stored = await this.#stored(tile);
    // Where the tile above was signed, this one has been judged by it, and the entries will be.
    const judge = tile.width === TILE_WIDTH ? await this.#authority.rootOf(0, tile.index) : undefined;
    if (stored !== undefined && judge === undefined) this.#leave(tile);
  }

  /** Compares a tile of a higher level with what the entries make. */
  async compare({ tile, bytes }: TileBytes): Promise<void> {
    // What the newest checkpoint does not cover has no tiles yet.
    if (tileAt(tile.level, tile.index, this.#size)?.width !== tile.width) return;
    const stored = await this.#stored(tile);
    if (stored === undefined || stored.equals(bytes)) return;
    const signed = await this.#authority.tile(tile.level, tile.index);
    if (signed === undefined) this.#leave(tile);
    else await this.#blame({ tile, bytes }, signed);
  }

  /** Finds the tiles below that are not those of the signed one: no other tile tells more of their entries. */
  async #blame({ tile, bytes }: TileBytes, signed: Buffer): Promise<void> {
    const below = TILE_WIDTH ** tile.level;
    for (let at = 0; at < tile.width; at++) {
      const [start, end] = [at * HASH_BYTES, (at + 1) * HASH_BYTES];
      if (bytes.subarray(start, end).equals(signed.subarray(start, end))) continue;
      const index = tile.index * TILE_WIDTH + at;
      if ((await this.#authority.tile(tile.level - 1, index)) !== undefined) continue;
      this.#wrong(index * below);
      this.#findings.add({ kind: "entries-differ", from: index * below, to: (index + 1) * below });
    }
  }

  #leave(tile: Tile): void {
    if (this.#unsettled.size < MOST_UNSETTLED) this.#unsettled.add(tilePath(tile));
  }

  /** @param proven whether the entries are those that were signed: what they do not make is then altered. */
  settle(proven: boolean): void {
    for (const path of this.#unsettled)
      this.#findings.add({ kind: proven ? "tile-altered" : "tile-differs", path });
  }

  async #stored(tile: Tile): Promise<Buffer | undefined> {
    const bytes = await this.#read(tile);
    const path = tilePath(tile);
    if (bytes === undefined) this.#findings.add({ kind: "tile-missing", path });
    else if (bytes.length !== tile.width * HASH_BYTES) this.#findings.add({ kind: "tile-malformed", path });
    else return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return undefined;
  }
}
