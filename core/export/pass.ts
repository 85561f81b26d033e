/** Along a ledger from some entry to the newest that is signed, and at the end the proof that those were the signed ones. */

import { type Checkpoint, openCheckpoint, type Trust } from "../log/checkpoint.ts";
import type { StoredEntry } from "../log/contents.ts";
import { leafHash } from "../log/hash.ts";
import { TILE_HEIGHT, TILE_WIDTH } from "../log/tile.ts";
import { Tiler } from "../log/tiler.ts";
import { EMPTY_TREE, grow, growBySubtree, rootOf, type Tree } from "../log/tree.ts";
import type { LogReader } from "../log/verify.ts";

/** The ledger is not what was signed. Its message says where. */
export class Damaged extends Error {}

export interface SignedHead {
  readonly note: string;
  readonly checkpoint: Checkpoint;
}

/** The newest note of the ledger's own that can be believed. @throws Damaged where there is none. */
export async function headOf(reader: Pick<LogReader, "checkpoints">, trust: Trust): Promise<SignedHead> {
  let newest: SignedHead | undefined;
  let why = "it has none";
  for await (const bytes of reader.checkpoints()) {
    const note = Buffer.from(bytes).toString();
    const head = headIn(note, trust);
    if (typeof head === "string") why = head;
    else if (newest === undefined || head.checkpoint.size > newest.checkpoint.size) newest = head;
  }
  if (newest === undefined) throw new Damaged(`no checkpoint of the ledger can be believed: ${why}`);
  return newest;
}

/** The note as a head; a string says why it cannot be believed. */
export function headIn(note: string, trust: Trust): SignedHead | string {
  const opened = openCheckpoint(Buffer.from(note), trust);
  return opened.kind === "checkpoint" ? { note, checkpoint: opened.checkpoint } : opened.reason;
}

export interface Part {
  readonly entries: readonly StoredEntry[];
  /** With these. */
  readonly tree: Tree;
}

/**
 * The entries that follow those of the tree, a bundle at a time. Behind the last one they are proven: until then they
 * are what lies there. @throws Damaged for what cannot be what was signed.
 */
export async function* passOf(
  reader: Pick<LogReader, "bundle">,
  { checkpoint }: SignedHead,
  from: Tree = EMPTY_TREE,
): AsyncGenerator<Part> {
  let tree = from;
  while (tree.size < checkpoint.size) {
    const bundle = Math.floor(tree.size / TILE_WIDTH);
    const start = bundle * TILE_WIDTH;
    const width = Math.min(checkpoint.size - start, TILE_WIDTH);
    const found = await reader.bundle(bundle, width);
    const entries = placed(found, start, start + width).slice(tree.size - start);
    tree = grown(tree, entries);
    yield { entries, tree };
  }
  if (!rootOf(tree).equals(checkpoint.root))
    throw new Damaged(`the ${tree.size} entries are not those that were signed`);
}

function placed(
  found: readonly StoredEntry[] | "malformed",
  from: number,
  to: number,
): readonly StoredEntry[] {
  const entries = found === "malformed" ? [] : found.filter(({ index }) => index < to);
  if (entries.length === to - from && entries.every(({ index }, at) => index === from + at)) return entries;
  throw new Damaged(`entries ${from} to ${to - 1} are not all there, or not in their places`);
}

/** A full bundle as one subtree. */
function grown(tree: Tree, entries: readonly StoredEntry[]): Tree {
  const leaves = entries.map(({ bytes }) => leafHash(bytes));
  if (leaves.length < TILE_WIDTH) return grow(tree, leaves);
  const [tile] = new Tiler().add(Buffer.concat(leaves));
  return tile === undefined ? grow(tree, leaves) : growBySubtree(tree, TILE_HEIGHT, tile.root);
}
