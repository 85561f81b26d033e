/** Byte strings, so kept that all that begin at a place of a text are found by one walk. */

/** By so many of its first bytes a string is looked up. */
export const ANCHOR = 4;
/** No node. */
export const NONE = 0;
/** Knuth's: spreads what is alike. */
export const MULTIPLIER = 0x9e3779b1 | 0;
/** A text is looked at at each third byte: of each string, four bytes from its first, second and third on are known. */
export const STRIDE = 3;
/** Strings are at least that long. */
export const SHORTEST = ANCHOR + STRIDE - 1;
/** Places in the filter for each anchor: so few of the other bytes are looked up. */
const SPREAD = 32;
const [FEWEST_BITS, MOST_BITS] = [13, 25];
const SOME = 256;

/**
 * A tree of bytes below each anchor, in arrays: of so many strings, an object each would take more than they do. Strings
 * are added, and never taken out.
 */
export class ValueIndex {
  /** Hashes of the anchors at each string's first three bytes, a bit each: most places of a text are passed over after one look. */
  filter = new Uint8Array(2 ** FEWEST_BITS / 8);
  shift = 32 - FEWEST_BITS;
  /** The bytes that are among the first of a string. */
  readonly inBeginnings = new Uint8Array(256);
  /** By their number, the first one, two and three bytes of each string, three by a hash: a bit each. */
  readonly #beginnings = [0, 8, 16, 19].map((bits) => new Uint8Array(Math.ceil(2 ** bits / 8)));
  /** All strings, one after another; the labels of nodes lie in them. */
  bytes = new Uint8Array(SOME);
  /** Of each node its label, its first child, the next child of its parent, and whose string ends there; 0: none does. */
  from = new Int32Array(SOME);
  size = new Int32Array(SOME);
  child = new Int32Array(SOME);
  sibling = new Int32Array(SOME);
  ends = new Int32Array(SOME);
  /** Where in the bytes each string begins. */
  #begins = new Int32Array(SOME);
  #strings = 0;
  #anchors = new Uint32Array(SOME);
  #roots = new Int32Array(SOME);
  #used = 0;
  #nodes = 1;
  #anchored = 0;

  get isEmpty(): boolean {
    return this.#anchored === 0;
  }

  /** How many strings there are. */
  get count(): number {
    return this.#strings;
  }

  /** Bytes of memory. */
  get weight(): number {
    return this.bytes.length + this.from.length * 20 + this.#anchors.length * 8 + this.filter.length;
  }

  /** One that is long enough. `owner`: a number, not 0, that tells whose it is; whoever adds it first has it. */
  add(string: Uint8Array, owner: number): void {
    const begin = this.#keep(string);
    const end = begin + string.length;
    let node = this.#rootOf(begin);
    let at = begin + ANCHOR;
    while (at < end) {
      const next = this.childBy(node, this.bytes[at] ?? 0);
      if (next === NONE) {
        node = this.#childOf(node, at, end - at);
        break;
      }
      const same = this.#alike(next, at, end);
      if (same < (this.size[next] ?? 0)) this.#split(next, same);
      at += same;
      node = next;
    }
    // Nothing of it was new.
    if (this.ends[node] !== 0) {
      this.#used = begin;
      return;
    }
    this.ends[node] = owner;
    this.#enter(begin);
  }

  #enter(begin: number): void {
    if (this.#strings === this.#begins.length) this.#begins = larger(this.#begins);
    this.#begins[this.#strings++] = begin;
    const wanted = Math.ceil(Math.log2(this.#strings * SPREAD));
    if (wanted <= 32 - this.shift || 32 - this.shift === MOST_BITS) {
      this.#show(begin);
      return;
    }
    this.shift = 32 - Math.min(MOST_BITS, wanted + 1);
    this.filter = new Uint8Array(2 ** (32 - this.shift) / 8);
    for (let at = 0; at < this.#strings; at++) this.#show(this.#begins[at] ?? 0);
  }

  #show(begin: number): void {
    for (let at = begin; at < begin + SHORTEST; at++) this.inBeginnings[this.bytes[at] ?? 0] = 1;
    for (let at = begin; at < begin + STRIDE; at++)
      set(this.filter, Math.imul(anchorAt(this.bytes, at), MULTIPLIER) >>> this.shift);
  }

  /** The child whose label begins with the byte. */
  childBy(node: number, byte: number): number {
    let next = this.child[node] ?? NONE;
    while (next !== NONE && this.bytes[this.from[next] ?? 0] !== byte) next = this.sibling[next] ?? NONE;
    return next;
  }

  /** Are these four bytes among the first of a string? True also by chance. */
  mayHold(anchor: number): boolean {
    const hash = Math.imul(anchor, MULTIPLIER) >>> this.shift;
    return ((this.filter[hash >>> 3] ?? 0) & (1 << (hash & 7))) !== 0;
  }

  /** Where the strings begin that have this anchor. */
  rootBy(anchor: number): number {
    return this.#roots[this.#slotOf(anchor >>> 0)] ?? NONE;
  }

  /** Does a string begin with these bytes, of which there are fewer than in an anchor? True also by chance. */
  mayBegin(bytes: number, count: number): boolean {
    const place = beginning(bytes, count);
    return ((this.#beginnings[count]?.[place >>> 3] ?? 0) & (1 << (place & 7))) !== 0;
  }

  #keep(string: Uint8Array): number {
    const begin = this.#used;
    this.#used += string.length;
    if (this.#used > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.#used, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes.set(string, begin);
    return begin;
  }

  #rootOf(begin: number): number {
    let anchor = 0;
    for (let count = 0; count < ANCHOR; count++) {
      const byte = this.bytes[begin + count] ?? 0;
      anchor = ((anchor << 8) | byte) >>> 0;
      const table = this.#beginnings[count + 1];
      if (table !== undefined) set(table, beginning(anchor, count + 1));
    }
    const slot = this.#slotOf(anchor);
    const known = this.#roots[slot] ?? NONE;
    if (known !== NONE) return known;
    const root = this.#node(begin, 0);
    this.#anchors[slot] = anchor;
    this.#roots[slot] = root;
    this.#anchored++;
    if (this.#anchored * 2 > this.#roots.length) this.#enlarge();
    return root;
  }

  #slotOf(anchor: number): number {
    const mask = this.#roots.length - 1;
    let slot = (Math.imul(anchor, MULTIPLIER) >>> 7) & mask;
    while (this.#roots[slot] !== NONE && this.#anchors[slot] !== anchor) slot = (slot + 1) & mask;
    return slot;
  }

  #enlarge(): void {
    const [anchors, roots] = [this.#anchors, this.#roots];
    this.#anchors = new Uint32Array(anchors.length * 2);
    this.#roots = new Int32Array(roots.length * 2);
    for (let at = 0; at < roots.length; at++) {
      const [anchor = 0, root = NONE] = [anchors[at], roots[at]];
      if (root === NONE) continue;
      const slot = this.#slotOf(anchor);
      this.#anchors[slot] = anchor;
      this.#roots[slot] = root;
    }
  }

  #node(from: number, size: number): number {
    const node = this.#nodes++;
    if (node === this.from.length) {
      this.from = larger(this.from);
      this.size = larger(this.size);
      this.child = larger(this.child);
      this.sibling = larger(this.sibling);
      this.ends = larger(this.ends);
    }
    this.from[node] = from;
    this.size[node] = size;
    return node;
  }

  #childOf(parent: number, from: number, size: number): number {
    const node = this.#node(from, size);
    this.sibling[node] = this.child[parent] ?? NONE;
    this.child[parent] = node;
    return node;
  }

  #alike(node: number, at: number, end: number): number {
    const from = this.from[node] ?? 0;
    const most = Math.min(this.size[node] ?? 0, end - at);
    let same = 1;
    while (same < most && this.bytes[from + same] === this.bytes[at + same]) same++;
    return same;
  }

  /** The node keeps so much of its label; the rest, and all that is below it, is its child's. */
  #split(node: number, keeps: number): void {
    const [from = 0, size = 0] = [this.from[node], this.size[node]];
    const rest = this.#node(from + keeps, size - keeps);
    this.child[rest] = this.child[node] ?? NONE;
    this.ends[rest] = this.ends[node] ?? 0;
    this.size[node] = keeps;
    this.child[node] = rest;
    this.ends[node] = 0;
  }
}

function anchorAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)
  );
}

function beginning(bytes: number, count: number): number {
  return count < 3 ? bytes : Math.imul(bytes, MULTIPLIER) >>> 13;
}

function set(bits: Uint8Array, at: number): void {
  bits[at >>> 3] = (bits[at >>> 3] ?? 0) | (1 << (at & 7));
}

function larger(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(array.length * 2);
  copy.set(array);
  return copy;
}
