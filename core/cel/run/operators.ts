/** The operators, on values whatever their types were declared to be. */
import { spend } from "../meter.ts";
import { compare, equal } from "../values/compare.ts";
import { int, MIN_INT, OVERFLOW, uint } from "../values/number.ts";
import { Duration, duration, Timestamp, timestamp } from "../values/time.ts";
import { CelMap, Failure, isList, NO_OVERLOAD, Uint, type Value } from "../values/value.ts";

const BY_ZERO = new Failure("division by zero");
const MODULUS_BY_ZERO = new Failure("modulus by zero");

type Operator = (a: Value, b: Value) => Value;

interface Arithmetic {
  readonly int: (a: bigint, b: bigint) => bigint | Failure;
  readonly double?: (a: number, b: number) => number;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  spend(1, a.length + b.length);
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

const ranged = (value: bigint | Failure, within: (value: bigint) => Value): Value =>
  value instanceof Failure ? value : within(value);

const arithmetic =
  ({ int: whole, double }: Arithmetic): Operator =>
  (a, b) => {
    if (typeof a === "bigint" && typeof b === "bigint") return ranged(whole(a, b), int);
    if (a instanceof Uint && b instanceof Uint) return ranged(whole(a.value, b.value), uint);
    if (typeof a === "number" && typeof b === "number" && double !== undefined) return double(a, b);
    return NO_OVERLOAD;
  };

const addNumbers = arithmetic({ int: (a, b) => a + b, double: (a, b) => a + b });
const subtractNumbers = arithmetic({ int: (a, b) => a - b, double: (a, b) => a - b });

export const add: Operator = (a, b) => {
  if (typeof a === "string" && typeof b === "string") {
    spend((a.length + b.length) >> 6, a.length + b.length);
    return a + b;
  }
  if (a instanceof Duration && b instanceof Duration) return duration(a.nanos + b.nanos);
  if (a instanceof Timestamp && b instanceof Duration) return timestamp(a.nanos + b.nanos, a.offset);
  if (a instanceof Duration && b instanceof Timestamp) return timestamp(a.nanos + b.nanos, b.offset);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return joined(a, b);
  if (typeof a === "object" && a !== null && isList(a)) {
    if (typeof b !== "object" || b === null || !isList(b)) return NO_OVERLOAD;
    spend((a.length + b.length) >> 3, (a.length + b.length) * 8);
    return [...a, ...b];
  }
  return addNumbers(a, b);
};

const subtract: Operator = (a, b) => {
  if (a instanceof Duration && b instanceof Duration) return duration(a.nanos - b.nanos);
  if (a instanceof Timestamp && b instanceof Duration) return timestamp(a.nanos - b.nanos, a.offset);
  if (a instanceof Timestamp && b instanceof Timestamp) return duration(a.nanos - b.nanos);
  return subtractNumbers(a, b);
};

const divide = arithmetic({
  int: (a, b) => (b === 0n ? BY_ZERO : a / b),
  double: (a, b) => a / b,
});
const modulo = arithmetic({
  int: (a, b) => {
    if (b === 0n) return MODULUS_BY_ZERO;
    return a === MIN_INT && b === -1n ? OVERFLOW : a % b;
  },
});
const multiply = arithmetic({ int: (a, b) => a * b, double: (a, b) => a * b });

const ordered =
  (is: (order: number) => boolean): Operator =>
  (a, b) => {
    const order = compare(a, b);
    return order instanceof Failure ? order : is(order);
  };

const isIn: Operator = (item, all) => {
  if (all instanceof CelMap) {
    const found = all.find(item);
    return found instanceof Failure ? found : found !== undefined;
  }
  if (typeof all !== "object" || all === null || !isList(all)) return NO_OVERLOAD;
  return all.some((other) => equal(item, other) === true);
};

/** By their names in the tree. */
export const BINARY_OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["_+_", add],
  ["_-_", subtract],
  ["_*_", multiply],
  ["_/_", divide],
  ["_%_", modulo],
  ["_==_", equal],
  // What cannot be compared is not equal; so it is in Kubernetes.
  ["_!=_", (a, b) => equal(a, b) !== true],
  ["_<_", ordered((order) => order < 0)],
  ["_<=_", ordered((order) => order <= 0)],
  ["_>_", ordered((order) => order > 0)],
  ["_>=_", ordered((order) => order >= 0)],
  ["@in", isIn],
]);

function negated(value: Value): Value {
  if (typeof value === "number") return -value;
  if (typeof value === "bigint") return int(-value);
  return value instanceof Duration ? duration(-value.nanos) : NO_OVERLOAD;
}

export const UNARY_OPERATORS: ReadonlyMap<string, (value: Value) => Value> = new Map([
  ["-_", negated],
  ["!_", (value: Value): Value => (typeof value === "boolean" ? !value : NO_OVERLOAD)],
]);
