/** The sets library: lists taken as sets, by CEL's equality. */
import { equal } from "./equal.ts";

type List = readonly unknown[];

/** A namespace object: `sets.contains(…)` is a call on a constant. */
export class Sets {}

const within = (list: List, item: unknown): boolean => list.some((other) => equal(other, item));
const contains = (list: List, part: List): boolean => part.every((item) => within(list, item));

export const SETS = {
  "Sets.contains(list<T>, list<T>): bool": (_: Sets, list: List, part: List) => contains(list, part),
  "Sets.equivalent(list<T>, list<T>): bool": (_: Sets, a: List, b: List) => contains(a, b) && contains(b, a),
  "Sets.intersects(list<T>, list<T>): bool": (_: Sets, a: List, b: List) => a.some((item) => within(b, item)),
} as const;
