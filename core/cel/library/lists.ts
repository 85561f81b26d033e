/** Kubernetes' lists library, and CEL's own. */
import { spend } from "../meter.ts";
import { add } from "../run/operators.ts";
import type { Library, Run } from "../types/environment.ts";
import { compare, equal } from "../values/compare.ts";
import { Duration } from "../values/time.ts";
import { Failure, isList, NO_OVERLOAD, Uint, type Value } from "../values/value.ts";
import { isOrdered, sortedBy } from "./sorting.ts";

type List = readonly Value[];

const COMPARABLE = ["int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"];
const EMPTY = new Failure("called on an empty list");
const BAD_SLICE = new Failure("slice: index out of range");
const BAD_DEPTH = new Failure("flatten: the depth must not be negative");

function isSorted(list: List): Value {
  let before: Value | undefined;
  for (const item of list) {
    spend(1);
    if (!isOrdered(item)) return NO_OVERLOAD;
    // Values of unlike types are passed over; so it is in Kubernetes.
    if (before !== undefined && compare(before, item) === 1) return false;
    before = item;
  }
  return true;
}

const best =
  (preferred: 1 | -1) =>
  (list: List): Value => {
    let found = list[0];
    if (found === undefined) return EMPTY;
    for (const item of list) {
      spend(1);
      if (!isOrdered(item)) return NO_OVERLOAD;
      if (compare(item, found) === preferred) found = item;
    }
    return found;
  };

const sum =
  (zero: Value) =>
  (list: List): Value => {
    let total = zero;
    for (const item of list) {
      spend(1);
      total = add(total, item);
      if (total instanceof Failure) return total;
    }
    return total;
  };

function indexOf(list: List, item: Value): Value {
  return BigInt(list.findIndex((other) => equal(other, item) === true));
}

function lastIndexOf(list: List, item: Value): Value {
  return BigInt(list.findLastIndex((other) => equal(other, item) === true));
}

function slice(list: List, start: bigint, end: bigint): Value {
  if (start < 0n || start > end || end > BigInt(list.length)) return BAD_SLICE;
  spend(Number(end - start), Number(end - start) * 8);
  return list.slice(Number(start), Number(end));
}

function flatten(list: List, depth: bigint): Value {
  if (depth < 0n) return BAD_DEPTH;
  // As Kubernetes counts it, by the depth that is asked for.
  spend(Number(depth) * list.length);
  const all: Value[] = [];
  const take = (items: List, left: bigint): void => {
    for (const item of items) {
      spend(1, 8);
      if (left > 0n && typeof item === "object" && item !== null && isList(item)) take(item, left - 1n);
      else all.push(item);
    }
  };
  take(list, depth);
  return all;
}

function range(count: bigint): Value {
  spend(Number(count > 0n ? count : 0n), Number(count > 0n ? count : 0n) * 8);
  return Array.from({ length: count > 0n ? Number(count) : 0 }, (_, i) => BigInt(i));
}

function reversed(list: List): Value {
  spend(list.length, list.length * 8);
  return list.toReversed();
}

function distinct(list: List): Value {
  const all: Value[] = [];
  for (const item of list) {
    if (all.some((other) => equal(item, other) === true)) continue;
    spend(1, 8);
    all.push(item);
  }
  return all;
}

const each = (types: readonly string[], named: (type: string) => string, run: Run): Library =>
  Object.fromEntries(types.map((type) => [named(type), run]));

export const LISTS: Library = {
  ...each(COMPARABLE, (type) => `list<${type}>.isSorted(): bool`, isSorted),
  "list<int>.sum(): int": sum(0n),
  "list<uint>.sum(): uint": sum(new Uint(0n)),
  "list<double>.sum(): double": sum(0),
  "list<duration>.sum(): duration": sum(new Duration(0n)),
  ...each(COMPARABLE, (type) => `list<${type}>.max(): ${type}`, best(1)),
  ...each(COMPARABLE, (type) => `list<${type}>.min(): ${type}`, best(-1)),
  "list<A>.indexOf(A): int": indexOf,
  "list<A>.lastIndexOf(A): int": lastIndexOf,
  "list<T>.slice(int, int): list<T>": slice,
  "list<list<T>>.flatten(): list<T>": (list: List) => flatten(list, 1n),
  "list<dyn>.flatten(int): list<dyn>": flatten,
  ...each(
    COMPARABLE,
    (type) => `list<${type}>.sort(): list<${type}>`,
    (list: List) => sortedBy(list, list),
  ),
  ...each(COMPARABLE, (type) => `list<T>.@sortBy(list<${type}>): list<T>`, sortedBy),
  "lists.range(int): list<int>": range,
  "list<T>.reverse(): list<T>": reversed,
  "list<T>.distinct(): list<T>": distinct,
};
