/**
 * The forms in which a value may stand in a text: as it is, line by line, quoted, and in base64, also within longer data that is
 * encoded, and encoded twice.
 */

/** In bytes. Shorter values are not looked for: they turn up by chance. */
export const SHORTEST_VALUE = 6;
/** In bytes. Of a value with several lines, each line that is at least so long is looked for by itself, too. */
const SHORTEST_LINE = 16;
/** In bytes. Longer forms are looked for in pieces of about this length: of a stream no more than that must be held back. */
const PIECE = 192;
/** In bytes. Base64 of base64 is looked for within longer data, too; for longer values only by itself. */
const LONGEST_TWICE = 1024;

/** What is shown in place of values. A form that is part of one of these is not looked for: it would be found in every mask. */
const MARKS = ["Secret value", "value", "password", "token", "access key", "private key", "changed"].map(
  (kind) => Buffer.from(`[masked: ${kind}]`),
);

const STANDARD = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const OF_URLS = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
/**
 * In base64, three bytes are four characters. Where a value begins 0, 1 or 2 bytes behind a multiple of three, its first
 * character holds bits of the byte before it; so many bits of that character are the value's.
 */
const SHARED = [0, 4, 2];

/** Gives each form of the value, or each piece of one, to `take`. The same may be given more than once. */
export function formsOf(value: Uint8Array, take: (form: Uint8Array) => void): void {
  if (value.length < SHORTEST_VALUE) return;
  const give = (form: Uint8Array) => {
    for (const piece of pieces(form)) if (isFindable(piece)) take(piece);
  };
  for (const base of basesOf(value)) if (base.length >= SHORTEST_VALUE) formsOfBase(base, give);
  for (const quoted of quotedOf(value)) give(quoted);
  if (value.includes(NEWLINE)) for (const line of linesOf(value)) give(line);
}

function formsOfBase(base: Uint8Array, give: (form: Uint8Array) => void): void {
  give(base);
  const whole = base.length <= LONGEST_TWICE;
  for (const inner of inBase64(base)) {
    give(inner);
    if (whole) for (const outer of inBase64(inner)) give(outer);
  }
  if (!whole) give(encoded(encoded(base, 0, STANDARD, true), 0, STANDARD, true));
}

const NEWLINE = 0x0a;

/** The value itself, without blanks around it, as a string in JSON, and with + for blanks as in the query of a URL. */
function basesOf(value: Uint8Array): Uint8Array[] {
  const inner = trimmed(value);
  const bases = inner.length === value.length ? [value] : [value, inner];
  const text = inner.toString();
  if (/["\\\p{Cc}]/u.test(text)) bases.push(Buffer.from(JSON.stringify(text).slice(1, -1)));
  if (text.includes(" ")) bases.push(Buffer.from(text.replaceAll("+", "%2B").replaceAll(" ", "+")));
  return bases;
}

const BLANK = 0x20;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

function trimmed(value: Uint8Array): Buffer {
  let [from, to] = [BYTE_ORDER_MARK.every((byte, at) => value[at] === byte) ? 3 : 0, value.length];
  while (from < to && (value[from] ?? 0) <= BLANK) from++;
  while (to > from && (value[to - 1] ?? 0) <= BLANK) to--;
  return Buffer.from(value.buffer, value.byteOffset + from, to - from);
}

/** How a character is written between quotes: in YAML and SQL, in CSV, in compose files, in INI files, in shells. */
const QUOTINGS: readonly [character: string, quoted: string][] = [
  ["'", "''"],
  ['"', '""'],
  ["$", "$$"],
  ["%", "%%"],
  ["'", "'\\''"],
  ["'", `'"'"'`],
];

/** What is no escape of a character by itself. */
function quotedOf(value: Uint8Array): Uint8Array[] {
  const text = trimmed(value).toString();
  return QUOTINGS.filter(([character]) => text.includes(character)).map(([character, quoted]) =>
    Buffer.from(text.replaceAll(character, () => quoted)),
  );
}

function linesOf(value: Uint8Array): Uint8Array[] {
  return Buffer.from(value)
    .toString()
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.length >= SHORTEST_LINE && !line.startsWith("-----"))
    .map((line) => Buffer.from(line));
}

/** In both alphabets of base64: by itself, with and without padding, and those of its characters that depend on nothing around it. */
function* inBase64(bytes: Uint8Array): Generator<Uint8Array> {
  for (const shared of SHARED) {
    const form = encoded(bytes, shared, STANDARD, false);
    yield form;
    if (form.includes(PLUS) || form.includes(SLASH)) yield encoded(bytes, shared, OF_URLS, false);
  }
  if (bytes.length % 3 === 0) return;
  for (const alphabet of [STANDARD, OF_URLS]) {
    const padded = encoded(bytes, 0, alphabet, true);
    yield padded;
    yield padded.subarray(0, padded.indexOf(PADDING));
  }
}

const [PLUS, SLASH, PADDING] = [0x2b, 0x2f, 0x3d];

/** What is sure of it, `shared` bits aside; `whole`: and the end with its padding. */
function encoded(bytes: Uint8Array, shared: number, alphabet: Uint8Array, whole: boolean): Uint8Array {
  const sure = Math.floor((bytes.length * 8 - shared) / 6);
  const out = new Uint8Array(whole ? Math.ceil(bytes.length / 3) * 4 : sure).fill(PADDING);
  let [held, bits, at] = [0, -shared, 0];
  for (let n = 0; n < bytes.length; n++) {
    held = ((held << 8) | (bytes[n] ?? 0)) & 0xffff;
    bits += 8;
    for (; bits >= 6; bits -= 6) out[at++] = alphabet[(held >>> (bits - 6)) & 63] ?? 0;
  }
  if (whole && bits > 0) out[at] = alphabet[(held << (6 - bits)) & 63] ?? 0;
  return out;
}

function pieces(form: Uint8Array): Uint8Array[] {
  if (form.length <= PIECE + PIECE / 2) return [form];
  const count = Math.floor(form.length / PIECE);
  return Array.from({ length: count }, (_, n) =>
    form.subarray(n * PIECE, n === count - 1 ? form.length : (n + 1) * PIECE),
  );
}

function isFindable(form: Uint8Array): boolean {
  return (
    form.length >= SHORTEST_VALUE &&
    (form.length > LONGEST_MARK || !MARKS.some((mark) => mark.includes(Buffer.from(form))))
  );
}

const LONGEST_MARK = Math.max(...MARKS.map(({ length }) => length));
