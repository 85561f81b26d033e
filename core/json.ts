/** JSON text to values that keep every digit. Used wherever two requests that differ must not look alike. */
import { ExactNumber, isObject, type Json } from "./admission.ts";

/** Nesting beyond this is refused: everything that walks a value may then recurse. */
export const MAX_DEPTH = 500;

/** Sixteen characters of number, or an exponent of three digits: the least a double can fail to hold. */
const LONG_NUMBER = /(?:^|[\s:[,])-?(?:[0-9.]{16}|[0-9.]{1,15}[eE][+-]?[0-9]{3})/;
const POSITION = / at position (\d+)(?: \(line \d+ column \d+\))?$/;

/**
 * Parses JSON. Integers beyond ±2^53, and other numbers whose text a double cannot hold, become ExactNumber.
 * A member called `__proto__` is an own property like any other.
 * @throws SyntaxError that never quotes the input: on malformed JSON and on nesting deeper than MAX_DEPTH.
 */
export function parseJson(text: string): Json {
  const value = parse(text);
  if (!isWithin(value, MAX_DEPTH)) throw new SyntaxError(`JSON is nested deeper than ${MAX_DEPTH} levels`);
  return LONG_NUMBER.test(text) ? JSON.parse(text, exact) : value;
}

function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The engine's own message quotes the input, which may be a Secret: only its position is passed on.
    const position = POSITION.exec(error instanceof Error ? error.message : "")?.[1];
    throw new SyntaxError(
      position === undefined ? "not valid JSON" : `not valid JSON at position ${position}`,
    );
  }
}

function isWithin(value: Json, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object" && !isWithin(item, levels - 1)) return false;
    return true;
  }
  if (!isObject(value)) return true;
  for (const key in value) {
    const item = value[key];
    if (typeof item === "object" && !isWithin(item, levels - 1)) return false;
  }
  return true;
}

function exact(_key: string, value: Json, context?: { source?: string }): Json {
  const source = context?.source;
  return typeof value !== "number" || source === undefined || holds(value, source)
    ? value
    : new ExactNumber(source);
}

function holds(value: number, source: string): boolean {
  if (/^-?\d+$/.test(source)) return Number.isSafeInteger(value);
  return Number.isFinite(value) && decimal(source) === decimal(String(value));
}

/** One text for every way to write the same decimal number: `-12.50e1` is `-125e0`. */
function decimal(text: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts ?? [];
  const digits = whole + fraction;
  let from = 0;
  while (digits[from] === "0") from += 1;
  if (from === digits.length) return "0";
  // A loop, because /0+$/ takes quadratic time on many zeros.
  let to = digits.length;
  while (digits[to - 1] === "0") to -= 1;
  return `${sign}${digits.slice(from, to)}e${Number(exponent) - fraction.length + (digits.length - to)}`;
}
