/** The strings extension: positions count code points, and what is built is paid for before it is built. */
import { failure } from "./failure.ts";
import { spend } from "./meter.ts";

function points(text: string): string[] {
  spend(text.length, text.length * 8);
  return [...text];
}

function slice(text: string, start: bigint, end?: bigint): string {
  const all = points(text);
  const last = end ?? BigInt(all.length);
  if (start < 0n || start > last || last > BigInt(all.length)) throw failure("index_out_of_range");
  return all.slice(Number(start), Number(last)).join("");
}

function charAt(text: string, at: bigint): string {
  const all = points(text);
  if (at < 0n || at > BigInt(all.length)) throw failure("index_out_of_range");
  return all[Number(at)] ?? "";
}

const indexIn = (text: string, unit: number): bigint =>
  unit < 0 ? -1n : BigInt(points(text.slice(0, unit)).length);

function indexOf(text: string, part: string): bigint {
  spend(text.length + part.length);
  return indexIn(text, text.indexOf(part));
}

function lastIndexOf(text: string, part: string): bigint {
  spend(text.length + part.length);
  return indexIn(text, text.lastIndexOf(part));
}

function replace(text: string, part: string, by: string, limit: bigint): string {
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

function split(text: string, separator: string, limit: bigint): string[] {
  if (limit === 0n) return [];
  spend(text.length, text.length * 8);
  const pieces = separator === "" ? [...text] : text.split(separator);
  if (limit < 0n || pieces.length <= limit) return pieces;
  const kept = Number(limit) - 1;
  return [...pieces.slice(0, kept), pieces.slice(kept).join(separator)];
}

function join(list: readonly string[], separator: string): string {
  let length = 0;
  for (const item of list) {
    if (typeof item !== "string") throw failure("no_matching_overload");
    length += item.length + separator.length;
  }
  spend(list.length, length);
  return list.join(separator);
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

export const STRINGS = {
  "string.charAt(int): string": charAt,
  "string.hoop_indexOf(string): int": indexOf,
  "string.hoop_lastIndexOf(string): int": lastIndexOf,
  "string.hoop_substring(int): string": (text: string, start: bigint) => slice(text, start),
  "string.hoop_substring(int, int): string": slice,
  "string.replace(string, string): string": (text: string, part: string, by: string) =>
    replace(text, part, by, -1n),
  "string.replace(string, string, int): string": replace,
  "string.hoop_split(string): list<string>": (text: string, separator: string) => split(text, separator, -1n),
  "string.hoop_split(string, int): list<string>": split,
  "list<string>.hoop_join(): string": (list: readonly string[]) => join(list, ""),
  "list<string>.hoop_join(string): string": join,
  "string.hoop_trim(): string": trim,
  "string.hoop_lowerAscii(): string": (text: string) =>
    ascii(text, /[A-Z]+/g, (found) => found.toLowerCase()),
  "string.hoop_upperAscii(): string": (text: string) =>
    ascii(text, /[a-z]+/g, (found) => found.toUpperCase()),
} as const;
