/**
 * Whether anything in a JSON text can look like a secret, told from its bytes: most items of a list are done after this
 * look. It may say yes for nothing. Where it says no, nothing of the text is masked by what it looks like.
 */
import { HINTS } from "./patterns.ts";

/** What may stand behind a name that ends, in bytes of JSON: any blank and any character that is escaped, too. */
const BEHIND = [..."\\\"' ,+-:=\xc2\xe1\xe2\xe3\xef"];
const END = `(?:[${BEHIND.map((byte) => (byte === "\\" || byte === "-" ? `\\${byte}` : byte)).join("")}]|$)`;
/** Before one that begins. A tab is escaped. */
const BEGIN = String.raw`(?:["' :=]|\\t)`;

/**
 * Words that turn up by chance, above all in base64, count only where this matches what stands around them: what their
 * patterns want at least, in bytes of JSON, where a backslash may be the beginning of any character. `$`: nobody looked
 * further.
 */
const NEAR: Readonly<Record<string, RegExp>> = {
  pass: new RegExp(`pass(?:[-_]*(?:[wp]|$)|${END})`, "i"),
  pwd: new RegExp(`pwd${END}`, "i"),
  // Alone, or behind api, private, access, secret, client, account, signing, encryption or master, however these are joined.
  key: new RegExp(`(?:[-_.]|[-_ptseno][iestgnr])key|${BEGIN}key${END}`, "i"),
  eyj: /eyJ(?=[\w.-]{28})(?:[\w-]*\.[\w-]*\.|[\w.-]*$)/,
  akia: /AKIA[A-Z0-9]{16}/,
  asia: /ASIA[A-Z0-9]{16}/,
  aiza: /AIza[\w-]{35}/,
  xox: /xox[abeprs]-[\w-]{10}/,
  npm_: /npm_[A-Za-z0-9]{36}/,
  hf_: /hf_[A-Za-z0-9]{30}/,
  "sk-": /sk-[\w-]{20}/,
  "sg.": /SG\.[\w-]{20}/,
  // A name or nothing, a colon, and an @ behind what has no slash. What ends a line ends it.
  "://": /:\/\/(?:[^ /?#:@"'`\\]*(?::[^ /`"\\]*(?:@|\\(?![fnrt/])|$)|\\(?!["fnrt/])|$))/,
};

/** What is no hint in any text: short names of secrets, and characters that are escaped. */
const OTHERS: readonly (readonly [word: string, near?: RegExp])[] = [
  ...["auth", "pw", "dsn"].flatMap((name) =>
    BEHIND.map((byte) => [name + byte, new RegExp(`(?:[-_.]|${BEGIN})${name}`, "i")] as const),
  ),
  // Those that Go's encoder escapes, < > & and the separators of lines, are in nothing that is looked for.
  ...[..."0123456789abcdef"].map((digit) => [`\\u${digit}`, /\\u(?!003[ce]|0026|202[89])/i] as const),
];

/** How much of the text is looked at around a word: more than any pattern wants before it, and behind. */
const [FROM, TO] = [-8, 64];

interface Hint {
  /** In lower case. */
  word: Buffer;
  /** Where in the word the pair is. */
  skip: number;
  near: RegExp | undefined;
}

/** What texts are made of, from what is most often there. All else is rarer. */
const FREQUENT = "etaoinsrhld0123456789.-cumfpgwybvkxjqz";

/** Where in the word two pairs begin, of which each text that holds the word shows one: those that are seldom there. */
function rarestIn(word: string): number {
  const often = (at: number) => 1 / (1 + (FREQUENT.indexOf(word[at] ?? "") + 1 || FREQUENT.length + 1));
  const cost = (at: number) => often(at + 1) * (often(at) + often(at + 2));
  const places = Array.from({ length: word.length - 2 }, (_, at) => at);
  return places.reduce((best, at) => (cost(at) < cost(best) ? at : best), 0);
}

/**
 * A text is looked at by pairs of bytes: of each word, two pairs are known that begin at one byte and at the next, so that
 * every second pair of the text will do. By pair: 0, or what to look for there.
 */
const LOOK = new Uint16Array(0x10000);
const [NOTHING, DOT_FIRST, DOT_SECOND, WORDS] = [0, 1, 2, 3];
const HINTS_BY_LOOK: Hint[][] = [];

for (const [word, near] of [...HINTS.map((hint) => [hint, NEAR[hint]] as const), ...OTHERS]) {
  const rarest = rarestIn(word);
  for (const skip of [rarest, rarest + 1])
    for (const first of bothCases(word[skip]))
      for (const second of bothCases(word[skip + 1])) {
        const pair = (first << 8) | second;
        if (LOOK[pair] === NOTHING) LOOK[pair] = WORDS + HINTS_BY_LOOK.push([]) - 1;
        HINTS_BY_LOOK[(LOOK[pair] ?? 0) - WORDS]?.push({ word: Buffer.from(word, "latin1"), skip, near });
      }
}

function bothCases(letter = ""): number[] {
  const other = /[a-z]/.test(letter) ? letter.toUpperCase() : letter;
  return [...new Set([letter, other])].map((one) => one.charCodeAt(0));
}

const DOT = 0x2e;
const IN_TOKEN = new Uint8Array(256);
for (const letter of "abcdefghijklmnopqrstuvwxyz0123456789") IN_TOKEN[letter.charCodeAt(0)] = 1;
/** Of a bootstrap token, behind its dot. */
const BEHIND_DOT = 16;

// Dots are many: but for pairs that are in words, too, these are looked at without a list.
for (let other = 0; other < 256; other++) {
  if (IN_TOKEN[other] === 1) dotIn((DOT << 8) | other, 0, DOT_FIRST);
  dotIn((other << 8) | DOT, -1, DOT_SECOND);
}

function dotIn(pair: number, skip: number, look: number): void {
  if (LOOK[pair] === NOTHING) LOOK[pair] = look;
  else HINTS_BY_LOOK[(LOOK[pair] ?? 0) - WORDS]?.push({ word: Buffer.of(DOT), skip, near: /\.[a-z0-9]{16}/ });
}

/** True also where nothing does. */
export function mayLookSecret(json: Buffer): boolean {
  // In words with slashes these may be escaped, though Go's encoder never does it.
  if (json.includes("\\/")) return true;
  // By a view, and two pairs in one look: byte by byte it takes four times as long.
  const view = new DataView(json.buffer, json.byteOffset, json.length);
  let at = 0;
  for (const end = json.length - 3; at < end; at += 4) {
    const four = view.getInt32(at);
    const first = LOOK[four >>> 16] ?? 0;
    const second = LOOK[four & 0xffff] ?? 0;
    if ((first | second) === NOTHING) continue;
    if (holds(json, at, first) || holds(json, at + 2, second)) return true;
  }
  return at + 1 < json.length && holds(json, at, LOOK[view.getUint16(at)] ?? 0);
}

function holds(json: Buffer, at: number, look: number): boolean {
  if (look === NOTHING) return false;
  if (look === DOT_FIRST) return isRun(json, at + 1);
  if (look === DOT_SECOND) return isRun(json, at + 2);
  for (const { word, skip, near } of HINTS_BY_LOOK[look - WORDS] ?? [])
    if (isAt(json, at - skip, word) && (near === undefined || isNear(json, at - skip, near))) return true;
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

function isNear(json: Buffer, at: number, near: RegExp): boolean {
  return near.test(json.toString("latin1", Math.max(0, at + FROM), at + TO));
}

function isRun(json: Buffer, from: number): boolean {
  for (let at = from + BEHIND_DOT - 1; at >= from; at--) if (IN_TOKEN[json[at] ?? 0] === 0) return false;
  return true;
}
