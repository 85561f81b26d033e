/** `'%s'.format([…])`, in the words of Go's English printer. */
import { spend } from "../meter.ts";
import { general, plain } from "../values/number.ts";
import { Duration, inSeconds, shownTimestamp, Timestamp } from "../values/time.ts";
import { CelMap, Failure, isList, TypeValue, Uint, type Value } from "../values/value.ts";

/** `%.3f` is { precision: 3, verb: "f" }; text between clauses is itself. */
export type Piece = string | { readonly verb: string; readonly precision: number | undefined };

const BAD_FORMAT = new Failure("invalid format");
const BAD_ARGUMENT = new Failure("an argument does not fit its formatting clause");
const TOO_FEW = new Failure("too few arguments for the format");
const NOT_TEXT = new Failure("invalid UTF-8 in bytes");
const MOST_DIGITS = 100;
const VERBS = "sdfebxXo";

/** The pieces of a format, or why there are none. */
export function piecesOf(format: string): Piece[] | Failure {
  spend(format.length);
  const pieces: Piece[] = [];
  const clause = /%(?:(%)|(?:\.(\d+))?([^.]))|([^%]+)/gsy;
  while (clause.lastIndex < format.length) {
    const match = clause.exec(format);
    if (match === null) return BAD_FORMAT;
    const [, percent, precision, verb = "", text] = match;
    if (percent !== undefined) pieces.push("%");
    else if (text !== undefined) pieces.push(text);
    else if (!VERBS.includes(verb) || Number(precision ?? 0) > MOST_DIGITS) return BAD_FORMAT;
    else pieces.push({ verb, precision: precision === undefined ? undefined : Number(precision) });
  }
  return pieces;
}

/** Rounds the digits of a decimal half to even, but never half of the first digit down to nothing. */
function rounded(decimal: string, places: number): string {
  const [whole = "0", fraction = ""] = decimal.replace("-", "").split(".");
  if (fraction.length <= places) return `${whole}.${fraction.padEnd(places, "0")}`;
  const kept = BigInt(whole + fraction.slice(0, places));
  const rest = fraction.slice(places);
  const half = `5${"0".repeat(rest.length - 1)}`;
  const isUp = rest > half || (rest === half && (kept % 2n === 1n || kept === 0n));
  const digits = `${kept + (isUp ? 1n : 0n)}`.padStart(places + 1, "0");
  return `${digits.slice(0, digits.length - places)}.${digits.slice(digits.length - places)}`;
}

function fixed(value: number, places: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  const [whole = "0", fraction = ""] = rounded(plain(value), places).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${value < 0 ? "-" : ""}${grouped}${fraction === "" ? "" : `.${fraction}`}`;
}

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** Go's printer takes the precision for a width. */
function scientific(value: number, width: number): string {
  if (!Number.isFinite(value)) return fixed(value, 0).padStart(width);
  const [mantissa = "", exponent = "0"] = value === 0 ? ["0", "0"] : value.toExponential().split("e");
  const power = `${Math.abs(Number(exponent))}`
    .padStart(2, "0")
    .replace(/\d/g, (digit) => RAISED[Number(digit)] ?? "");
  const digits = `${value < 0 ? "-" : ""}${rounded(mantissa, 6)}`;
  return `${digits}×10${Number(exponent) < 0 ? "⁻" : ""}${power}`.padStart(width);
}

const NAMED: ReadonlyMap<Value, number> = new Map<Value, number>([
  ["NaN", Number.NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);

const double = (value: Value): number | undefined => (typeof value === "number" ? value : NAMED.get(value));
const whole = (value: Value): bigint | undefined =>
  value instanceof Uint ? value.value : typeof value === "bigint" ? value : undefined;

function quotedAsGo(text: string): string {
  const escapes: Readonly<Record<string, string>> = {
    ...{ "\x07": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n" },
    ...{ "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\", '"': '\\"' },
  };
  const letters = [...text].map((letter) => {
    const known = escapes[letter];
    if (known !== undefined || letter === " " || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(letter))
      return known ?? letter;
    const code = letter.codePointAt(0) ?? 0;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code > 0xffff
      ? `\\U${code.toString(16).padStart(8, "0")}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
  return `"${letters.join("")}"`;
}

function decoded(bytes: Uint8Array): string | Failure {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return NOT_TEXT;
  }
}

/** A value within a list or a map. */
function member(value: Value): string | Failure {
  if (typeof value === "string") return quotedAsGo(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) return `"${general(value)}"`;
    return fixed(value, 6).replaceAll(",", "");
  }
  const text = shown(value);
  if (text instanceof Failure) return text;
  if (value instanceof Uint8Array) return `b${quotedAsGo(text)}`;
  if (value instanceof Timestamp) return `timestamp("${text}")`;
  return value instanceof Duration ? `duration("${text}")` : text;
}

function members(values: readonly Value[]): string[] | Failure {
  const all: string[] = [];
  for (const value of values) {
    const text = member(value);
    if (text instanceof Failure) return text;
    spend(1 + text.length, text.length);
    all.push(text);
  }
  return all;
}

function entries(map: CelMap): string | Failure {
  const all = [...map.entries()];
  const keys = all.map(([key]) => key);
  if (keys.some((key) => typeof key === "number")) return BAD_ARGUMENT;
  const names = members(keys);
  const values = members(all.map(([, value]) => value));
  if (names instanceof Failure) return names;
  if (values instanceof Failure) return values;
  const pairs = names.map((name, i) => [name, values[i] ?? ""] as const);
  pairs.sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  return `{${pairs.map(([name, value]) => `${name}:${value}`).join(", ")}}`;
}

function objectShown(value: Value & object): string | Failure {
  if (isList(value)) {
    const all = members(value);
    return all instanceof Failure ? all : `[${all.join(", ")}]`;
  }
  if (value instanceof CelMap) return entries(value);
  if (value instanceof Uint) return `${value.value}`;
  if (value instanceof Uint8Array) return decoded(value);
  if (value instanceof Timestamp) return shownTimestamp(value);
  if (value instanceof Duration) return `${plain(inSeconds(value))}s`;
  return value instanceof TypeValue ? value.name : BAD_ARGUMENT;
}

/** `%s`. */
function shown(value: Value): string | Failure {
  if (typeof value === "string") return value;
  if (typeof value === "number") return general(value);
  return value === null || typeof value !== "object" ? `${value}` : objectShown(value);
}

function inBase(value: Value, base: number): string | Failure {
  const number = whole(value);
  return number === undefined ? BAD_ARGUMENT : number.toString(base);
}

function hexadecimal(value: Value): string | Failure {
  if (typeof value !== "string" && !(value instanceof Uint8Array)) return inBase(value, 16);
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  spend(bytes.length, bytes.length * 2);
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const upper = (text: string | Failure): string | Failure =>
  typeof text === "string" ? text.toUpperCase() : text;

function decimal(value: Value, show: (value: number) => string): string | Failure {
  const number = double(value);
  return number === undefined ? BAD_ARGUMENT : show(number);
}

const CLAUSES: Readonly<Record<string, (value: Value, precision: number) => string | Failure>> = {
  s: shown,
  d: (value) => inBase(value, 10),
  f: (value, precision) => decimal(value, (number) => fixed(number, precision)),
  e: (value, precision) => decimal(value, (number) => scientific(number, precision)),
  b: (value) => (typeof value === "boolean" ? `${Number(value)}` : inBase(value, 2)),
  x: hexadecimal,
  X: (value) => upper(hexadecimal(value)),
  o: (value) => inBase(value, 8),
};

/** The format with its clauses filled in. */
export function formatted(format: string, args: readonly Value[]): Value {
  const pieces = piecesOf(format);
  if (pieces instanceof Failure) return pieces;
  let [result, next] = ["", 0];
  for (const piece of pieces) {
    const value = args[next];
    if (typeof piece !== "string") next++;
    if (typeof piece !== "string" && value === undefined) return TOO_FEW;
    const text =
      typeof piece === "string"
        ? piece
        : (CLAUSES[piece.verb]?.(value ?? null, piece.precision ?? 6) ?? BAD_FORMAT);
    if (text instanceof Failure) return text;
    spend(1 + (text.length >> 4), text.length);
    result += text;
  }
  return result;
}
