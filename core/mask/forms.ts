/**
 * The forms in which a value may stand in a text: as it is, by lines, quoted, in base64 wherever it begins there, and that
 * twice.
 */

/** Shorter values turn up by chance. */
export const SHORTEST_VALUE = 6;
/** Parts of values that span lines are values, too, from this length on. */
const SHORTEST_LINE = 16;
/** Longer forms are looked for by pieces of about this length, so that what is held back of a stream stays short. */
const PIECE = 192;
/** Of longer values, base64 within base64 is only looked for where it stands alone. */
const LONGEST_TWICE = 1024;

/** What is shown in place of values. What stands in one of them would be found there. */
const MARKS = ["Secret value", "value", "password", "token", "access key", "private key", "changed"].map(
  (kind) => Buffer.from(`[masked: ${kind}]`),
);

const STANDARD = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const OF_URLS = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
/** Bits of the value in the character that it shares with what stands before it: behind 0, 1, 2 bytes more than a multiple of three. */
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

/** The value; without what is blank around it; as it stands in JSON; with + for blanks, as in the query of a URL. */
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

/** What is put in place of characters between quotes: by YAML and SQL, by CSV, by compose files, by INI files, by shells. */
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

/** In both alphabets: alone, with and without padding, and what is sure of it within a longer text. */
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
