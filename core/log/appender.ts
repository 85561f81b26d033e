/** A log as its owner makes it: what grows with its entries, and the signature over it. Does no I/O. */
import { openCheckpoint, signCheckpoint } from "./checkpoint.ts";
import { leafHash } from "./hash.ts";
import { parseSigner, parseVerifierKey, type Signer, type VerifierKey } from "./keys.ts";
import { type FullTile, type TileBytes, Tiler } from "./tiler.ts";
import { EMPTY_TREE, grow, rootOf, type Tree } from "./tree.ts";

/** Who a log is, and who signs it. */
export interface LogKeys {
  readonly origin: string;
  /** As parseSigner reads them; each signs. Whoever has one of them can sign. */
  readonly signers: readonly string[];
}

export class Appender {
  readonly #origin: string | undefined;
  readonly #signers: readonly Signer[];
  readonly #verifiers: readonly VerifierKey[];
  readonly #tiler: Tiler;
  #tree: Tree;
  #signed: { size: number; note: string } | undefined;

  /** Without keys nothing is signed. @param edge the partial tiles of that tree, from level 0 up. */
  constructor(keys: LogKeys | undefined, tree: Tree = EMPTY_TREE, edge: readonly TileBytes[] = []) {
    this.#origin = keys?.origin;
    this.#signers = (keys?.signers ?? []).map(parseSigner);
    this.#verifiers = this.#signers.map(({ verifierKey }) => parseVerifierKey(verifierKey));
    this.#tiler = new Tiler(tree.size, edge);
    this.#tree = tree;
  }

  get tree(): Tree {
    return this.#tree;
  }

  /** Gives the tiles that became full. @throws RangeError for an entry longer than a leaf may be. */
  append(entries: readonly Uint8Array[]): FullTile[] {
    const leaves = entries.map(leafHash);
    this.#tree = grow(this.#tree, leaves);
    return this.#tiler.add(Buffer.concat(leaves));
  }

  /** The partial tile of a level, as wide as it is now; undefined where there is none. */
  partial(level: number, index: number): Buffer | undefined {
    return this.#tiler.partial().find(({ tile }) => tile.level === level && tile.index === index)?.bytes;
  }

  /** A signed note over all entries; undefined without keys. Signs once for each size. */
  note(): string | undefined {
    const { size } = this.#tree;
    if (this.#origin === undefined || this.#signers.length === 0) return undefined;
    if (this.#signed?.size !== size) {
      const checkpoint = { origin: this.#origin, size, root: rootOf(this.#tree) };
      this.#signed = { size, note: signCheckpoint(checkpoint, this.#signers) };
    }
    return this.#signed.note;
  }

  /**
   * Why a note, kept with the tree, does not speak for it; undefined where it does. Whoever goes on from a tree that
   * no key of its own has signed would sign what somebody else has made of it.
   */
  doubt(note: string): string | undefined {
    if (this.#origin === undefined) return undefined;
    const opened = openCheckpoint(Buffer.from(note), { origin: this.#origin, keys: this.#verifiers });
    if (opened.kind === "refused") return opened.reason;
    const { size, root } = opened.checkpoint;
    if (size === this.#tree.size && root.equals(rootOf(this.#tree))) return undefined;
    return `it is of ${size} entries and another tree than that of the ${this.#tree.size} here`;
  }
}
