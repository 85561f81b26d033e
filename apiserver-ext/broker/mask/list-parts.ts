/** A list of objects in JSON, taken apart as its bytes come in, so that it is masked item by item. */
import { MAX_DEPTH } from "#core/json.ts";

const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
const IS_STRUCTURE = new Uint8Array(256);
for (const byte of [COLON, COMMA, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET])
  IS_STRUCTURE[byte] = 1;

/** Behind this an array of objects begins. */
const ARRAY = /"(items|rows)"\s*:\s*$/;
/** Most strings end sooner. The ends of others are found by looking for nothing but quotes. */
const SHORT = 64;
/** So long is the name with what may stand around it. */
const NAME = 40;

export interface Item {
  /** In one; to be looked at before the next chunk is pushed, which may use the same memory. */
  json: Buffer;
  /** As it came, with the comma behind it: most items are passed on like that, and never copied. */
  pieces: readonly Buffer[];
  /** A comma is behind it. */
  goesOn: boolean;
  /** Names of members in it. */
  names: number;
}

/** What has become whole. The brackets of the array belong to head and tail. */
export type ListPart =
  | { type: "head"; json: Buffer; array: "items" | "rows" }
  | { type: "items"; items: Item[] };

/** Throws a SyntaxError, which quotes nothing, where the text cannot be JSON, or is nested too deeply. */
export class ListParts {
  #place: "head" | "items" | "tail" = "head";
  #depth = 0;
  #inString = false;
  #escaped = false;
  #names = 0;
  /** What is not taken yet. */
  #held: Buffer[] = [];
  #parts: ListPart[] = [];
  #items: Item[] = [];
  #isEmpty = true;
  /** Where an item is put together that came in several chunks. */
  #scratch: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): ListPart[] {
    this.#parts = [];
    let start = 0;
    let at = this.#inString ? this.#stringEnd(chunk, 0) : 0;
    while (at < chunk.length) {
      const byte = chunk[at] ?? 0;
      if (byte === QUOTE) at = this.#stringEnd(chunk, at + 1);
      else {
        if (IS_STRUCTURE[byte] === 1) start = this.#structure(chunk, byte, at, start);
        at++;
      }
    }
    if (start < chunk.length) this.#held.push(chunk.subarray(start));
    this.#flush();
    return this.#parts;
  }

  /** What is behind the items; all of it where there were none, and none came out. */
  end(): { json: Buffer; hadItems: boolean } {
    if (this.#place === "items" || this.#inString || this.#depth !== 0) throw malformed();
    return { json: Buffer.concat(this.#held), hadItems: this.#place === "tail" };
  }

  #structure(chunk: Buffer, byte: number, at: number, start: number): number {
    switch (byte) {
      case COLON:
        this.#names++;
        return start;
      case COMMA:
        return this.#place === "items" && this.#depth === 2 ? this.#item(chunk, at, start) : start;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (++this.#depth > MAX_DEPTH) throw malformed();
        return byte === OPEN_BRACKET && this.#depth === 2 ? this.#open(chunk, at, start) : start;
      default:
        if (--this.#depth < 0) throw malformed();
        return this.#place === "items" && this.#depth === 1 ? this.#close(chunk, byte, at, start) : start;
    }
  }

  #open(chunk: Buffer, at: number, start: number): number {
    if (this.#place !== "head") return start;
    const head = Buffer.concat([...this.#held, chunk.subarray(start, at + 1)]);
    const [, array] =
      ARRAY.exec(head.toString("latin1", Math.max(0, head.length - 1 - NAME), head.length - 1)) ?? [];
    if (array === undefined) return start;
    this.#parts.push({ type: "head", json: head, array: array === "items" ? "items" : "rows" });
    this.#place = "items";
    this.#held = [];
    this.#names = 0;
    return at + 1;
  }

  #item(chunk: Buffer, at: number, start: number): number {
    const goesOn = chunk[at] === COMMA;
    const last = chunk.subarray(start, at);
    const json = this.#held.length === 0 ? last : this.#together(last);
    const pieces = [...this.#held, goesOn ? chunk.subarray(start, at + 1) : last];
    this.#items.push({ json, pieces, goesOn, names: this.#names });
    this.#held = [];
    this.#names = 0;
    this.#isEmpty = false;
    return at + 1;
  }

  /** What is held, and the last of it. */
  #together(last: Buffer): Buffer {
    const size = this.#held.reduce((sum, { length }) => sum + length, last.length);
    if (size > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(size * 2);
    let at = 0;
    for (const piece of [...this.#held, last]) at += piece.copy(this.#scratch, at);
    return this.#scratch.subarray(0, size);
  }

  #close(chunk: Buffer, byte: number, at: number, start: number): number {
    if (byte !== CLOSE_BRACKET) throw malformed();
    const last = Buffer.concat([...this.#held, chunk.subarray(start, at)]);
    if (!this.#isEmpty || last.toString("latin1").trim() !== "") this.#item(chunk, at, start);
    this.#flush();
    this.#place = "tail";
    this.#held = [];
    return at;
  }

  #flush(): void {
    if (this.#items.length > 0) this.#parts.push({ type: "items", items: this.#items });
    this.#items = [];
  }

  /** Where the string that is open at `at` has ended; the end of the chunk where it goes on. */
  #stringEnd(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#escaped && at < chunk.length) {
      this.#escaped = false;
      at++;
    }
    for (let soon = at + SHORT; at < chunk.length; ) {
      const byte = chunk[at];
      if (byte === QUOTE) {
        this.#inString = false;
        return at + 1;
      }
      at += byte === BACKSLASH ? 2 : 1;
      // Behind the end, too: what is escaped comes with the next chunk.
      if (at < soon || at >= chunk.length) continue;
      at = nextQuote(chunk, at);
      soon = at + SHORT;
    }
    this.#inString = true;
    this.#escaped = at > chunk.length;
    return chunk.length;
  }
}

/** Of a string, from a character of it on: its next quote, or where the one that is escaped has ended. */
function nextQuote(chunk: Buffer, from: number): number {
  const found = chunk.indexOf(QUOTE, from);
  const quote = found < 0 ? chunk.length : found;
  let first = quote;
  while (first > from && chunk[first - 1] === BACKSLASH) first--;
  return quote + ((quote - first) & 1);
}

function malformed(): SyntaxError {
  return new SyntaxError("no list of objects in JSON");
}
