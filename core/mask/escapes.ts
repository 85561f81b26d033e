/** One character of a text that may be escaped as in JSON or in a URL, and that more than once. */

const [PERCENT, BACKSLASH, LETTER_U] = [0x25, 0x5c, 0x75];
/** Behind a backslash, in JSON. */
const SHORT_ESCAPES = new Int16Array(256).fill(-1);
for (const [letter, stands] of ['""', "\\\\", "//", "b\b", "f\f", "n\n", "r\r", "t\t"])
  SHORT_ESCAPES[letter?.charCodeAt(0) ?? 0] = stands?.charCodeAt(0) ?? -1;
const HEX = new Int16Array(256).fill(-1);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  HEX[digit.charCodeAt(0)] = value;
  HEX[digit.toUpperCase().charCodeAt(0)] = value;
}

export function mayEscape(byte: number): boolean {
  return byte === PERCENT || byte === BACKSLASH;
}

/** Where there may be some, in order. */
export function* escapesIn(text: Buffer): Generator<number> {
  let percent = from(text, PERCENT, 0);
  let backslash = from(text, BACKSLASH, 0);
  while (percent < text.length || backslash < text.length) {
    const at = Math.min(percent, backslash);
    yield at;
    if (at === percent) percent = from(text, PERCENT, at + 1);
    else backslash = from(text, BACKSLASH, at + 1);
  }
}

function from(text: Buffer, byte: number, at: number): number {
  const found = text.indexOf(byte, at);
  return found < 0 ? text.length : found;
}

/** Above a byte: a character of Unicode, which was escaped as that. */
export const CHARACTER = 0x100;

/** What was read last. */
export class Unit {
  /** A byte, or a character and CHARACTER. */
  value = 0;
  /** Where the text goes on behind it. */
  next = 0;

  /** `level`: how many escapes within each other are looked through; what is none is a byte. False: the text ends before it. */
  read(text: Uint8Array, at: number, level: number): boolean {
    if (at >= text.length) return false;
    if (level === 0) return this.#is(text[at] ?? 0, at + 1);
    if (!this.read(text, at, level - 1)) return false;
    const { value, next } = this;
    if (value === PERCENT) return this.#percent(text, next, level - 1);
    return value === BACKSLASH ? this.#backslash(text, next, level - 1) : true;
  }

  #is(value: number, next: number): true {
    this.value = value;
    this.next = next;
    return true;
  }

  #percent(text: Uint8Array, at: number, level: number): boolean {
    const value = this.#hex(text, at, level, 2);
    if (value === ENDED) return false;
    return value === NOT_HEX ? this.#is(PERCENT, at) : this.#is(value, this.next);
  }

  #backslash(text: Uint8Array, at: number, level: number): boolean {
    if (!this.read(text, at, level)) return false;
    if (this.value !== LETTER_U) {
      const stands = SHORT_ESCAPES[this.value] ?? -1;
      return stands < 0 ? this.#is(BACKSLASH, at) : this.#is(stands, this.next);
    }
    const value = this.#hex(text, this.next, level, 4);
    if (value === ENDED) return false;
    if (value === NOT_HEX) return this.#is(BACKSLASH, at);
    const { next } = this;
    if (value < 0x80) return this.#is(value, next);
    if (value < 0xd800 || value > 0xdbff) return this.#is(CHARACTER + value, next);
    const low = this.#lowSurrogate(text, next, level);
    if (low === ENDED) return false;
    if (low === NOT_HEX) return this.#is(CHARACTER + value, next);
    return this.#is(CHARACTER + 0x10000 + ((value & 0x3ff) << 10) + (low & 0x3ff), this.next);
  }

  #lowSurrogate(text: Uint8Array, at: number, level: number): number {
    for (const [n, letter] of [BACKSLASH, LETTER_U].entries()) {
      if (!this.read(text, n === 0 ? at : this.next, level)) return ENDED;
      if (this.value !== letter) return NOT_HEX;
    }
    const value = this.#hex(text, this.next, level, 4);
    return value >= 0 && (value & 0xfc00) !== 0xdc00 ? NOT_HEX : value;
  }

  /** So many digits; `next` is behind them. */
  #hex(text: Uint8Array, at: number, level: number, digits: number): number {
    let value = 0;
    this.next = at;
    for (let digit = 0; digit < digits; digit++) {
      if (!this.read(text, this.next, level)) return ENDED;
      const one = HEX[this.value] ?? NOT_HEX;
      if (one < 0) return NOT_HEX;
      value = value * 16 + one;
    }
    return value;
  }
}

const NOT_HEX = -1;
const ENDED = -2;
