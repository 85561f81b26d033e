/** Sorting, by CEL's order. */
import { spend } from "../meter.ts";
import { compare } from "../values/compare.ts";
import { typeName } from "../values/type-of.ts";
import { Failure, type Value } from "../values/value.ts";

const NO_ORDER = new Failure("list elements must be comparable");
const UNLIKE = new Failure("list elements must have the same type");

const ORDERED = new Set([
  ...["bool", "int", "uint", "double", "string", "bytes"],
  ...["google.protobuf.Timestamp", "google.protobuf.Duration"],
]);

/** Whether values of that type have an order. */
export const isOrdered = (value: Value): boolean => ORDERED.has(typeName(value));

/** The list by its keys, which are as many; stable. */
export function sortedBy(list: readonly Value[], keys: readonly Value[]): Value {
  const [first] = keys;
  if (first === undefined) return list;
  const type = typeName(first);
  if (!isOrdered(first)) return NO_ORDER;
  if (keys.length > 1 && keys.some((key) => typeName(key) !== type)) return UNLIKE;
  spend(list.length * (1 + Math.ceil(Math.log2(list.length + 1))), list.length * 8);
  let failure: Failure | undefined;
  const order = keys
    .map((_, i) => i)
    .sort((a, b) => {
      const result = compare(keys[a] ?? null, keys[b] ?? null);
      if (typeof result === "number") return result;
      failure ??= result;
      return 0;
    });
  return failure ?? order.map((i) => list[i] ?? null);
}
