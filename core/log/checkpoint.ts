/** Signed tree heads: https://c2sp.org/tlog-checkpoint. */
import { EMPTY_ROOT, HASH_BYTES } from "./hash.ts";
import type { Signer, VerifierKey } from "./keys.ts";
import { openNote, signNote } from "./note.ts";

export interface Checkpoint {
  /** Which log it is: one line, such as `hoop.example.com/prod`. */
  readonly origin: string;
  /** Entries. */
  readonly size: number;
  readonly root: Buffer;
}

/** Whom to believe about a log. */
export interface Trust {
  readonly origin: string;
  /** The log's keys, old ones included: one of them has to have signed. */
  readonly keys: readonly VerifierKey[];
  /** Others who have to have seen it: `quorum` of them. */
  readonly witnesses?: { readonly keys: readonly VerifierKey[]; readonly quorum: number };
}

export type OpenedCheckpoint =
  | {
      readonly kind: "checkpoint";
      readonly checkpoint: Checkpoint;
      readonly signedBy: readonly VerifierKey[];
    }
  | { readonly kind: "refused"; readonly reason: string };

const SIZE = /^(?:0|[1-9]\d*)$/;

function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString("base64")}\n`;
}

/**
 * The text of a note as a checkpoint; undefined where it is none.
 * Lines beyond the third are refused: no one could audit what they say, and our logs do not write any.
 */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  const [origin = "", digits = "", base64 = "", end, ...rest] = text.split("\n");
  const size = Number(digits);
  const root = Buffer.from(base64, "base64");
  if (origin === "" || end !== "" || rest.length > 0) return undefined;
  if (!SIZE.test(digits) || !Number.isSafeInteger(size)) return undefined;
  if (root.length !== HASH_BYTES || root.toString("base64") !== base64) return undefined;
  if (size === 0 && !root.equals(EMPTY_ROOT)) return undefined;
  return { origin, size, root };
}

/** @throws RangeError for an origin that is not one line of text. */
export function signCheckpoint(checkpoint: Checkpoint, signers: readonly Signer[]): string {
  const text = formatCheckpoint(checkpoint);
  if (parseCheckpoint(text) === undefined) throw new RangeError("not a checkpoint");
  return signNote(text, signers);
}

/** The checkpoint that a note says, if it can be believed. */
export function openCheckpoint(note: Uint8Array, trust: Trust): OpenedCheckpoint {
  const witnesses = trust.witnesses?.keys ?? [];
  const opened = openNote(note, [...trust.keys, ...witnesses]);
  if (opened.kind !== "opened") return refused(opened.reason);
  const { text, signedBy } = opened;
  if (!signedBy.some((key) => trust.keys.includes(key))) return refused("no key of the log has signed it");
  const seen = signedBy.filter((key) => witnesses.includes(key)).length;
  if (seen < (trust.witnesses?.quorum ?? 0)) return refused(`only ${seen} witnesses have signed it`);
  const checkpoint = parseCheckpoint(text);
  if (checkpoint === undefined) return refused("not a checkpoint");
  if (checkpoint.origin !== trust.origin) return refused("of another log");
  return { kind: "checkpoint", checkpoint, signedBy };
}

function refused(reason: string): OpenedCheckpoint {
  return { kind: "refused", reason };
}
