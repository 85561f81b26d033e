/**
 * A Merkle tree as far as growing needs it: the roots of its complete subtrees, one for each one bit of its size.
 * 32 bytes each, 20 of them for a million leaves; so it can be kept with every commit.
 */
import { EMPTY_ROOT, HASH_BYTES, nodeHash } from "./hash.ts";

export interface Tree {
  /** Leaves; at most Number.MAX_SAFE_INTEGER. */
  readonly size: number;
  /** Roots of complete subtrees from left to right, which is from large to small. */
  readonly peaks: readonly Buffer[];
}

export const EMPTY_TREE: Tree = { size: 0, peaks: [] };

const SIZE_BYTES = 8;

/** The tree with those leaf hashes behind its own. The given one stays as it is. */
export function grow(tree: Tree, leaves: Iterable<Buffer>): Tree {
  const peaks = [...tree.peaks];
  let size = tree.size;
  for (const leaf of leaves) {
    push(peaks, size, leaf);
    size += 1;
  }
  return { size: checked(size), peaks };
}

/**
 * The tree with a complete subtree of 2^height leaves behind its own, by that subtree's root.
 * @throws RangeError unless the size is a multiple of 2^height.
 */
export function growBySubtree(tree: Tree, height: number, root: Buffer): Tree {
  const leaves = 2 ** height;
  if (tree.size % leaves !== 0) throw new RangeError(`a subtree of ${leaves} leaves cannot follow here`);
  const peaks = [...tree.peaks];
  push(peaks, tree.size / leaves, root);
  return { size: checked(tree.size + leaves), peaks };
}

/** `position` counts subtrees of the new one's height: as many peaks are joined as it ends in one bits. */
function push(peaks: Buffer[], position: number, root: Buffer): void {
  let joined = root;
  for (let rest = position; rest % 2 === 1; rest = (rest - 1) / 2) {
    const left = peaks.pop();
    if (left === undefined) throw new RangeError("a tree with fewer peaks than its size has bits");
    joined = nodeHash(left, joined);
  }
  peaks.push(joined);
}

export function rootOf(tree: Tree): Buffer {
  const last = tree.peaks.at(-1);
  if (last === undefined) return EMPTY_ROOT;
  return tree.peaks.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
}

/** The size, 8 bytes big-endian, then the peaks. */
export function encodeTree(tree: Tree): Buffer {
  const size = Buffer.alloc(SIZE_BYTES);
  size.writeBigUInt64BE(BigInt(tree.size));
  return Buffer.concat([size, ...tree.peaks]);
}

/** @throws RangeError for bytes that encodeTree does not write. */
export function decodeTree(bytes: Uint8Array): Tree {
  const buffer = Buffer.from(bytes);
  if (buffer.length < SIZE_BYTES) throw new RangeError("a tree without its size");
  const size = checked(Number(buffer.readBigUInt64BE()));
  if (buffer.length !== SIZE_BYTES + ones(size) * HASH_BYTES)
    throw new RangeError(`a tree of ${size} leaves has ${ones(size)} peaks`);
  const peaks: Buffer[] = [];
  for (let at = SIZE_BYTES; at < buffer.length; at += HASH_BYTES)
    peaks.push(buffer.subarray(at, at + HASH_BYTES));
  return { size, peaks };
}

function ones(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}

function checked(size: number): number {
  if (!Number.isSafeInteger(size)) throw new RangeError("a tree larger than 2^53 leaves");
  return size;
}
