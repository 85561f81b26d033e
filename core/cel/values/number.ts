/** Numbers: ranges, conversions and how Go writes them. */
import { Failure, Uint, type Value } from "./value.ts";

export const MIN_INT = -(2n ** 63n);
export const MAX_INT = 2n ** 63n - 1n;
const MAX_UINT = 2n ** 64n - 1n;

export const OVERFLOW = new Failure("integer overflow");
const NOT_IN_RANGE = new Failure("range error converting to an integer");
const NOT_A_NUMBER = new Failure("type conversion error from 'string' to a number");

export const int = (value: bigint): Value => (value < MIN_INT || value > MAX_INT ? OVERFLOW : value);
export const uint = (value: bigint): Value => (value < 0n || value > MAX_UINT ? OVERFLOW : new Uint(value));

/** Truncates; the bounds are exclusive, as in cel-go. */
export function doubleToInt(value: number): Value {
  if (!Number.isFinite(value) || value <= -(2 ** 63) || value >= 2 ** 63) return NOT_IN_RANGE;
  return BigInt(Math.trunc(value));
}

export function doubleToUint(value: number): Value {
  if (!Number.isFinite(value) || value < 0 || value >= 2 ** 64) return NOT_IN_RANGE;
  return new Uint(BigInt(Math.trunc(value)));
}

export function parseInt64(text: string): Value {
  if (!/^[+-]?\d{1,100}$/.test(text)) return NOT_A_NUMBER;
  const value = BigInt(text.replace(/^\+/, ""));
  return value < MIN_INT || value > MAX_INT ? NOT_A_NUMBER : value;
}

export function parseUint64(text: string): Value {
  if (!/^\d{1,100}$/.test(text) || BigInt(text) > MAX_UINT) return NOT_A_NUMBER;
  return new Uint(BigInt(text));
}

/** Underscores may stand between digits. */
const DECIMAL = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/;
const HEX = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?\d+)$/;
const NAMED: ReadonlyMap<string, number> = new Map([
  ["inf", Infinity],
  ["infinity", Infinity],
  ["nan", Number.NaN],
]);

function hexadecimal(text: string): number | undefined {
  const [, sign, whole = "", fraction = "", exponent = ""] = HEX.exec(text) ?? [];
  // More digits than a double keeps would need rounding that this does not do: no policy writes them.
  if (sign === undefined || whole + fraction === "" || (whole + fraction).length > 13) return undefined;
  const digits = Number.parseInt(whole + fraction, 16);
  return (sign === "-" ? -1 : 1) * digits * 2 ** (Number(exponent) - 4 * fraction.length);
}

/** As Go's strconv.ParseFloat reads it. */
export function parseDouble(text: string): Value {
  const unsigned = text.replace(/^[+-]/, "").toLowerCase();
  const named = NAMED.get(unsigned);
  if (named !== undefined && (unsigned !== "nan" || unsigned.length === text.length))
    return text.startsWith("-") ? -named : named;
  const value = DECIMAL.test(text) ? Number(text.replaceAll("_", "")) : hexadecimal(text);
  return value === undefined || !Number.isFinite(value) ? NOT_A_NUMBER : value;
}

function special(value: number): string | undefined {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return undefined;
  return value > 0 ? "+Inf" : "-Inf";
}

/** The shortest digits of a finite number, and the power of ten of the first. */
function digits(value: number): { digits: string; exponent: number } {
  const [mantissa = "", exponent = "0"] = Math.abs(value).toExponential().split("e");
  return { digits: mantissa.replace(".", ""), exponent: Number(exponent) };
}

const isNegative = (value: number): boolean => value < 0 || Object.is(value, -0);

/** As Go's %g. */
export function general(value: number): string {
  const named = special(value);
  if (named !== undefined) return named;
  const { digits: all, exponent } = digits(value);
  if (exponent >= -4 && exponent < 6) return plain(value);
  const rest = all.slice(1);
  const power = `${exponent < 0 ? "-" : "+"}${`${Math.abs(exponent)}`.padStart(2, "0")}`;
  return `${isNegative(value) ? "-" : ""}${all.charAt(0)}${rest === "" ? "" : `.${rest}`}e${power}`;
}

/** The shortest decimal without an exponent. */
export function plain(value: number): string {
  const named = special(value);
  if (named !== undefined) return named;
  const { digits: all, exponent } = digits(value);
  const sign = isNegative(value) ? "-" : "";
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${all}`;
  const whole = all.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const fraction = all.slice(exponent + 1);
  return `${sign}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}
