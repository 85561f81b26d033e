/** The forms in which a piece of a value can turn up in a text, each as far as it does not depend on what is around it. */
import { createHash } from "node:crypto";

export interface Form {
  name: string;
  /** So many characters in a row are no coincidence. */
  window: number;
  /** Latin-1 texts that stand for the piece. */
  of(piece: Buffer): string[];
}

const latin1 = (bytes: Buffer) => bytes.toString("latin1");
const utf8 = (text: string) => latin1(Buffer.from(text));
const reversed = (text: string) => [...text].reverse().join("");
const bytewise = (piece: Buffer, write: (byte: number) => string, between = "") =>
  [...piece].map(write).join(between);
const hex = (byte: number) => byte.toString(16).padStart(2, "0");
const percent = (byte: number) => `%${hex(byte).toUpperCase()}`;
const isPlainInUrl = (byte: number) => /[\w.~!*'()-]/.test(String.fromCharCode(byte));

/** At the three places where a base64 group can begin. */
function base64Alignments(piece: Buffer): string[] {
  return [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), piece]);
    const text = whole.toString("base64").replace(/=+$/, "");
    const sharedBegin = before === 0 ? 0 : before + 1;
    const sharedEnd = whole.length % 3 === 0 ? text.length : text.length - 1;
    return text.slice(sharedBegin, sharedEnd);
  });
}

const url = (text: string) => text.replaceAll("+", "-").replaceAll("/", "_");
const jsonText = (piece: Buffer) => JSON.stringify(piece.toString()).slice(1, -1);
const goJson = (text: string) => text.replace(/[<>&]/g, (found) => `\\u00${hex(found.charCodeAt(0))}`);
const allEscaped = (piece: Buffer) =>
  [...piece.toString()].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
/** As Go's %q writes bytes that are no text. */
const goQuoted = (byte: number) => {
  if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${hex(byte)}`;
};

export const FORMS: readonly Form[] = [
  { name: "plain", window: 10, of: (piece) => [latin1(piece), utf8(latin1(piece))] },
  { name: "reversed", window: 10, of: (piece) => [reversed(latin1(piece))] },
  { name: "base64", window: 11, of: base64Alignments },
  { name: "base64url", window: 11, of: (piece) => base64Alignments(piece).map(url) },
  { name: "base64 reversed", window: 11, of: (piece) => base64Alignments(piece).map(reversed) },
  {
    name: "base64 of base64",
    window: 14,
    of: (piece) => base64Alignments(piece).flatMap((inner) => base64Alignments(Buffer.from(inner))),
  },
  {
    name: "hex",
    window: 16,
    of: (piece) => {
      const lower = piece.toString("hex");
      return [lower, lower.toUpperCase(), reversed(lower)];
    },
  },
  {
    name: "hex, byte by byte",
    window: 30,
    of: (piece) => [
      bytewise(piece, hex, " "),
      bytewise(piece, hex, ":"),
      bytewise(piece, (byte) => `0x${byte.toString(16)}`, ", "),
      bytewise(piece, (byte) => `\\x${hex(byte)}`),
    ],
  },
  {
    name: "decimal, byte by byte",
    window: 30,
    of: (piece) => [
      bytewise(piece, String, " "),
      bytewise(piece, String, ","),
      bytewise(piece, String, ", "),
    ],
  },
  {
    name: "URL-escaped",
    window: 12,
    of: (piece) => {
      const usual = bytewise(piece, (byte) =>
        isPlainInUrl(byte) ? String.fromCharCode(byte) : percent(byte),
      );
      return [usual, usual.replace(/%../g, (found) => found.toLowerCase()), bytewise(piece, percent)];
    },
  },
  {
    name: "JSON-escaped",
    window: 12,
    of: (piece) => {
      const usual = jsonText(piece);
      const twice = jsonText(Buffer.from(usual));
      return [usual, goJson(usual), twice, goJson(twice), allEscaped(piece)].map(utf8);
    },
  },
  { name: "quoted by Go", window: 12, of: (piece) => [bytewise(piece, goQuoted)] },
];

const HASHES = ["md5", "sha1", "sha256", "sha512"];

/** Of a whole value: with any of these, guesses can be tried at home. */
export function digests(value: Buffer): string[] {
  return HASHES.flatMap((algorithm) => {
    const digest = createHash(algorithm).update(value).digest();
    const base64 = digest.toString("base64").replace(/=+$/, "");
    return [digest.toString("hex"), base64, url(base64)];
  });
}
