/** Optional values; optMap and optFlatMap are loops, `or` and `orValue` evaluate their argument only where needed. */
import { spend } from "../meter.ts";
import type { Library } from "../types/environment.ts";
import { Duration } from "../values/time.ts";
import { CelMap, Failure, isList, NO_OVERLOAD, Optional, Uint, type Value } from "../values/value.ts";

const NO_VALUE = new Failure("optional.none() dereference");

function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === "") return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof CelMap) return value.size === 0;
  return typeof value === "object" && isList(value) && value.length === 0;
}

function unwrapped(list: readonly Value[]): Value {
  spend(list.length, list.length * 8);
  const all: Value[] = [];
  for (const item of list) {
    if (!(item instanceof Optional)) return NO_OVERLOAD;
    if (item.value !== undefined) all.push(item.value);
  }
  return all;
}

export const OPTIONALS: Library = {
  "optional.of(V): optional<V>": (value: Value) => new Optional(value),
  "optional.ofNonZeroValue(V): optional<V>": (value: Value) =>
    isZero(value) ? Optional.NONE : new Optional(value),
  "optional.none(): optional<V>": () => Optional.NONE,
  "optional<V>.value(): V": ({ value }: Optional) => (value === undefined ? NO_VALUE : value),
  "optional<V>.hasValue(): bool": ({ value }: Optional) => value !== undefined,
  "optional<V>.or(optional<V>): optional<V>": (one: Optional, other: Optional) =>
    one.value === undefined ? other : one,
  "optional<V>.orValue(V): V": ({ value }: Optional, other: Value) => (value === undefined ? other : value),
  "list<V>.first(): optional<V>": (list: readonly Value[]) => new Optional(list[0]),
  "list<V>.last(): optional<V>": (list: readonly Value[]) => new Optional(list.at(-1)),
  "optional.unwrap(list<optional<V>>): list<V>": unwrapped,
  "list<optional<V>>.unwrapOpt(): list<V>": unwrapped,
};
