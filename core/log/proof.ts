/** Checks of inclusion and consistency proofs: RFC 9162, 2.1.3.2 and 2.1.4.2, over the trees of RFC 6962. */
import { EMPTY_ROOT, HASH_BYTES, nodeHash } from "./hash.ts";

export type Proof = readonly Uint8Array[];

interface Head {
  /** Leaves. */
  readonly size: number;
  readonly root: Uint8Array;
}

/** Whether the leaf of that hash is the index-th (from 0) of the tree. */
export function isIncluded(leaf: Uint8Array, index: number, tree: Head, proof: Proof): boolean {
  if (!isCount(index) || !isCount(tree.size) || index >= tree.size) return false;
  const steps = climb(index, tree.size - 1, proof);
  return steps !== undefined && areSame(joined(leaf, steps), tree.root);
}

/** Whether the older tree is the beginning of the newer one. A tree without leaves is that of any. */
export function isConsistent(older: Head, newer: Head, proof: Proof): boolean {
  if (!isCount(older.size) || !isCount(newer.size) || older.size > newer.size) return false;
  if (older.size === 0) return proof.length === 0 && areSame(older.root, EMPTY_ROOT);
  if (older.size === newer.size) return proof.length === 0 && areSame(older.root, newer.root);
  let [at, last] = [older.size - 1, newer.size - 1];
  while (isOdd(at)) [at, last] = [half(at), half(last)];
  // The older root itself begins the proof where it is a node of the newer tree.
  const [first, ...rest] = at === 0 ? [older.root, ...proof] : proof;
  const steps = climb(at, last, rest);
  if (first === undefined || first.length !== HASH_BYTES || steps === undefined) return false;
  const within = steps.filter(({ side }) => side === "left");
  return areSame(joined(first, within), older.root) && areSame(joined(first, steps), newer.root);
}

interface Step {
  readonly side: "left" | "right";
  readonly hash: Uint8Array;
}

/** On which side each sibling is, from a node up to the root; undefined for a proof of another length. */
function climb(from: number, end: number, proof: Proof): Step[] | undefined {
  let [at, last] = [from, end];
  const steps: Step[] = [];
  for (const hash of proof) {
    if (last === 0 || hash.length !== HASH_BYTES) return undefined;
    const side = isOdd(at) || at === last ? "left" : "right";
    steps.push({ side, hash });
    // A last node without a sibling stands for itself on the levels above.
    if (side === "left") while (!isOdd(at) && at !== 0) [at, last] = [half(at), half(last)];
    [at, last] = [half(at), half(last)];
  }
  return last === 0 ? steps : undefined;
}

function joined(node: Uint8Array, steps: readonly Step[]): Uint8Array {
  return steps.reduce(
    (root, { side, hash }) => (side === "left" ? nodeHash(hash, root) : nodeHash(root, hash)),
    node,
  );
}

// Sizes go beyond 32 bits, where the bit operators end.
const isOdd = (value: number): boolean => value % 2 === 1;
const half = (value: number): number => Math.floor(value / 2);
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const areSame = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;
