/**
 * Proofs to hand out: that an entry is in the log, by itself and offline (https://c2sp.org/tlog-proof). Not signed:
 * it carries a checkpoint, which is.
 */
import { type Checkpoint, openCheckpoint, type Trust } from "./checkpoint.ts";
import { HASH_BYTES, leafHash } from "./hash.ts";
import { isIncluded } from "./proof.ts";

export interface EntryProof {
  readonly index: number;
  /** As proveInclusion makes it, in the tree of the checkpoint. */
  readonly hashes: readonly Buffer[];
  /** The signed note. */
  readonly checkpoint: string;
}

export type CheckedProof =
  | { readonly kind: "proven"; readonly index: number; readonly checkpoint: Checkpoint }
  | { readonly kind: "refused"; readonly reason: string };

const HEADER = "c2sp.org/tlog-proof@v1";
const INDEX = /^index (0|[1-9]\d*)$/;

export function formatProof({ index, hashes, checkpoint }: EntryProof): string {
  const lines = hashes.map((hash) => `${hash.toString("base64")}\n`).join("");
  return `${HEADER}\nindex ${index}\n${lines}\n${checkpoint}`;
}

/** Undefined for any text that formatProof does not write; extra data, which nothing would prove, included. */
export function parseProof(text: string): EntryProof | undefined {
  const split = text.indexOf("\n\n");
  const [header, place = "", ...lines] = text.slice(0, split).split("\n");
  const index = Number(INDEX.exec(place)?.[1]);
  const hashes = lines.map((line) => Buffer.from(line, "base64"));
  if (split < 0 || header !== HEADER || !Number.isSafeInteger(index)) return undefined;
  if (!hashes.every((hash, at) => hash.length === HASH_BYTES && hash.toString("base64") === lines[at]))
    return undefined;
  return { index, hashes, checkpoint: text.slice(split + 2) };
}

/** Whether the text proves that those bytes are an entry of the log. @throws RangeError beyond MAX_ENTRY_BYTES. */
export function checkProof(text: string, entry: Uint8Array, trust: Trust): CheckedProof {
  const proof = parseProof(text);
  if (proof === undefined) return { kind: "refused", reason: "not a proof" };
  const opened = openCheckpoint(Buffer.from(proof.checkpoint), trust);
  if (opened.kind === "refused")
    return { kind: "refused", reason: `its checkpoint cannot be believed: ${opened.reason}` };
  return isIncluded(leafHash(entry), proof.index, opened.checkpoint, proof.hashes)
    ? { kind: "proven", index: proof.index, checkpoint: opened.checkpoint }
    : { kind: "refused", reason: "the entry is not at that place in the tree of the checkpoint" };
}
