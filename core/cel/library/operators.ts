/** The types that the operators take; run/operators.ts is what they do. */
import type { Library } from "../types/environment.ts";
import { NO_OVERLOAD } from "../values/value.ts";

const COMPARED = ["bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration"];
const MIXED = ["int, double", "int, uint", "uint, double", "uint, int", "double, int", "double, uint"];
const ORDERS = ["_<_", "_<=_", "_>_", "_>=_"].flatMap((name) => [
  ...COMPARED.map((type) => `${name}(${type}, ${type}): bool`),
  ...MIXED.map((types) => `${name}(${types}): bool`),
]);

const SIGNATURES = [
  "_?_:_(bool, A, A): A",
  "!_(bool): bool",
  "_==_(A, A): bool",
  "_!=_(A, A): bool",
  "_+_(bytes, bytes): bytes",
  "_+_(double, double): double",
  "_+_(duration, duration): duration",
  "_+_(duration, timestamp): timestamp",
  "_+_(timestamp, duration): timestamp",
  "_+_(int, int): int",
  "_+_(list<A>, list<A>): list<A>",
  "_+_(string, string): string",
  "_+_(uint, uint): uint",
  "_/_(double, double): double",
  "_/_(int, int): int",
  "_/_(uint, uint): uint",
  "_%_(int, int): int",
  "_%_(uint, uint): uint",
  "_*_(double, double): double",
  "_*_(int, int): int",
  "_*_(uint, uint): uint",
  "-_(double): double",
  "-_(int): int",
  "_-_(double, double): double",
  "_-_(duration, duration): duration",
  "_-_(int, int): int",
  "_-_(timestamp, duration): timestamp",
  "_-_(timestamp, timestamp): duration",
  "_-_(uint, uint): uint",
  ...ORDERS,
  "_[_](list<A>, int): A",
  "_[_](map<A, B>, A): B",
  "_[_](optional<list<V>>, int): optional<V>",
  "_[_](optional<map<K, V>>, K): optional<V>",
  "_[?_](list<V>, int): optional<V>",
  "_[?_](optional<list<V>>, int): optional<V>",
  "_[?_](map<K, V>, K): optional<V>",
  "_[?_](optional<map<K, V>>, K): optional<V>",
  "@in(A, list<A>): bool",
  "@in(A, map<A, B>): bool",
];

export const OPERATORS: Library = Object.fromEntries(SIGNATURES.map((text) => [text, () => NO_OVERLOAD]));
