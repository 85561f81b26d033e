/** The strings extension: positions count code points, and what is built is paid for before it is built. */
import { spend } from "../meter.ts";
import type { Library } from "../types/environment.ts";
import { Failure, type Value } from "../values/value.ts";
import { formatted } from "./format-string.ts";
import { codePoints, points } from "./text.ts";

const OUT_OF_RANGE = new Failure("index out of range");
const NO_STRING = new Failure("join: not a string");

function slice(text: string, start: bigint, end?: bigint): Value {
  const all = points(text);
  const last = end ?? BigInt(all.length);
  if (start < 0n || start > last || last > BigInt(all.length)) return OUT_OF_RANGE;
  return all.slice(Number(start), Number(last)).join("");
}

function charAt(text: string, at: bigint): Value {
  const all = points(text);
  if (at < 0n || at > BigInt(all.length)) return OUT_OF_RANGE;
  return all[Number(at)] ?? "";
}

/** The UTF-16 unit at which that code point begins. */
function unitAt(text: string, point: number): number {
  let unit = 0;
  for (let i = 0; i < point; i++) unit += (text.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
  return unit;
}

const indexIn = (text: string, unit: number): bigint => (unit < 0 ? -1n : codePoints(text.slice(0, unit)));

function indexOf(text: string, part: string, from: bigint): Value {
  if (part === "") return from;
  if (from < 0n) return OUT_OF_RANGE;
  spend(1 + text.length + part.length);
  if (from >= codePoints(text)) return -1n;
  return indexIn(text, text.indexOf(part, unitAt(text, Number(from))));
}

function lastIndexOf(text: string, part: string, from?: bigint): Value {
  spend(1 + text.length + part.length);
  const length = codePoints(text);
  if (part === "") return from ?? length;
  if (from === undefined) return indexIn(text, text.lastIndexOf(part));
  if (from < 0n) return OUT_OF_RANGE;
  if (from >= length) return -1n;
  return indexIn(text, text.lastIndexOf(part, unitAt(text, Number(from))));
}

function replace(text: string, part: string, by: string, limit = -1n): string {
  spend(text.length, text.length);
  const pieces = part === "" ? points(text) : text.split(part);
  const most = part === "" ? pieces.length + 1 : pieces.length - 1;
  const times = limit < 0n || limit > most ? most : Number(limit);
  spend(times, times * by.length);
  if (part === "")
    return [
      ...pieces.map((piece, i) => (i < times ? by + piece : piece)),
      times > pieces.length ? by : "",
    ].join("");
  return pieces.map((piece, i) => (i === 0 ? piece : (i <= times ? by : part) + piece)).join("");
}

function split(text: string, separator: string, limit = -1n): string[] {
  if (limit === 0n) return [];
  spend(text.length, text.length * 8);
  const pieces = separator === "" ? [...text] : text.split(separator);
  if (limit < 0n || pieces.length <= limit) return pieces;
  const kept = Number(limit) - 1;
  return [...pieces.slice(0, kept), pieces.slice(kept).join(separator)];
}

function join(list: readonly Value[], separator = ""): Value {
  const texts: string[] = [];
  for (const item of list) {
    if (typeof item !== "string") return NO_STRING;
    spend(1, item.length + separator.length);
    texts.push(item);
  }
  return texts.join(separator);
}

const SPACE = /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/;

function trim(text: string): string {
  spend(text.length, text.length);
  let [start, end] = [0, text.length];
  while (start < end && SPACE.test(text.charAt(start))) start++;
  while (end > start && SPACE.test(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

const ascii = (text: string, pattern: RegExp, change: (found: string) => string): string => {
  spend(text.length, text.length);
  return text.replace(pattern, change);
};

const QUOTED: ReadonlyMap<string, string> = new Map([
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\\", "\\\\"],
  ['"', '\\"'],
]);

function quoted(text: string): string {
  spend(text.length, text.length * 2);
  return `"${[...text].map((letter) => QUOTED.get(letter) ?? letter).join("")}"`;
}

export const STRINGS: Library = {
  "string.charAt(int): string": charAt,
  "string.indexOf(string): int": (text: string, part: string) => indexOf(text, part, 0n),
  "string.indexOf(string, int): int": indexOf,
  "string.lastIndexOf(string): int": (text: string, part: string) => lastIndexOf(text, part),
  "string.lastIndexOf(string, int): int": lastIndexOf,
  "string.lowerAscii(): string": (text: string) => ascii(text, /[A-Z]+/g, (found) => found.toLowerCase()),
  "string.replace(string, string): string": (text: string, part: string, by: string) =>
    replace(text, part, by),
  "string.replace(string, string, int): string": replace,
  "string.split(string): list<string>": (text: string, separator: string) => split(text, separator),
  "string.split(string, int): list<string>": split,
  "string.substring(int): string": (text: string, start: bigint) => slice(text, start),
  "string.substring(int, int): string": slice,
  "string.trim(): string": trim,
  "string.upperAscii(): string": (text: string) => ascii(text, /[a-z]+/g, (found) => found.toUpperCase()),
  "string.format(list<dyn>): string": formatted,
  "strings.quote(string): string": quoted,
  "list<string>.join(): string": (list: readonly Value[]) => join(list),
  "list<string>.join(string): string": join,
};
