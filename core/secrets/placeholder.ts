/**
 * What stands in place of a Secret's value: text that is as long for every value, tells two values of one key of one
 * Secret apart and nothing else, and that, sent back, means "unchanged".
 *
 *     [masked:TTTTTTTTTTTTTTTTTTTTTTTT.BBBBBBBBBBBBBBBBBBBB]
 *
 * T is the tag, a keyed hash over uid, key and value, or random. B binds T to the uid and key: by it a placeholder of
 * another time is told from one of another Secret.
 */
import { hkdfSync, randomBytes } from "node:crypto";
import { hmacSha256 } from "./hmac.ts";

/** What a text that was sent for a key is. */
export type Reading =
  /** It holds no placeholder: a value. */
  | "value"
  /** The placeholder of the value that is there. */
  | "current"
  /** A placeholder of this key of this Secret, but not of the value that is there. */
  | "stale"
  /** A placeholder of something else, or a part of one. */
  | "foreign";

/** Where a value stands. `uid` is the Secret's own. */
export interface Spot {
  uid: string;
  key: string;
}

/** Values are raw bytes; placeholders are text, not yet in base64. */
export interface Placeholders {
  /** Of the value that is there: always the same. */
  of(spot: Spot, value: Buffer): string;
  /** Of a value that the caller sent: never the same, and not to be sent back. */
  fresh(spot: Spot): string;
  read(spot: Spot, sent: Buffer, value: Buffer | undefined): Reading;
  /** In a request that is judged and recorded: the value that is there, and a value that was sent for the spot. */
  sealed(spot: Spot, value: Buffer, origin: "kept" | "sent"): string;
}

const TAG_BYTES = 18;
const BOND_BYTES = 15;
const PLACEHOLDER = /^\[masked:([\w-]{24})\.([\w-]{20})\]$/;
/** Every mask of ours begins so, and no value is one. */
const MASK = "[masked:";
/** The beginning of a mask in base64, as far as it does not depend on what follows. */
const MASK_BASE64 = Buffer.from(MASK).toString("base64").slice(0, 10);

export function holdsMask(text: string): boolean {
  return text.includes(MASK) || text.includes(MASK_BASE64);
}

/** Whether it is the placeholder of a value, in base64, and nothing else. */
export function isPlaceholder(encoded: string): boolean {
  return encoded.startsWith(MASK_BASE64) && PLACEHOLDER.test(Buffer.from(encoded, "base64").toString());
}

/** @param key the installation's key, hex. */
export function placeholders(key: string): Placeholders {
  const secret = Buffer.from(key, "hex");
  const derived = (purpose: string) =>
    hmacSha256(new Uint8Array(hkdfSync("sha256", secret, "", `hoop.dev/secure-secrets/${purpose}`, 32)));
  const keyed = { tag: derived("tag"), bond: derived("bond"), sent: derived("sent") };
  const hash = (by: keyof typeof keyed, spot: Spot, content: Buffer, bytes: number) =>
    // No uid and no key holds a NUL. The bytes are by threes, each of which is four characters.
    keyed[by](`${spot.uid}\0${spot.key}\0`, content).slice(0, (bytes / 3) * 4);
  const tagOf = (spot: Spot, value: Buffer) => hash("tag", spot, value, TAG_BYTES);
  const bound = (spot: Spot, tag: string) =>
    `${MASK}${tag}.${hash("bond", spot, Buffer.from(tag), BOND_BYTES)}]`;
  return {
    of: (spot, value) => bound(spot, tagOf(spot, value)),
    fresh: (spot) => bound(spot, randomBytes(TAG_BYTES).toString("base64url")),
    read(spot, sent, value) {
      const text = sent.toString("latin1");
      if (!holdsMask(text)) return "value";
      const [, tag] = PLACEHOLDER.exec(text) ?? [];
      if (tag === undefined || bound(spot, tag) !== text) return "foreign";
      return value !== undefined && tagOf(spot, value) === tag ? "current" : "stale";
    },
    sealed: (spot, value, origin) =>
      origin === "kept"
        ? `[masked: value ${tagOf(spot, value)}]`
        : `[masked: new value ${hash("sent", spot, value, TAG_BYTES)}]`,
  };
}

/** A value as `sealed` writes it. */
export const SEALED = /^\[masked: (?:new )?value [\w-]{24}\]$/;

const KIB = 1024;
const BUCKETS: readonly (readonly [most: number, words: string])[] = [
  [0, "empty"],
  [64, "up to 64 B"],
  [KIB, "up to 1 KiB"],
  [16 * KIB, "up to 16 KiB"],
  [256 * KIB, "up to 256 KiB"],
  [512 * KIB, "up to 512 KiB"],
];
const LARGEST = [KIB * KIB, "up to 1 MiB"] as const;

/** How large a value is, no closer than this. */
export function sizeOf(bytes: number): string {
  return bucketOf(bytes)[1];
}

/** The most that a value of such a size could have, in bytes. */
export function mostOf(bytes: number): number {
  return bucketOf(bytes)[0];
}

function bucketOf(bytes: number): readonly [most: number, words: string] {
  return BUCKETS.find(([most]) => bytes <= most) ?? LARGEST;
}
