/** The sets library: lists taken as sets, by CEL's equality. */
import type { Library } from "../types/environment.ts";
import { equal } from "../values/compare.ts";
import type { Value } from "../values/value.ts";

type List = readonly Value[];

const within = (list: List, item: Value): boolean => list.some((other) => equal(other, item) === true);
const contains = (list: List, part: List): boolean => part.every((item) => within(list, item));

export const SETS: Library = {
  "sets.contains(list<T>, list<T>): bool": contains,
  "sets.equivalent(list<T>, list<T>): bool": (a: List, b: List) => contains(a, b) && contains(b, a),
  "sets.intersects(list<T>, list<T>): bool": (a: List, b: List) => a.some((item) => within(b, item)),
};
