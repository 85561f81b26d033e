/** Whether anything in a JSON text can look like a secret, told from its bytes: most items of a list are done after this look. */
import { HINTS } from "./patterns.ts";

/** Names that a secret has, beside those that are hints in any text; at their end, be that escaped or not. */
const NAMES = ["cookie", ...["auth", "pw", "dsn"].flatMap((name) => [`${name}"`, `${name}\\`])];
/** Slashes in JSON may be escaped. */
const HIDDEN = [":\\/"];

const WORDS = [...HINTS, ...NAMES, ...HIDDEN].map((word) => Buffer.from(word));
/** A text is looked at at each second byte: of each word, the pairs at its first and second byte. By pair, both cases of letters. */
const BY_PAIR = new Map<number, Buffer[]>();
const IS_PAIR = new Uint8Array(0x10000);
for (const word of WORDS)
  for (const at of [0, 1])
    for (const first of bothCases(word[at] ?? 0))
      for (const second of bothCases(word[at + 1] ?? 0)) {
        const pair = (first << 8) | second;
        IS_PAIR[pair] = 1;
        BY_PAIR.set(pair, [...(BY_PAIR.get(pair) ?? []), word]);
      }

function bothCases(byte: number): number[] {
  const letter = String.fromCharCode(byte);
  return [...new Set([letter, letter.toUpperCase()])].map((one) => one.charCodeAt(0));
}

const [DOT, BACKSLASH] = [0x2e, 0x5c];
/** Of a bootstrap token, behind its dot. */
const BEHIND_DOT = 16;

/** True also where nothing does. What is written so that none of this is seen may be anything. */
export function mayLookSecret(json: Buffer): boolean {
  return json.includes("\\u") || holdsWord(json) || holdsBootstrapToken(json);
}

function holdsWord(json: Buffer): boolean {
  for (let at = 0; at + 1 < json.length; at += 2) {
    const pair = ((json[at] ?? 0) << 8) | (json[at + 1] ?? 0);
    if (
      IS_PAIR[pair] === 1 &&
      BY_PAIR.get(pair)?.some((word) => isAt(json, at, word) || isAt(json, at - 1, word))
    )
      return true;
  }
  return false;
}

function isAt(json: Buffer, from: number, word: Buffer): boolean {
  for (let at = 0; at < word.length; at++) {
    const byte = json[from + at] ?? 0;
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== word[at]) return false;
  }
  return true;
}

function holdsBootstrapToken(json: Buffer): boolean {
  for (let dot = json.indexOf(DOT); dot >= 0; dot = json.indexOf(DOT, dot + 1))
    if (isRun(json, dot + 1)) return true;
  return false;
}

function isRun(json: Buffer, from: number): boolean {
  for (let at = from + BEHIND_DOT - 1; at >= from; at--) {
    const byte = json[at] ?? BACKSLASH;
    if (!((byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39))) return false;
  }
  return true;
}
