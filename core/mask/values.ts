/** Known values in bytes, however they are cut into parts: found in the forms that tools write them in, and replaced. Pure. */

/** Shorter values turn up by chance. */
export const SHORTEST_VALUE = 6;
export const REPLACEMENT = "[masked: Secret value]";
const REPLACED = Buffer.from(REPLACEMENT);
/** By so many bytes a form is looked up. As much, but one, of what may begin a value goes out: a prompt is to be seen. */
const ANCHOR = 4;
/** Parts of values that span lines are values, too, from this length on. */
const SHORTEST_LINE = 16;

/** All values at once; made once, used for any number of texts. */
export interface KnownValues {
  /** By their first bytes; the longest first. */
  byAnchor: ReadonlyMap<number, readonly Buffer[]>;
  /** Hashes of anchors, a bit each: most places are passed over after one look. */
  bits: Uint8Array;
  shift: number;
  count: number;
}

/** @param values as they are; those that are too short are left out. */
export function knownValues(values: Iterable<Uint8Array>): KnownValues {
  const forms = new Map<string, Buffer>();
  for (const value of values)
    for (const form of formsOf(Buffer.from(value))) forms.set(form.toString("latin1"), form);
  const byAnchor = new Map<number, Buffer[]>();
  const size = Math.max(12, Math.min(24, Math.ceil(Math.log2(forms.size + 1)) + 6));
  const [bits, shift] = [new Uint8Array(2 ** size / 8), 32 - size];
  for (const form of forms.values()) {
    const anchor = form.readUInt32BE(0);
    const alike = byAnchor.get(anchor);
    if (alike === undefined) byAnchor.set(anchor, [form]);
    else alike.push(form);
    const hash = Math.imul(anchor, MULTIPLIER) >>> shift;
    bits[hash >>> 3] = (bits[hash >>> 3] ?? 0) | (1 << (hash & 7));
  }
  for (const list of byAnchor.values()) list.sort((a, b) => b.length - a.length);
  return { byAnchor, bits, shift, count: forms.size };
}

/** Knuth's: spreads what is alike. */
const MULTIPLIER = 0x9e3779b1;

/** The value, its long lines, in base64 (alone, wherever it stands in more, and twice), escaped for URLs and for JSON. */
function formsOf(value: Buffer): Buffer[] {
  if (value.length < SHORTEST_VALUE) return [];
  const text = value.toString();
  const isText = Buffer.from(text).equals(value);
  const twice = Buffer.from(value.toString("base64")).toString("base64").replace(/=+$/, "");
  const lines = text.split("\n").filter((line) => line.length >= SHORTEST_LINE && !line.startsWith("-----"));
  const written = isText ? [...asWritten(text), ...asWritten(text.trimEnd()), ...lines] : [];
  const forms = [value, ...[...partsOfBase64(value), twice, ...written].map((form) => Buffer.from(form))];
  // What stands in the mask itself would be found there.
  return forms.filter((form) => form.length >= SHORTEST_VALUE && !REPLACED.includes(form));
}

function asWritten(text: string): string[] {
  return [text, encodeURIComponent(text.toWellFormed()), JSON.stringify(text).slice(1, -1)];
}

/** Of the base64 of a longer text in which the value begins 0, 1 or 2 bytes behind a multiple of three. */
function partsOfBase64(value: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), value]).toString("base64");
    const end = text.endsWith("=") ? text.indexOf("=") - 1 : text.length;
    const part = text.slice(shift === 0 ? 0 : shift + 1, end);
    return [...(shift === 0 ? [text] : []), part, part.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** The text without any of the values; itself where it holds none. */
export function withoutValues(known: KnownValues, text: string): string {
  if (known.count === 0 || text.length < SHORTEST_VALUE) return text;
  const scanner = new ValueScanner(known);
  const bytes = Buffer.from(text);
  const scanned = Buffer.concat([scanner.push(bytes), scanner.end()]);
  return scanned.equals(bytes) ? text : scanned.toString();
}

interface Spot {
  from: number;
  to: number;
}

/** One stream. */
export class ValueScanner {
  readonly #known: KnownValues;
  /** The last bytes that are out: a value may begin in them. */
  #context: Buffer = Buffer.alloc(0);
  /** What may be the beginning of a value, and is not out. */
  #held: Buffer = Buffer.alloc(0);

  constructor(known: KnownValues) {
    this.#known = known;
  }

  /** What may go out by now. */
  push(bytes: Uint8Array): Buffer {
    return this.#known.count === 0 ? Buffer.from(bytes) : this.#scan(bytes, false);
  }

  /** What is left at the end. */
  end(): Buffer {
    return this.#known.count === 0 ? Buffer.alloc(0) : this.#scan(Buffer.alloc(0), true);
  }

  #scan(bytes: Uint8Array, isEnd: boolean): Buffer {
    const out = this.#context.length;
    const text = Buffer.concat([this.#context, this.#held, bytes]);
    const { spots, open } = found(this.#known, text, isEnd);
    // A value that is whole is told, even where another one may begin in it.
    const upTo = Math.max(open, spots.at(-1)?.to ?? 0);
    const parts: Buffer[] = [];
    let at = out;
    for (const { from, to } of spots) {
      if (to <= out) continue;
      if (from > at) parts.push(text.subarray(at, from));
      parts.push(REPLACED);
      at = to;
    }
    if (upTo > at) parts.push(text.subarray(at, upTo));
    this.#context = Buffer.from(text.subarray(Math.max(0, upTo - ANCHOR + 1), upTo));
    this.#held = Buffer.from(text.subarray(upTo));
    return Buffer.concat(parts);
  }
}

/** The values in it, overlapping ones as one; and from where on it may be the beginning of one. */
function found(known: KnownValues, text: Buffer, isEnd: boolean): { spots: Spot[]; open: number } {
  const { byAnchor, bits, shift } = known;
  const spots: Spot[] = [];
  let anchor = text.length < ANCHOR ? 0 : text.readUInt32BE(0) >>> 8;
  for (let at = 0; at + ANCHOR <= text.length; at++) {
    anchor = (anchor << 8) | (text[at + ANCHOR - 1] ?? 0);
    const hash = Math.imul(anchor, MULTIPLIER) >>> shift;
    if (((bits[hash >>> 3] ?? 0) & (1 << (hash & 7))) === 0) continue;
    const length = lengthAt(byAnchor.get(anchor >>> 0), text, at, isEnd);
    if (length === "open") return { spots, open: at };
    if (length > 0) add(spots, { from: at, to: at + length });
  }
  return { spots, open: text.length };
}

/** How long the longest value is that begins there; `open` where only its beginning is there yet. */
function lengthAt(
  forms: readonly Buffer[] | undefined,
  text: Buffer,
  at: number,
  isEnd: boolean,
): number | "open" {
  let isOpen = false;
  for (const form of forms ?? []) {
    const there = Math.min(form.length, text.length - at);
    if (text.compare(form, 0, there, at, at + there) !== 0) continue;
    if (there === form.length) return form.length;
    isOpen = true;
  }
  return isOpen && !isEnd ? "open" : 0;
}

function add(spots: Spot[], spot: Spot): void {
  const last = spots.at(-1);
  if (last === undefined || spot.from > last.to) spots.push(spot);
  else last.to = Math.max(last.to, spot.to);
}
