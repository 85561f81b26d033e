/**
 * JSON objects with a long array in them, such as lists of Kubernetes objects, taken apart as their bytes come in:
 * neither the text nor the array is ever in memory as a whole.
 */

/** A member of the object; or some elements, in order, of an array that is given in parts. */
export type Piece =
  | { type: "member"; name: string; value: unknown }
  | { type: "elements"; name: string; values: readonly unknown[] };

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
const IS_STRUCTURE = new Uint8Array(256);
for (const byte of [COMMA, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET]) IS_STRUCTURE[byte] = 1;

/** Longer strings are taken for values. */
const SHORT = 32;

/** Where in the object the reader is. "gap" is between an array given in parts and the comma that follows. */
type Place = "before" | "member" | "array" | "gap" | "after";

/** Reads one JSON object. Its methods throw a SyntaxError, which never quotes the input, on anything else. */
export class JsonList {
  readonly #parted: ReadonlySet<string>;
  readonly #names = new Set<string>();
  #place: Place = "before";
  /** The array being read, and whether a comma was in it. */
  #array = "";
  #many = false;
  /** How many braces and brackets are open. */
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** What came before the present chunk and is not taken yet. */
  #held: Buffer[] = [];
  #chunk: Buffer = Buffer.alloc(0);
  /** Where in the chunk begins what is not taken yet. */
  #start = 0;
  /** The last comma between elements of the array; what is before it is taken in one go. -1: none in this chunk. */
  #comma = -1;
  #pieces: Piece[] = [];

  /** `parted`: the members whose arrays are given in parts. */
  constructor(parted: readonly string[]) {
    this.#parted = new Set(parted);
  }

  /** What has become complete with these bytes. They are kept as they are for a while, so nobody changes them. */
  push(bytes: Uint8Array): readonly Piece[] {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#chunk = chunk;
    this.#start = 0;
    this.#comma = -1;
    this.#pieces = [];
    let at = this.#inString ? this.#stringEnd(0) : 0;
    while (at < chunk.length) {
      const byte = chunk[at] ?? 0;
      if (byte === QUOTE) at = this.#stringEnd(at + 1);
      else if (IS_STRUCTURE[byte] === 1) this.#structure(byte, at++);
      else at++;
    }
    if (this.#comma >= 0) this.#takeElements(this.#comma, true);
    if (this.#start < chunk.length) this.#held.push(chunk.subarray(this.#start));
    this.#start = chunk.length;
    if (this.#place === "before" || this.#place === "after") this.#blank(chunk.length);
    return this.#pieces;
  }

  #structure(byte: number, at: number): void {
    switch (byte) {
      case OPEN_BRACE:
      case OPEN_BRACKET:
        this.#depth++;
        if (this.#depth <= 2) this.#open(at);
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        this.#depth--;
        if (this.#depth <= 1) this.#close(at);
        break;
      case COMMA:
        if (this.#depth === 2 && this.#place === "array") this.#comma = at;
        else if (this.#depth === 1) this.#next(at);
    }
  }

  /** To be called after the last byte. */
  end(): void {
    if (this.#place !== "after") throw malformed();
  }

  /** Where the string that is open at `at` has ended; the end of the chunk where it goes on. */
  #stringEnd(at: number): number {
    const chunk = this.#chunk;
    const near = Math.min(at + SHORT, chunk.length);
    let [here, escaped] = [at, this.#escaped];
    for (; here < chunk.length; here++) {
      // What is long is searched by faster means, unless there are escapes in it.
      if (here === near && !escaped) {
        here = beforeQuote(chunk, here);
        if (here === chunk.length) break;
      }
      if (escaped) escaped = false;
      else if (chunk[here] === BACKSLASH) escaped = true;
      else if (chunk[here] === QUOTE) {
        this.#inString = false;
        this.#escaped = false;
        return here + 1;
      }
    }
    this.#inString = true;
    this.#escaped = escaped;
    return here;
  }

  #open(at: number): void {
    const bracket = this.#chunk[at];
    if (this.#depth === 1) {
      if (this.#place !== "before" || bracket !== OPEN_BRACE) throw malformed();
      this.#blank(at);
      this.#place = "member";
    } else {
      if (this.#place !== "member" || bracket !== OPEN_BRACKET) return;
      const { name } = memberOf(`${this.#text(at)}null`);
      if (!this.#parted.has(name)) return;
      this.#name(name);
      this.#skip(at);
      [this.#place, this.#array, this.#many] = ["array", name, false];
    }
    this.#start = at + 1;
  }

  #close(at: number): void {
    const bracket = this.#chunk[at];
    if (this.#depth === 1) {
      if (this.#place !== "array") return;
      if (bracket !== CLOSE_BRACKET) throw malformed();
      this.#takeElements(at, this.#many || this.#comma >= 0);
      this.#place = "gap";
    } else {
      if (this.#depth < 0 || bracket !== CLOSE_BRACE) throw malformed();
      this.#takeMember(at, this.#names.size === 0);
      this.#place = "after";
    }
    this.#start = at + 1;
  }

  #next(at: number): void {
    this.#takeMember(at, false);
    this.#place = "member";
    this.#start = at + 1;
  }

  #takeMember(end: number, mayBeNone: boolean): void {
    const text = this.#text(end);
    this.#skip(end);
    if (this.#place === "gap" || (mayBeNone && text.trim() === "")) {
      if (text.trim() !== "") throw malformed();
      return;
    }
    const { name, value } = memberOf(text);
    this.#name(name);
    this.#pieces.push({ type: "member", name, value });
  }

  #takeElements(end: number, mustBeSome: boolean): void {
    const text = this.#text(end);
    this.#skip(end + 1);
    this.#many = true;
    this.#comma = -1;
    const values = parsed(`[${text}]`);
    if (!Array.isArray(values) || (mustBeSome && values.length === 0)) throw malformed();
    if (values.length > 0) this.#pieces.push({ type: "elements", name: this.#array, values });
  }

  /** One name twice: readers differ on which of the two counts. */
  #name(name: string): void {
    if (this.#names.has(name)) throw malformed();
    this.#names.add(name);
  }

  #blank(end: number): void {
    if (this.#text(end).trim() !== "") throw malformed();
    this.#skip(end);
  }

  /** What is not taken yet, up to there. */
  #text(end: number): string {
    const last = this.#chunk.subarray(this.#start, Math.max(end, this.#start));
    return (this.#held.length === 0 ? last : Buffer.concat([...this.#held, last])).toString();
  }

  #skip(to: number): void {
    this.#held = [];
    this.#start = to;
  }
}

/** The next quote, or the first of the backslashes before it; the end of the chunk where there is none. */
function beforeQuote(chunk: Buffer, from: number): number {
  const quote = chunk.indexOf(QUOTE, from);
  let here = quote < 0 ? chunk.length : quote;
  while (here > from && chunk[here - 1] === BACKSLASH) here--;
  return here;
}

function memberOf(text: string): { name: string; value: unknown } {
  const object = parsed(`{${text}}`);
  const [member, another] = typeof object === "object" && object !== null ? Object.entries(object) : [];
  if (member === undefined || another !== undefined) throw malformed();
  const [name, value] = member;
  return { name, value };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed();
  }
}

function malformed(): SyntaxError {
  return new SyntaxError("not a JSON object");
}
