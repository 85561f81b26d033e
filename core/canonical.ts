/**
 * Canonical JSON (RFC 8785): one text for equal values. Written here, and not taken from the `canonicalize`
 * package, because that one follows toJSON into JSON.rawJSON's object, so that ExactNumber(1) would be the
 * same as {"rawJSON":"1"}, and throws on lone surrogates, which an agent may send.
 */
import { ExactNumber, type Json } from "./admission.ts";

/** Twice what parseJson lets through, so that its values can be put into others. */
const MAX_DEPTH = 1000;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Members sorted by UTF-16 code units, no white space, numbers as ECMAScript writes them, ExactNumbers as they
 * were read, lone surrogates as `\udXXX`. Members that are undefined are left out, as JSON.stringify does.
 * @throws RangeError beyond 1000 levels; TypeError for what is not JSON. Neither quotes the value.
 */
export function canonical(value: Json): string {
  return write(value, MAX_DEPTH);
}

function write(value: Json, levels: number): string {
  if (levels === 0) throw new RangeError(`nested deeper than ${MAX_DEPTH} levels`);
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return number(value);
  if (value instanceof ExactNumber) return exactNumber(value);
  if (Array.isArray(value)) return list(value, levels - 1);
  if (typeof value !== "object") throw new TypeError(`${typeof value} is not JSON`);
  let members = "";
  for (const key of sorted(Object.keys(value))) {
    const item = value[key];
    if (item === undefined) continue;
    members += `${members === "" ? "" : ","}${quoted(key)}:${write(item, levels - 1)}`;
  }
  return `{${members}}`;
}

function list(items: readonly Json[], levels: number): string {
  let text = "";
  for (let at = 0; at < items.length; at++)
    text += `${at === 0 ? "" : ","}${write(items[at] as Json, levels)}`;
  return `[${text}]`;
}

/** By UTF-16 code units, which is the default order; most come in it, as the API server writes them. */
function sorted(keys: string[]): string[] {
  for (let at = 1; at < keys.length; at++) if ((keys[at - 1] ?? "") > (keys[at] ?? "")) return keys.sort();
  return keys;
}

/** The names of fields are few, and quoting them is a good part of the work. */
const QUOTED = new Map<string, string>();
const MOST_QUOTED = 2000;
const LONGEST_QUOTED = 40;

function quoted(key: string): string {
  const known = QUOTED.get(key);
  if (known !== undefined) return known;
  const text = JSON.stringify(key);
  if (key.length <= LONGEST_QUOTED && QUOTED.size < MOST_QUOTED) QUOTED.set(key, text);
  return text;
}

function number(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError("a number that is not finite is not JSON");
  return JSON.stringify(value);
}

// Its text goes in unquoted: were it anything but a number, it could stand for a string or for more members.
function exactNumber({ text }: ExactNumber): string {
  if (!NUMBER.test(text)) throw new TypeError("an exact number whose text is no number is not JSON");
  return text;
}
