/** The hashes of RFC 6962 over SHA-256. A hash is a Buffer of 32 bytes. */
import { hash } from "node:crypto";

export const HASH_BYTES = 32;

/** What the length prefix of an entry in a bundle can say. */
export const MAX_ENTRY_BYTES = 0xffff;

/** The root of a tree without leaves. */
export const EMPTY_ROOT: Buffer = sha256(Buffer.alloc(0));

export function sha256(bytes: Uint8Array): Buffer {
  return hash("sha256", bytes, "buffer");
}

// One-shot hashes over reused memory: a hash object for each costs half as much again.
const leaf = Buffer.alloc(1 + MAX_ENTRY_BYTES, 0);
const node = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

/** @throws RangeError for an entry longer than MAX_ENTRY_BYTES. */
export function leafHash(entry: Uint8Array): Buffer {
  if (entry.length > MAX_ENTRY_BYTES)
    throw new RangeError(`an entry of ${entry.length} bytes is longer than ${MAX_ENTRY_BYTES}`);
  leaf.set(entry, 1);
  return sha256(leaf.subarray(0, 1 + entry.length));
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  node.set(left, 1);
  node.set(right, 1 + HASH_BYTES);
  return sha256(node);
}

/**
 * The root over consecutive hashes of one level, concatenated: a power of two of them.
 * What they stand for is then one complete subtree.
 */
export function foldHashes(hashes: Buffer): Buffer {
  let row = hashes;
  while (row.length > HASH_BYTES) {
    const above = Buffer.allocUnsafe(row.length / 2);
    for (let at = 0; at < row.length; at += 2 * HASH_BYTES) {
      row.copy(node, 1, at, at + 2 * HASH_BYTES);
      sha256(node).copy(above, at / 2);
    }
    row = above;
  }
  return row;
}
