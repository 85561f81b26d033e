/**
 * Where known values stand in bytes: as they are, and escaped as in JSON and in URLs, also where only some of their
 * characters are. What is found at a place depends on nothing but the bytes from there on, so that it is the same
 * however a stream is cut.
 */
import { CHARACTER, holdsSpecial, isBreak, mayEscape, nextSpecial, SPACE, TAB, Unit } from "./escapes.ts";
import { ANCHOR, MULTIPLIER, NONE, SHORTEST, STRIDE, type ValueIndex } from "./value-index.ts";

/** A walk of more steps than this goes in circles of escapes: as far as it came counts as a value. */
const MOST_STEPS = 20_000;
/** So far is what follows indented, at most. */
const MOST_BLANKS = 256;

/** From a byte to the one behind the last. */
export interface Spot {
  from: number;
  to: number;
}

export interface Found {
  /** In order, none touching another. */
  spots: Spot[];
  /** Whose they are. */
  owners: ReadonlySet<number>;
  /** From here on it may be the beginning of a value that goes on. */
  open: number;
}

export interface Search {
  /** What is behind it: more, nothing, or nobody knows: then the beginning of a value at the end counts as one. */
  end: "open" | "end" | "cut";
  /** What is shorter than an anchor does not count as the beginning of a value. */
  isPrompt: boolean;
  /** How many escapes within each other are looked through. */
  depth: number;
}

export function findValues(index: ValueIndex, text: Buffer, search: Search): Found {
  const walk = new Walk(index, text, search);
  const view = new DataView(text.buffer, text.byteOffset, text.length);
  plain(walk, index, view);
  around(walk, index, text, view, search.depth);
  if (search.end === "open" && !search.isPrompt) beginning(walk, index, text);
  return { spots: merged(walk.spots), owners: walk.owners, open: walk.open };
}

/** All places whose first bytes are there as they are. */
function plain(walk: Walk, index: ValueIndex, view: DataView): void {
  const end = view.byteLength - ANCHOR + 1;
  let at = nextLook(index, view, STRIDE - 1);
  for (; at < end; at = nextLook(index, view, at + STRIDE))
    for (let from = at - STRIDE + 1; from <= at; from++) walk.plainly(from, view);
  // What began behind the last look.
  for (let from = at - STRIDE + 1; from < end; from++) walk.plainly(from, view);
}

/** The first look from there on at what may be known. By itself: what stands behind a hot loop, V8 compiles too late. */
function nextLook({ filter, shift }: ValueIndex, view: DataView, from: number): number {
  const end = view.byteLength - ANCHOR + 1;
  let at = from;
  for (; at < end; at += STRIDE) {
    const hash = Math.imul(view.getInt32(at), MULTIPLIER) >>> shift;
    if (((filter[hash >>> 3] ?? 0) & (1 << (hash & 7))) !== 0) break;
  }
  return at;
}

/** Places at escapes and at the ends of lines, and those shortly before. */
function around(walk: Walk, index: ValueIndex, text: Uint8Array, view: DataView, depth: number): void {
  let next = 0;
  for (let at = nextSpecial(view, 0); at < text.length; at = nextSpecial(view, at + 1)) {
    const may = isBreak(text[at] ?? 0)
      ? isBrokenFirst(index, view, at, at + 1)
      : isEscapedFirst(index, text, view, at, depth);
    if (!may) continue;
    for (let from = Math.max(next, at - SHORTEST + 1); from <= at; from++) walk.anywhere(from);
    next = at + 1;
  }
}

const UNIT = new Unit();

/** May what is escaped there be among the first bytes of a string, or break a line there? */
function isEscapedFirst(
  index: ValueIndex,
  text: Uint8Array,
  view: DataView,
  at: number,
  depth: number,
): boolean {
  // What it is by itself has been looked for with all that is not escaped.
  let last = at + 1;
  for (let level = 1; level <= depth; level++) {
    if (!UNIT.read(text, at, level)) return true;
    const { value, next } = UNIT;
    if (next !== last && mayBeFirst(index, view, at, next, value)) return true;
    last = next;
    // Nothing that goes on as an escape within this one.
    if (!mayEscape(value)) break;
  }
  return false;
}

function mayBeFirst(index: ValueIndex, view: DataView, at: number, next: number, value: number): boolean {
  if (value >= CHARACTER) return true;
  if (index.inBeginnings[value] === 1 && isAmongFirst(index, view, at, next, value)) return true;
  return isBreak(value) && isBrokenFirst(index, view, at, next);
}

/**
 * The byte is what stands from `at` to `next`. Of a string among whose first bytes it is, the anchors at the first three
 * are known: one of them ends with it where it is the fourth or a later one, or else begins with it, and so is the one
 * before or behind that.
 */
function isAmongFirst(index: ValueIndex, view: DataView, at: number, next: number, byte: number): boolean {
  if (!isPlain(view, at, next)) return true;
  const [before, behind] = [view.getInt32(at - ANCHOR), view.getInt32(next)];
  const isBehind = index.mayHold((before << 8) | byte);
  if (isBehind && index.mayHold(before)) return true;
  if (isBehind && index.mayHold((before << 16) | (byte << 8) | (behind >>> 24))) return true;
  if (!index.mayHold((byte << 24) | (behind >>> 8))) return false;
  return index.mayHold((before << 24) | (byte << 16) | (behind >>> 16)) || index.mayHold(behind);
}

/** Likewise of a string that goes on at `next`, behind the end of a line at `at`, and what is indented there. */
function isBrokenFirst(index: ValueIndex, view: DataView, at: number, from: number): boolean {
  let next = from;
  while (next < view.byteLength && isBlank(view.getUint8(next))) next++;
  if (!isPlain(view, at, next)) return true;
  const [before, behind] = [view.getInt32(at - ANCHOR), view.getInt32(next)];
  const hasTwo = index.mayHold((before << 16) | (behind >>> 16));
  if (index.mayHold((before << 8) | (behind >>> 24)) && (hasTwo || index.mayHold(before))) return true;
  return index.mayHold((before << 24) | (behind >>> 8)) && (hasTwo || index.mayHold(behind));
}

/** Is all that counts before and behind it there, with no escapes or ends of lines, which may be read in several ways? */
function isPlain(view: DataView, at: number, next: number): boolean {
  if (at < ANCHOR || next + ANCHOR > view.byteLength) return false;
  return !holdsSpecial(view.getInt32(at - ANCHOR)) && !holdsSpecial(view.getInt32(next));
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/** What is too short for an anchor, without escapes. */
function beginning(walk: Walk, index: ValueIndex, text: Uint8Array): void {
  let bytes = 0;
  for (let count = 1; count < ANCHOR && count <= text.length; count++) {
    const at = text.length - count;
    bytes |= (text[at] ?? 0) << (8 * (count - 1));
    if (index.mayBegin(bytes, count)) walk.isOpenAt(at);
  }
}

/** Where in the index a string is. */
interface Place {
  /** Of its first bytes, as many as an anchor has. */
  anchor: number;
  count: number;
  node: number;
  /** Bytes of the node's label. */
  offset: number;
  /** How many ends of lines, and blanks behind these, are passed over. */
  blanks: number;
}

class Walk {
  readonly spots: Spot[] = [];
  readonly owners = new Set<number>();
  open: number;
  readonly #index: ValueIndex;
  readonly #text: Uint8Array;
  readonly #search: Search;
  #best = 0;
  #isOpen = false;
  #isCut = false;
  #steps = 0;

  constructor(index: ValueIndex, text: Uint8Array, search: Search) {
    this.#index = index;
    this.#text = text;
    this.#search = search;
    this.open = text.length;
  }

  isOpenAt(at: number): void {
    if (at < this.open) this.open = at;
  }

  /** With an anchor that is there as it is. */
  plainly(from: number, view: DataView): void {
    const index = this.#index;
    const end = Math.min(from + STRIDE, view.byteLength - ANCHOR + 1);
    for (let at = from; at < end; at++) if (!index.mayHold(view.getInt32(at))) return;
    const node = index.rootBy(view.getInt32(from));
    if (node !== NONE) this.#begin(from, from + ANCHOR, { ...NOWHERE, count: ANCHOR, node });
  }

  anywhere(from: number): void {
    this.#begin(from, from, { ...NOWHERE });
  }

  #begin(from: number, at: number, place: Place): void {
    this.#best = 0;
    this.#isOpen = false;
    this.#isCut = false;
    this.#steps = 0;
    this.#along(at, place);
    const { end } = this.#search;
    if (end === "cut" && this.#isCut) this.#best = this.#text.length;
    if (this.#best > 0) this.spots.push({ from, to: this.#best });
    if (this.#isOpen && end === "open") this.isOpenAt(from);
  }

  /** As far as it goes, by each way to read what may be an escape. */
  #along(begin: number, place: Place): void {
    const text = this.#text;
    for (let at = begin; at < text.length; at++) {
      if (++this.#steps > MOST_STEPS) {
        this.#best = Math.max(this.#best, at);
        return;
      }
      const byte = text[at] ?? 0;
      if (mayEscape(byte)) this.#decoded(at, place);
      if (!this.#take(place, byte, at + 1)) return;
    }
    this.#ended(place);
  }

  #ended({ count, node, offset }: Place): void {
    const index = this.#index;
    if (count < ANCHOR) this.#isOpen ||= !this.#search.isPrompt;
    else if (offset < (index.size[node] ?? 0) || index.child[node] !== NONE) {
      this.#isOpen = true;
      this.#isCut = true;
    }
  }

  #decoded(at: number, place: Place): void {
    const unit = new Unit(this.#search.end === "end");
    let last = at + 1;
    for (let level = 1; level <= this.#search.depth; level++) {
      if (!unit.read(this.#text, at, level)) {
        this.#ended(place);
        return;
      }
      if (unit.next === last) continue;
      last = unit.next;
      const there = { ...place };
      if (bytesOf(unit.value).every((byte) => this.#take(there, byte, unit.next)))
        this.#along(unit.next, there);
    }
  }

  /** False: no string goes on with this byte, behind which the text goes on at `next`. */
  #take(place: Place, byte: number, next: number): boolean {
    if (!this.#step(place, byte)) {
      // Programs break lines, and indent what follows.
      const isBetween = isBreak(byte) || (place.blanks > 0 && isBlank(byte));
      place.blanks = isBetween ? place.blanks + 1 : 0;
      return isBetween && place.count > 0 && place.blanks <= MOST_BLANKS;
    }
    place.blanks = isBreak(byte) ? 1 : 0;
    const { count, node, offset } = place;
    const owner = this.#index.ends[node] ?? 0;
    if (count !== ANCHOR || offset !== this.#index.size[node] || owner === 0) return true;
    this.owners.add(owner);
    this.#best = Math.max(this.#best, next);
    return true;
  }

  /** False: it stays where it is. */
  #step(place: Place, byte: number): boolean {
    const index = this.#index;
    const { node, offset, count } = place;
    if (count < ANCHOR) {
      const anchor = (place.anchor << 8) | byte;
      const root = count + 1 < ANCHOR ? NONE : index.rootBy(anchor);
      if (count + 1 < ANCHOR ? !index.mayBegin(anchor, count + 1) : root === NONE) return false;
      place.anchor = anchor;
      place.count++;
      place.node = root;
      return true;
    }
    if (offset < (index.size[node] ?? 0)) {
      if (index.bytes[(index.from[node] ?? 0) + offset] !== byte) return false;
      place.offset++;
      return true;
    }
    const child = index.childBy(node, byte);
    if (child === NONE) return false;
    place.node = child;
    place.offset = 1;
    return true;
  }
}

const NOWHERE: Readonly<Place> = { anchor: 0, count: 0, node: NONE, offset: 0, blanks: 0 };

function bytesOf(value: number): number[] {
  return value < CHARACTER ? [value] : [...Buffer.from(String.fromCodePoint(value - CHARACTER))];
}

function merged(spots: Spot[]): Spot[] {
  const all: Spot[] = [];
  for (const { from, to } of spots.sort((a, b) => a.from - b.from)) {
    const last = all.at(-1);
    if (last === undefined || from > last.to) all.push({ from, to });
    else last.to = Math.max(last.to, to);
  }
  return all;
}
