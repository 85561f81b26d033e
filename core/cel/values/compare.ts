/** CEL's order and equality across types, on a budget: values can share parts, and then are larger than what they take. */
import { spend } from "../meter.ts";
import { Duration, Timestamp } from "./time.ts";
import {
  CelMap,
  Failure,
  isList,
  NO_OVERLOAD,
  Opaque,
  Optional,
  TypeValue,
  Uint,
  type Value,
} from "./value.ts";

type Order = -1 | 0 | 1;

const order = (a: bigint | number | boolean, b: bigint | number | boolean): Order => {
  if (a < b) return -1;
  return a > b ? 1 : 0;
};

/** By code points, as Go's bytes are ordered; UTF-16 units are not where surrogates meet what is above them. */
function text(a: string, b: string): Order {
  const length = Math.min(a.length, b.length);
  spend(length >> 4);
  for (let i = 0; i < length; i++) {
    const [one, other] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (one === other) continue;
    const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
    if (isSurrogate(one) !== isSurrogate(other)) return isSurrogate(one) ? 1 : -1;
    return order(one, other);
  }
  return order(a.length, b.length);
}

function bytes(a: Uint8Array, b: Uint8Array): Order {
  const length = Math.min(a.length, b.length);
  spend(length >> 4);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return order(a[i] ?? 0, b[i] ?? 0);
  return order(a.length, b.length);
}

function number(value: Value): bigint | number | undefined {
  if (typeof value === "bigint" || typeof value === "number") return value;
  return value instanceof Uint ? value.value : undefined;
}

const NOT_ORDERED = new Failure("NaN values cannot be ordered");

/** An int is compared with a double as a double, rounded as that is. */
function numbers(a: bigint | number, b: bigint | number): Order | Failure {
  if (typeof a === "bigint" && typeof b === "bigint") return order(a, b);
  const [one, other] = [Number(a), Number(b)];
  return Number.isNaN(one) || Number.isNaN(other) ? NOT_ORDERED : order(one, other);
}

/** Which comes first; a Failure where the two cannot be ordered. */
export function compare(a: Value, b: Value): Order | Failure {
  const [one, other] = [number(a), number(b)];
  if (one !== undefined && other !== undefined) return numbers(one, other);
  if (typeof a === "string" && typeof b === "string") return text(a, b);
  if (typeof a === "boolean" && typeof b === "boolean") return order(a, b);
  if (a instanceof Timestamp && b instanceof Timestamp) return order(a.nanos, b.nanos);
  if (a instanceof Duration && b instanceof Duration) return order(a.nanos, b.nanos);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return bytes(a, b);
  return NO_OVERLOAD;
}

function equalLists(a: readonly Value[], b: readonly Value[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (equal(a[i] ?? null, b[i] ?? null) === false) return false;
  return true;
}

function equalMaps(a: CelMap, b: CelMap): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    const [one, other] = [a.find(key), b.find(key)];
    if (one === undefined || other === undefined || equal(one, other) === false) return false;
  }
  return true;
}

function equalOptionals(a: Optional, b: Optional): boolean | Failure {
  if (a.value === undefined || b.value === undefined) return a.value === b.value;
  return equal(a.value, b.value);
}

function equalObjects(a: object, b: object): boolean | Failure {
  if (a instanceof CelMap) return b instanceof CelMap && equalMaps(a, b);
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && bytes(a, b) === 0;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (a instanceof Optional) return b instanceof Optional && equalOptionals(a, b);
  return false;
}

/** Whether two values are equal: numbers by what they are worth, values of unlike types never, or a Failure. */
export function equal(a: Value, b: Value): boolean | Failure {
  spend(1);
  const [left, right] = [number(a), number(b)];
  if (left !== undefined && right !== undefined) return numbers(left, right) === 0;
  if (typeof a === "string" && typeof b === "string") {
    spend(a.length >> 6);
    return a === b;
  }
  if (typeof a !== "object" || a === null || b === null) return a === b;
  if (isList(a)) return isList(b) && equalLists(a, b);
  // Kubernetes' own types cannot be compared with others.
  if (a instanceof Opaque) return b instanceof Opaque && a.type === b.type ? a.equals(b) : NO_OVERLOAD;
  return typeof b === "object" && !isList(b) ? equalObjects(a, b) : false;
}
