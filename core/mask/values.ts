/** Known values in bytes, however they are cut into parts: found in the forms that tools write them in, and replaced. Pure. */
import { createHash } from "node:crypto";
import { findValues, type Spot } from "./find-values.ts";
import { formsOf, SHORTEST_VALUE } from "./forms.ts";
import { ValueIndex } from "./value-index.ts";

export { SHORTEST_VALUE } from "./forms.ts";

export const REPLACEMENT = "[masked: Secret value]";
const REPLACED = Buffer.from(REPLACEMENT);
/** How many escapes within each other are looked through. */
const DEPTH = 4;
const TEXT = { end: "end", isPrompt: false, depth: DEPTH } as const;
/** Of what is out, so much is kept: as long as what stands, escaped, for what went out of the beginning of a value. */
const CONTEXT = 256;

/** All values at once; made once, used for any number of texts. */
export interface KnownValues {
  /** False: there are none, and all texts are as they are. */
  readonly any: boolean;
  /** No other set of values has the same one, and this one has another as soon as there is more in it. */
  readonly version: number;
  readonly index: ValueIndex;
  /** More of them, which are looked for from then on. */
  add(value: Uint8Array): void;
}

let versions = 0;

/** @param values as they are; those that are too short are left out. */
export function knownValues(values: Iterable<Uint8Array> = []): KnownValues {
  const index = new ValueIndex();
  let version = ++versions;
  const add = (value: Uint8Array) => {
    const owner = ownerOf(value);
    formsOf(value, (form) => index.add(form, owner));
    version = ++versions;
  };
  for (const value of values) add(value);
  return {
    index,
    add,
    get any() {
      return !index.isEmpty;
    },
    get version() {
      return version;
    },
  };
}

function ownerOf(value: Uint8Array): number {
  return createHash("sha256").update(value).digest().readInt32BE(0) || 1;
}

/** Which of the values the bytes hold, each told by a number that is always the same. */
export function valuesFound(known: KnownValues, bytes: Uint8Array): ReadonlySet<number> {
  if (!known.any) return new Set();
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return findValues(known.index, text, { ...TEXT, depth: DEPTH + 1 }).owners;
}

const SCRATCH = Buffer.alloc(16 * 1024);

/** The text without any of the values; itself where it holds none. */
export function withoutValues(known: KnownValues, text: string): string {
  // A character may take three bytes.
  if (!known.any || text.length * 3 < SHORTEST_VALUE) return text;
  // Most texts are short: no memory of their own for each of them.
  const isShort = text.length * 3 <= SCRATCH.length;
  const bytes = isShort ? SCRATCH.subarray(0, SCRATCH.write(text)) : Buffer.from(text);
  const { spots } = findValues(known.index, bytes, TEXT);
  if (spots.length === 0) return text;
  const parts: string[] = [];
  let at = 0;
  for (const { from, to } of spots) {
    parts.push(bytes.toString("utf8", at, from), REPLACEMENT);
    at = to;
  }
  return `${parts.join("")}${bytes.toString("utf8", at)}`;
}

/** Does a text in JSON hold any of the values, in a string or a name of it? True also by what stands between these. */
export function holdsValues(known: KnownValues, json: Buffer): boolean {
  if (!known.any) return false;
  return findValues(known.index, json, { ...TEXT, depth: DEPTH + 1 }).spots.length > 0;
}

export interface StreamOptions {
  /** Somebody waits for what comes: of what may begin a value, three bytes go out. */
  isPrompt: boolean;
}

/** One stream. What goes out is the same whatever its parts are, but that of a prompt. Where it ends it may have been cut. */
export class ValueScanner {
  #known: KnownValues;
  readonly #isPrompt: boolean;
  /** From what is out and may still belong to a value, on to the last that came in. */
  #text: Buffer = Buffer.alloc(0);
  /** So much of it is out. */
  #out = 0;
  /** Up to where in it the last mask stands; -1: it has gone. */
  #maskedTo = -1;

  constructor(known: KnownValues, { isPrompt }: StreamOptions = { isPrompt: true }) {
    this.#known = known;
    this.#isPrompt = isPrompt;
  }

  /** The values from here on: they change while something goes on for long. */
  use(known: KnownValues): void {
    this.#known = known;
  }

  /** What may go out by now. */
  push(bytes: Uint8Array): Buffer {
    return this.#isIdle() ? Buffer.from(bytes) : this.#scan(bytes, "open");
  }

  /** What is left at the end. */
  end(): Buffer {
    return this.#isIdle() ? Buffer.alloc(0) : this.#scan(Buffer.alloc(0), "cut");
  }

  #isIdle(): boolean {
    return !this.#known.any && this.#text.length === 0;
  }

  #scan(bytes: Uint8Array, end: "open" | "cut"): Buffer {
    const text = this.#text.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#text, bytes]);
    const search = { end, isPrompt: this.#isPrompt, depth: DEPTH };
    const { spots, open } = findValues(this.#known.index, text, search);
    const parts: Buffer[] = [];
    // A value that is whole is told, even where another one may begin in it; not where it may be within another one.
    for (const spot of spots) if (spot.from <= open) this.#mask(text, spot, parts);
    if (open > this.#out) parts.push(text.subarray(this.#out, open));
    this.#out = Math.max(this.#out, open);
    this.#keep(text, Math.max(0, Math.min(open, this.#out - (this.#isPrompt ? CONTEXT : 0))));
    return Buffer.concat(parts);
  }

  #mask(text: Buffer, { from, to }: Spot, parts: Buffer[]): void {
    if (to <= this.#out) return;
    if (from > this.#out) parts.push(text.subarray(this.#out, from));
    // One mask for what touches; but not where the beginning of this one went out behind the last.
    if (Math.max(from, this.#out) > this.#maskedTo) parts.push(REPLACED);
    this.#out = to;
    this.#maskedTo = to;
  }

  #keep(text: Buffer, from: number): void {
    this.#text = Buffer.from(text.subarray(from));
    this.#out -= from;
    this.#maskedTo = Math.max(-1, this.#maskedTo - from);
  }
}
