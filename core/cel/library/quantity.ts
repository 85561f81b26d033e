/** Kubernetes' quantities: `100m`, `1.5Gi`, `1e3`. */
import { spend } from "../meter.ts";
import type { Library } from "../types/environment.ts";
import { MAX_INT, MIN_INT } from "../values/number.ts";
import { Failure, Opaque, type Value } from "../values/value.ts";

const TYPE = "kubernetes.Quantity";
const NANO = -9;
/** Digits that the quick way of Kubernetes' parser has room for. */
const QUICK_DIGITS = 18;
const LARGEST_EXPONENT = 100_000;
const INVALID = new Failure("invalid quantity");
const NO_INTEGER = new Failure("cannot convert value to integer");

const BINARY: ReadonlyMap<string, number> = new Map([
  ["Ki", 10],
  ["Mi", 20],
  ["Gi", 30],
  ["Ti", 40],
  ["Pi", 50],
  ["Ei", 60],
]);
const DECIMAL: ReadonlyMap<string, number> = new Map([
  ["n", -9],
  ["u", -6],
  ["m", -3],
  ["", 0],
  ["k", 3],
  ["M", 6],
  ["G", 9],
  ["T", 12],
  ["P", 15],
  ["E", 18],
]);

/** `value` times ten to the power of `scale`. */
interface Amount {
  readonly value: bigint;
  readonly scale: number;
  /** Whether Kubernetes holds it as an int64 with a scale, and not as a decimal: only then can it be an integer. */
  readonly isSmall: boolean;
}

class Quantity extends Opaque {
  readonly type = TYPE;
  readonly amount: Amount;

  constructor(amount: Amount) {
    super();
    this.amount = amount;
  }

  override equals(other: Quantity): boolean {
    return compared(this, other) === 0n;
  }
}

const fits = (value: bigint): boolean => value >= MIN_INT && value <= MAX_INT;

function power(exponent: number): bigint {
  spend(exponent);
  return 10n ** BigInt(exponent);
}

/** The values of both at the smaller of their scales. */
function aligned(a: Amount, b: Amount): readonly [bigint, bigint, number] {
  const scale = Math.min(a.scale, b.scale);
  return [a.value * power(a.scale - scale), b.value * power(b.scale - scale), scale];
}

function compared({ amount: a }: Quantity, { amount: b }: Quantity): bigint {
  const [one, other] = aligned(a, b);
  if (one === other) return 0n;
  return one > other ? 1n : -1n;
}

interface Parts {
  readonly isNegative: boolean;
  readonly whole: string;
  readonly fraction: string;
  readonly base: 2 | 10;
  readonly exponent: number;
}

const WRITTEN = /^([+-]?)0*(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[+-]?\d*)$/;

function partsOf(text: string): Parts | undefined {
  spend(1 + (text.length >> 3) + Number((BigInt(text.length) * BigInt(text.length)) >> 10n));
  const [, sign, whole = "", fraction = "", suffix = ""] = WRITTEN.exec(text) ?? [];
  if (sign === undefined || text === "") return undefined;
  const number = { isNegative: sign === "-", whole: whole === "" ? "0" : whole, fraction };
  const binary = BINARY.get(suffix);
  if (binary !== undefined) return { ...number, base: 2, exponent: binary };
  const decimal = DECIMAL.get(suffix) ?? exponentOf(suffix);
  return decimal === undefined ? undefined : { ...number, base: 10, exponent: decimal };
}

function exponentOf(suffix: string): number | undefined {
  if (!/^[eE][+-]?\d+$/.test(suffix)) return undefined;
  const exponent = Number(suffix.slice(1));
  // What Kubernetes would take very long for is no quantity here, and the policy fails.
  if (Math.abs(exponent) > LARGEST_EXPONENT) spend(Infinity);
  return exponent;
}

/** The quick way, for numbers of few digits. */
function small({ isNegative, whole, fraction, base, exponent }: Parts): Amount | undefined {
  const isBinary = base === 2;
  if (isBinary && fraction !== "") return undefined;
  const room = isBinary
    ? 15 - whole.length - Math.trunc((exponent * 3) / 10) - 1
    : QUICK_DIGITS - whole.length - fraction.length;
  const scale = (isBinary ? 0 : exponent) - fraction.length;
  if (room < 0 || scale < NANO) return undefined;
  const value = BigInt(whole + fraction) << BigInt(isBinary ? exponent : 0);
  return fits(value) ? { value: isNegative ? -value : value, scale, isSmall: true } : undefined;
}

function large({ isNegative, whole, fraction, base, exponent }: Parts): Amount {
  let value = BigInt(whole + fraction);
  let scale = -fraction.length;
  if (base === 2) value <<= BigInt(exponent);
  else scale += exponent;
  if (scale < NANO) {
    // What is too small to be written is rounded away from zero.
    const unit = power(NANO - scale);
    value = (value + unit - 1n) / unit;
    scale = NANO;
  }
  if (base === 2 && value > MAX_INT * power(-scale)) [value, scale] = [MAX_INT, 0];
  return { value: isNegative ? -value : value, scale, isSmall: false };
}

function parsed(text: string): Quantity | Failure {
  const parts = partsOf(text);
  return parts === undefined ? INVALID : new Quantity(small(parts) ?? large(parts));
}

function integer({ amount: { value, scale, isSmall } }: Quantity): Value {
  if (!isSmall || scale < 0) return NO_INTEGER;
  const all = value * power(scale);
  return fits(all) ? all : NO_INTEGER;
}

function added({ amount: a }: Quantity, b: Amount): Quantity {
  if (a.isSmall && b.isSmall) {
    if (b.value === 0n) return new Quantity(a);
    if (a.value === 0n) return new Quantity(b);
  }
  const [one, other, scale] = aligned(a, b);
  const value = one + other;
  const isSmall = a.isSmall && b.isSmall && fits(one) && fits(other) && fits(value);
  return new Quantity({ value, scale, isSmall });
}

/** What is held as an int64 is negated as one: the smallest stays as it is, as in Kubernetes. */
const minus = ({ value, scale, isSmall }: Amount): Amount => ({
  value: isSmall ? BigInt.asIntN(64, -value) : -value,
  scale,
  isSmall,
});
const ofInt = (value: bigint): Amount => ({ value, scale: 0, isSmall: true });

/** Go's math.Pow10, which is not always the nearest double. */
function tenTo(exponent: number): number {
  const size = Math.abs(exponent);
  const [tens, rest] = [size - (size % 32), size % 32];
  if (exponent < -323) return 0;
  return exponent < 0
    ? Number(`1e-${tens}`) / Number(`1e${rest}`)
    : Number(`1e${tens}`) * Number(`1e${rest}`);
}

export const QUANTITIES: Library = {
  [`quantity(string): ${TYPE}`]: parsed,
  "isQuantity(string): bool": (text: string) => parsed(text) instanceof Quantity,
  [`sign(${TYPE}): int`]: ({ amount: { value } }: Quantity) => BigInt(value > 0n) - BigInt(value < 0n),
  [`${TYPE}.isGreaterThan(${TYPE}): bool`]: (a: Quantity, b: Quantity) => compared(a, b) > 0n,
  [`${TYPE}.isLessThan(${TYPE}): bool`]: (a: Quantity, b: Quantity) => compared(a, b) < 0n,
  [`${TYPE}.compareTo(${TYPE}): int`]: compared,
  [`${TYPE}.asApproximateFloat(): double`]: ({ amount: { value, scale } }: Quantity) =>
    scale === 0 ? Number(value) : Number(value) * tenTo(scale),
  [`${TYPE}.asInteger(): int`]: integer,
  [`${TYPE}.isInteger(): bool`]: (quantity: Quantity) => !(integer(quantity) instanceof Failure),
  [`${TYPE}.add(${TYPE}): ${TYPE}`]: (a: Quantity, b: Quantity) => added(a, b.amount),
  [`${TYPE}.add(int): ${TYPE}`]: (a: Quantity, b: bigint) => added(a, ofInt(b)),
  [`${TYPE}.sub(${TYPE}): ${TYPE}`]: (a: Quantity, b: Quantity) => added(a, minus(b.amount)),
  [`${TYPE}.sub(int): ${TYPE}`]: (a: Quantity, b: bigint) => added(a, minus(ofInt(b))),
};
