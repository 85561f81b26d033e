/** CEL's equality across types, on a budget: values can share parts, and then are larger than what they take. */
import { Optional } from "@marcbachmann/cel-js";
import { Duration, UnsignedInt } from "@marcbachmann/cel-js/evaluator";
import { spend } from "./meter.ts";

function number(value: unknown): bigint | number | undefined {
  if (typeof value === "bigint" || typeof value === "number") return value;
  return value instanceof UnsignedInt ? BigInt(`${value}`) : undefined;
}

function equalMaps(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (!(b.has(key) && equal(value, b.get(key)))) return false;
  return true;
}

function equalLists(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!equal(a[i], b[i])) return false;
  return true;
}

const optional = (value: Optional<unknown>): unknown[] => (value.hasValue() ? [value.value()] : []);

const asMap = (value: object): ReadonlyMap<unknown, unknown> | undefined => {
  if (value instanceof Map) return value;
  return Object.getPrototypeOf(value) === Object.prototype ? new Map(Object.entries(value)) : undefined;
};

function equalObjects(a: object, b: object): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return equalLists(a, b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return equalLists(a, b);
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (a instanceof Duration && b instanceof Duration) return `${a}` === `${b}`;
  if (a instanceof Optional && b instanceof Optional) return equalLists(optional(a), optional(b));
  const [one, other] = [asMap(a), asMap(b)];
  return one !== undefined && other !== undefined ? equalMaps(one, other) : a === b;
}

/** Whether two CEL values are equal: numbers by what they are worth, values of unlike types never. */
export function equal(a: unknown, b: unknown): boolean {
  spend(1);
  const [left, right] = [number(a), number(b)];
  // biome-ignore lint/suspicious/noDoubleEquals: only so are a bigint and a number compared by their exact values
  if (left !== undefined && right !== undefined) return left == right;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  return equalObjects(a, b);
}
