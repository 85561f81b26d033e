/** One character of a text that may be escaped as in JSON, a URL, HTML or a shell, and that more than once. */

const [PERCENT, BACKSLASH, AMPERSAND, SEMICOLON, LETTER_U] = [0x25, 0x5c, 0x26, 0x3b, 0x75];
/** Behind a backslash: in JSON, and whatever shells and languages write so for itself. */
const SHORT_ESCAPES = new Int16Array(256).fill(-1);
for (let code = 0x20; code < 0x7f; code++)
  if (!/[0-9A-Za-z]/.test(String.fromCharCode(code))) SHORT_ESCAPES[code] = code;
for (const [letter, stands] of ["b\b", "f\f", "n\n", "r\r", "t\t"])
  SHORT_ESCAPES[letter?.charCodeAt(0) ?? 0] = stands?.charCodeAt(0) ?? -1;
const HEX = new Int16Array(256).fill(-1);
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16);
  HEX[digit.charCodeAt(0)] = value;
  HEX[digit.toUpperCase().charCodeAt(0)] = value;
}

/** What HTML and XML have between an ampersand and a semicolon. */
const NAMED: ReadonlyMap<string, number> = new Map(
  Object.entries({ lt: 0x3c, gt: 0x3e, amp: AMPERSAND, quot: 0x22, apos: 0x27 }),
);
const NUMBERED = /^#(?:(\d+)|[xX]([\da-fA-F]+))$/;
const LONGEST_REFERENCE = 8;

export function mayEscape(byte: number): boolean {
  return byte === PERCENT || byte === BACKSLASH || byte === AMPERSAND;
}

export const [SPACE, TAB] = [0x20, 0x09];
const [NEWLINE, RETURN] = [0x0a, 0x0d];

export function isBreak(byte: number): boolean {
  return byte === NEWLINE || byte === RETURN;
}

/** Of each pair of bytes: may one of them begin an escape, or end a line? */
const IS_SPECIAL = new Uint8Array(0x10000);
for (let pair = 0; pair < IS_SPECIAL.length; pair++)
  if (isSpecial(pair >>> 8) || isSpecial(pair & 0xff)) IS_SPECIAL[pair] = 1;

function isSpecial(byte: number): boolean {
  return mayEscape(byte) || isBreak(byte);
}

/** Four bytes in one number: is any of them one? */
export function holdsSpecial(four: number): boolean {
  return ((IS_SPECIAL[four >>> 16] ?? 0) | (IS_SPECIAL[four & 0xffff] ?? 0)) !== 0;
}

/** Where the next one may be, from there on; the length of the text: nowhere. */
export function nextSpecial(text: DataView, from: number): number {
  let at = from;
  // By a view, and four bytes in two looks: byte by byte it takes four times as long.
  for (const end = text.byteLength - 3; at < end && !holdsSpecial(text.getInt32(at)); ) at += 4;
  while (at < text.byteLength && !isSpecial(text.getUint8(at))) at++;
  return at;
}

/** Above a byte: a character of Unicode, which was escaped as that. */
export const CHARACTER = 0x100;

/** What was read last. */
export class Unit {
  /** A byte, or a character and CHARACTER. */
  value = 0;
  /** Where the text goes on behind it. */
  next = 0;
  readonly #isWhole: boolean;

  /** @param isWhole nothing is behind the text: what is not whole at its end is no escape. */
  constructor(isWhole = false) {
    this.#isWhole = isWhole;
  }

  /** `level`: how many escapes within each other are looked through; what is none is a byte. False: the text ends before it. */
  read(text: Uint8Array, at: number, level: number): boolean {
    if (at >= text.length) return this.#isWhole && this.#is(NOTHING, at);
    if (level === 0) return this.#is(text[at] ?? 0, at + 1);
    if (!this.read(text, at, level - 1)) return false;
    const { value, next } = this;
    if (value === PERCENT) return this.#percent(text, next, level - 1);
    if (value === AMPERSAND) return this.#reference(text, next, level - 1);
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

  /** By a name or a number. */
  #reference(text: Uint8Array, at: number, level: number): boolean {
    let name = "";
    this.next = at;
    while (name.length <= LONGEST_REFERENCE) {
      if (!this.read(text, this.next, level)) return false;
      if (this.value === SEMICOLON) {
        const code = codeOf(name);
        if (code < 0) break;
        return this.#is(code < 0x80 ? code : CHARACTER + code, this.next);
      }
      if (IN_REFERENCE[this.value] !== 1) break;
      name += String.fromCharCode(this.value);
    }
    return this.#is(AMPERSAND, at);
  }

  #backslash(text: Uint8Array, at: number, level: number): boolean {
    if (!this.read(text, at, level)) return false;
    if (this.value === AMPERSAND) return this.#ampersand(text, at, this.next, level);
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

  /** Behind a backslash at `at`. What is escaped in HTML need have no backslashes escaped. */
  #ampersand(text: Uint8Array, at: number, behind: number, level: number): boolean {
    if (!this.#reference(text, behind, level)) return false;
    return this.next === behind ? this.#is(AMPERSAND, behind) : this.#is(BACKSLASH, at);
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

const IN_REFERENCE = new Uint8Array(256);
for (const letter of "#xXabcdefghijklmnopqrstuvwABCDEF0123456789") IN_REFERENCE[letter.charCodeAt(0)] = 1;

/** -1: it is none. */
function codeOf(reference: string): number {
  const [, decimal, hex] = NUMBERED.exec(reference) ?? [];
  if (hex === undefined && decimal === undefined) return NAMED.get(reference) ?? -1;
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  return code > 0x10ffff ? -1 : code;
}

const NOTHING = -1;
const NOT_HEX = -1;
const ENDED = -2;
