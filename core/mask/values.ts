/**
 * Known values in a stream of bytes, however it is cut into parts: found in one pass (Aho-Corasick), in each form that
 * tools write them in, and replaced. Pure.
 */

/** Shorter values turn up by chance. */
export const SHORTEST_VALUE = 6;
/** So much of what may be the beginning of a value goes out rather than wait for what follows: a prompt is to be seen. */
const RELEASED = 3;
const REPLACEMENT = Buffer.from("[masked: Secret value]");

/** All values at once; made once, used by any number of streams. */
export interface KnownValues {
  readonly next: readonly Map<number, number>[];
  readonly fail: readonly number[];
  /** How long the longest value is that ends in this state, 0 for none. */
  readonly ends: readonly number[];
  readonly depth: readonly number[];
}

/** @param values as they are; those that are too short are left out. */
export function knownValues(values: Iterable<Uint8Array>): KnownValues {
  const trie = { next: [new Map<number, number>()], fail: [0], ends: [0], depth: [0] };
  for (const value of values) for (const form of formsOf(Buffer.from(value))) insert(trie, form);
  link(trie);
  return trie;
}

type Trie = { next: Map<number, number>[]; fail: number[]; ends: number[]; depth: number[] };

function insert({ next, fail, ends, depth }: Trie, form: Buffer): void {
  let state = 0;
  for (const byte of form) {
    let to = next[state]?.get(byte);
    if (to === undefined) {
      to = next.length;
      next[state]?.set(byte, to);
      next.push(new Map());
      fail.push(0);
      ends.push(0);
      depth.push((depth[state] ?? 0) + 1);
    }
    state = to;
  }
  ends[state] = form.length;
}

/** Breadth first: the state to go on from where a byte does not fit. */
function link({ next, fail, ends }: Trie): void {
  const queue = [0];
  for (let at = 0; at < queue.length; at++) {
    const state = queue[at] ?? 0;
    for (const [byte, to] of next[state] ?? []) {
      let back = fail[state] ?? 0;
      while (back !== 0 && !next[back]?.has(byte)) back = fail[back] ?? 0;
      const found = state === 0 ? 0 : (next[back]?.get(byte) ?? 0);
      fail[to] = found === to ? 0 : found;
      ends[to] = Math.max(ends[to] ?? 0, ends[fail[to] ?? 0] ?? 0);
      queue.push(to);
    }
  }
}

/** The value, in base64 (alone, and wherever it stands in more), twice in base64, escaped for URLs and for JSON. */
function formsOf(value: Buffer): Buffer[] {
  if (value.length < SHORTEST_VALUE) return [];
  const text = value.toString();
  const isText = Buffer.from(text).equals(value);
  const base64 = value.toString("base64");
  const plain = [value, ...parts(value), Buffer.from(base64).toString("base64").replace(/=+$/, "")];
  const escaped = isText ? [encodeURIComponent(text.toWellFormed()), JSON.stringify(text).slice(1, -1)] : [];
  // The last line end of a file is seldom shown.
  const trimmed = isText && text.trimEnd() !== text ? [text.trimEnd()] : [];
  const all = [...plain, ...escaped, ...trimmed].map((form) => Buffer.from(form));
  return all.filter(({ length }) => length >= SHORTEST_VALUE);
}

/** Of the base64 of a longer text in which the value begins 0, 1 or 2 bytes behind a multiple of three. */
function parts(value: Buffer): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), value]).toString("base64");
    const end = text.endsWith("=") ? text.indexOf("=") - 1 : text.length;
    const part = text.slice(shift === 0 ? 0 : shift + 1, end);
    const urlSafe = part.replaceAll("+", "-").replaceAll("/", "_");
    return urlSafe === part ? [part] : [part, urlSafe];
  });
}

/** One stream. */
export class ValueScanner {
  readonly #known: KnownValues;
  #state = 0;
  /** What may still become a value, and is not out yet. */
  #held: Buffer = Buffer.alloc(0);
  /** How much of the beginning of that is out already. */
  #out = 0;

  constructor(known: KnownValues) {
    this.#known = known;
  }

  /** What may go out of it by now. */
  push(bytes: Uint8Array): Buffer {
    if (this.#known.next.length === 1) return Buffer.from(bytes);
    const { next, fail, ends, depth } = this.#known;
    const text = Buffer.concat([this.#held, bytes]);
    const found: Buffer[] = [];
    // Up to where `text` is out; and from where it is a value that has been found.
    let done = this.#out;
    let masked: { from: number; to: number } | undefined;
    const settle = (upTo: number) => {
      if (masked !== undefined && masked.from <= upTo) {
        if (masked.from > done) found.push(text.subarray(done, masked.from));
        found.push(REPLACEMENT);
        done = Math.max(done, masked.to);
        masked = undefined;
      }
      if (upTo > done) {
        found.push(text.subarray(done, upTo));
        done = upTo;
      }
    };
    for (let at = this.#held.length; at < text.length; at++) {
      const byte = text[at] ?? 0;
      while (this.#state !== 0 && !next[this.#state]?.has(byte)) this.#state = fail[this.#state] ?? 0;
      this.#state = next[this.#state]?.get(byte) ?? 0;
      const length = ends[this.#state] ?? 0;
      // Values that overlap are one spot.
      if (length > 0) masked = widened(masked, at + 1 - length, at + 1);
      const open = at + 1 - (depth[this.#state] ?? 0);
      if (masked !== undefined && masked.to <= open) settle(masked.to);
    }
    const open = text.length - (depth[this.#state] ?? 0);
    return this.#rest(text, found, { open, masked, settle, done: () => done });
  }

  #rest(
    text: Buffer,
    found: Buffer[],
    step: {
      open: number;
      masked: { from: number; to: number } | undefined;
      settle: (upTo: number) => void;
      done: () => number;
    },
  ): Buffer {
    const { open, masked, settle, done } = step;
    // What is found is told at once; where it goes on into another one, that one begins with it.
    if (masked === undefined) {
      const few = text.length - open <= RELEASED ? text.length : open;
      settle(Math.max(open, few));
    } else settle(masked.to);
    this.#held = Buffer.from(text.subarray(open));
    this.#out = Math.max(0, done() - open);
    return Buffer.concat(found);
  }

  /** What is left at the end of the stream. */
  end(): Buffer {
    const rest = this.#held.subarray(this.#out);
    this.#held = Buffer.alloc(0);
    this.#out = 0;
    this.#state = 0;
    return Buffer.from(rest);
  }
}

function widened(masked: { from: number; to: number } | undefined, from: number, to: number) {
  if (masked === undefined || masked.to < from) return { from, to };
  return { from: Math.min(masked.from, from), to };
}
