/**
 * Verifies a log from its first entry to its last, wherever it lies, by the notes that its keys have signed.
 * One pass along the entries, a bundle at a time: memory grows with the checkpoints and the findings, not with
 * the entries. Where there are tiles, they are checked too, and tell which of the entries were altered.
 */
import type { Trust } from "./checkpoint.ts";
import {
  type Awaitable,
  type Counts,
  type Examined,
  type Places,
  place,
  type StoredEntry,
  type StoredPayload,
} from "./contents.ts";
import { Erasures } from "./erasures.ts";
import { type Finding, Findings, Ranges } from "./finding.ts";
import { HASH_BYTES } from "./hash.ts";
import { Heads } from "./heads.ts";
import { StoredTiles } from "./stored-tiles.ts";
import { TILE_HEIGHT, TILE_WIDTH, type Tile, tileAt } from "./tile.ts";
import { Tiler } from "./tiler.ts";
import { EMPTY_TREE, grow, growBySubtree } from "./tree.ts";

/** Where a log lies. What cannot be read is thrown, and is no finding. */
export interface LogReader {
  /** The log's own signed notes, in any order. */
  checkpoints(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /**
   * All entries from index × 256 up to, and without, (index + 1) × 256, as they come. Asked for one by one.
   * @param width how many of them the newest checkpoint covers: the width that a bundle's path has.
   */
  bundle(index: number, width: number): Awaitable<readonly StoredEntry[] | "malformed">;
  /** Left out where the log has no tiles with it. */
  tile?(tile: Tile): Awaitable<Uint8Array | undefined>;
  /** Left out where the log has no payloads with it. */
  payload?(index: number): Awaitable<StoredPayload>;
  /** How many lie there, wherever they are; so that none can lie where no one looks. */
  count(): Awaitable<{ readonly entries: number; readonly payloads?: number }>;
}

export interface VerifyOptions {
  readonly trust: Trust;
  /** Notes of this log that were kept elsewhere. */
  readonly known?: Iterable<Uint8Array>;
  readonly examine?: (bytes: Uint8Array, index: number) => Examined;
  /** Findings to keep of each kind; 1000 unless told. */
  readonly most?: number;
}

export interface Report {
  /** Nothing was found. */
  readonly intact: boolean;
  readonly findings: readonly Finding[];
  /** Findings beyond those that were kept. */
  readonly omitted: number;
  /** Entries up to here are proven to be those that were signed, and in their places. */
  readonly proven: number;
  /** Checkpoints that the entries agree with. */
  readonly checkpoints: number;
  readonly counts: Readonly<Counts>;
}

const MOST_FINDINGS = 1000;

export async function verify(reader: LogReader, options: VerifyOptions): Promise<Report> {
  const findings = new Findings(options.most ?? MOST_FINDINGS);
  const heads = await Heads.collect(reader.checkpoints(), options.known ?? [], options.trust, findings);
  return new Verification(reader, options, findings, heads).run();
}

/** The leaf hashes to go on with: those that were signed, where they are known, or those that were found. */
type Leaves = Buffer | undefined;

class Verification {
  readonly #reader: LogReader;
  readonly #options: VerifyOptions;
  readonly #findings: Findings;
  readonly #heads: Heads;
  readonly #size: number;
  readonly #tiles: StoredTiles | undefined;
  readonly #counts: Counts = { entries: 0, payloads: 0, erased: 0 };
  readonly #erasures = new Erasures();
  readonly #missing: Ranges;
  readonly #uncovered: Ranges;
  /** Undefined once entries are missing that no tile stands in for. */
  #tiler: Tiler | undefined = new Tiler();
  #tree = EMPTY_TREE;
  /** The first entry that is not the one that was signed. */
  #intact = Number.POSITIVE_INFINITY;

  constructor(reader: LogReader, options: VerifyOptions, findings: Findings, heads: Heads) {
    this.#reader = reader;
    this.#options = options;
    this.#findings = findings;
    this.#heads = heads;
    this.#size = heads.newest?.size ?? 0;
    const read = reader.tile?.bind(reader);
    if (heads.newest !== undefined && read !== undefined)
      this.#tiles = new StoredTiles(heads.newest, read, findings, (index) => this.#wrong(index));
    this.#missing = new Ranges((from, to) =>
      findings.add({ kind: to === this.#size ? "truncated" : "entries-missing", from, to }),
    );
    this.#uncovered = new Ranges((from, to) => findings.add({ kind: "entries-uncovered", from, to }));
  }

  async run(): Promise<Report> {
    const held = await this.#reader.count();
    this.#heads.meet(this.#tree);
    for (let index = 0; await this.#bundle(index, held.entries); index++);
    this.#missing.finish();
    this.#uncovered.finish();
    this.#heads.finish();
    this.#erasures.settle(this.#findings);
    this.#tiles?.settle(this.#heads.matched >= this.#size);
    this.#recount("entries", held.entries, this.#counts.entries);
    this.#recount("payloads", held.payloads ?? this.#counts.payloads, this.#counts.payloads);
    const all = this.#findings.all();
    return {
      intact: all.length === 0 && this.#heads.matched >= this.#size,
      findings: all,
      omitted: this.#findings.omitted,
      proven: Math.min(this.#heads.matched, this.#intact),
      checkpoints: this.#heads.matches,
      counts: this.#counts,
    };
  }

  #recount(what: "entries" | "payloads", held: number, seen: number): void {
    if (held !== seen) this.#findings.add({ kind: "miscounted", what, held, seen });
  }

  /** Whether there may be more. */
  async #bundle(index: number, held: number): Promise<boolean> {
    const start = index * TILE_WIDTH;
    const width = Math.min(Math.max(this.#size - start, 0), TILE_WIDTH);
    const found = await this.#reader.bundle(index, width);
    if (found === "malformed") this.#findings.add({ kind: "bundle-malformed", bundle: index });
    const entries = found === "malformed" ? [] : found;
    if (entries.length === 0 && (width === 0 || (this.#counts.entries >= held && found !== "malformed"))) {
      this.#missing.add(start, this.#size);
      return false;
    }
    const { examine = () => ({}) } = this.#options;
    const looks = { examine, payload: this.#reader.payload?.bind(this.#reader) };
    const gathered = { findings: this.#findings, counts: this.#counts, erasures: this.#erasures };
    const places = await place(entries, start, looks, gathered);
    if (width > 0) await this.#grow(await this.#signed(index, width, places), start + width);
    await this.#beyond(start, width, places);
    return true;
  }

  /** Compares the covered entries of a bundle with their tile. */
  async #signed(index: number, width: number, places: Places): Promise<Leaves> {
    const start = index * TILE_WIDTH;
    const own = places.areTaken(0, width) ? places.hashes.subarray(0, width * HASH_BYTES) : undefined;
    const tile = tileAt(0, index, this.#size);
    if (this.#tiles === undefined || tile === undefined) return own ?? this.#lost(start, width, places);
    if (await this.#tiles.isMadeOf(tile, own)) return own;
    const signed = await this.#tiles.signed(index);
    if (signed !== undefined) {
      this.#compare(start, width, places, signed);
      return signed;
    }
    if (own === undefined) return this.#lost(start, width, places);
    await this.#tiles.doubt(tile);
    return own;
  }

  #lost(start: number, width: number, places: Places): undefined {
    for (let at = 0; at < width; at++) {
      if (places.has(at)) continue;
      this.#wrong(start + at);
      this.#missing.add(start + at, start + at + 1);
    }
  }

  #wrong(index: number): void {
    this.#intact = Math.min(this.#intact, index);
  }

  #compare(start: number, width: number, places: Places, signed: Buffer): void {
    this.#lost(start, width, places);
    for (let at = 0; at < width; at++) {
      const expected = signed.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
      if (!places.has(at) || places.hash(at).equals(expected)) continue;
      this.#wrong(start + at);
      const place = signed.indexOf(places.hash(at));
      this.#findings.add(
        place >= 0
          ? { kind: "entry-misplaced", index: start + at, belongs: start + Math.floor(place / HASH_BYTES) }
          : {
              kind: "entry-altered",
              index: start + at,
              expected: expected.toString("hex"),
              found: places.hash(at).toString("hex"),
            },
      );
    }
  }

  /** Entries behind the newest checkpoint: no more than known notes can speak for them. */
  async #beyond(start: number, width: number, places: Places): Promise<void> {
    for (let at = width; at < places.end; at++) {
      if (places.has(at)) this.#uncovered.add(start + at, start + at + 1);
    }
    const { end } = places;
    if (end <= width) return;
    const rest = places.hashes.subarray(width * HASH_BYTES, end * HASH_BYTES);
    await this.#grow(places.areTaken(width, end) ? rest : undefined, start + end);
  }

  async #grow(leaves: Leaves, size: number): Promise<void> {
    if (leaves === undefined) this.#tiler = undefined;
    const tiler = this.#tiler;
    if (leaves === undefined || tiler?.size !== size - leaves.length / HASH_BYTES) return;
    const from = tiler.size;
    const full = tiler.add(leaves);
    const [first] = full;
    if (leaves.length === TILE_WIDTH * HASH_BYTES && first && !this.#heads.isWithin(from, size))
      this.#tree = growBySubtree(this.#tree, TILE_HEIGHT, first.root);
    else
      for (let at = 0; at < leaves.length; at += HASH_BYTES) {
        this.#tree = grow(this.#tree, [leaves.subarray(at, at + HASH_BYTES)]);
        this.#heads.meet(this.#tree);
      }
    this.#heads.meet(this.#tree);
    const edge = size === this.#size ? tiler.partial() : [];
    for (const one of [...full, ...edge]) if (one.tile.level > 0) await this.#tiles?.compare(one);
  }
}
