/** What expressions evaluate to. Ints are bigints, doubles numbers, lists arrays; the rest is here. */
import { spend } from "../meter.ts";
import type { Duration, Timestamp } from "./time.ts";

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint
  | Uint8Array
  | Timestamp
  | Duration
  | readonly Value[]
  | CelMap
  | Optional
  | TypeValue
  | Opaque
  | Failure;

/** Why there is no value; passed on as one, as `&&` and `||` may yet do without. */
export class Failure {
  /** Quotes nothing of the input. */
  readonly message: string;
  /** Where in the expression, in UTF-16 units; -1 before the node that failed says so. */
  readonly at: number;

  constructor(message: string, at = -1) {
    this.message = message;
    this.at = at;
  }
}

export const NO_OVERLOAD = new Failure("no such overload");
export const NO_KEY = new Failure("no such key");

export class Uint {
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

/** A map: of JSON or of a literal. Keys are bools, ints, uints, doubles and strings; numbers find one another. */
export abstract class CelMap {
  abstract readonly size: number;
  abstract find(key: Value): Value | undefined;
  abstract keys(): Iterable<Value>;

  *entries(): Generator<readonly [Value, Value]> {
    for (const key of this.keys()) yield [key, this.find(key) ?? null];
  }
}

export class Optional {
  static readonly NONE = new Optional(undefined);
  readonly value: Value | undefined;

  constructor(value: Value | undefined) {
    this.value = value;
  }
}

/** A type as a value, equal to another of its name. */
export class TypeValue {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** A value of one of Kubernetes' own types. */
export abstract class Opaque {
  abstract readonly type: string;
  /** Not asked for other types, to which such a value cannot be compared. */
  abstract equals(other: this): boolean | Failure;
}

export const isList = (value: Value): value is readonly Value[] => Array.isArray(value);

const keyOf = (key: Value): string | undefined => {
  switch (typeof key) {
    case "string":
      return `s${key}`;
    case "bigint":
      return `i${key}`;
    case "number":
      return `d${key}`;
    case "boolean":
      return `b${key}`;
    default:
      if (key instanceof Uint) return `u${key.value}`;
      if (key !== null && "nanos" in key) return "offset" in key ? instant(key) : `span ${key.nanos}`;
      return key === null ? "null" : undefined;
  }
};

/** Kubernetes finds no point in time again that was written in another zone. */
const instant = ({ nanos, offset }: Timestamp): string | undefined =>
  offset === 0 ? `at ${nanos}` : undefined;

/** The keys under which an equal number could be kept. */
function numeric(key: Value): string[] {
  const double = (exact: bigint): string[] => (BigInt(Number(exact)) === exact ? [`d${Number(exact)}`] : []);
  if (key instanceof Uint) return [`i${key.value}`, ...double(key.value)];
  if (typeof key === "bigint") return [`u${key}`, ...double(key)];
  if (typeof key === "number" && Number.isInteger(key)) return [`i${BigInt(key)}`, `u${BigInt(key)}`];
  return [];
}

const UNHASHABLE = new Set(["kubernetes.Semver", "kubernetes.NamedFormat"]);

/** Whether Kubernetes can look for such a value among others at all; where not, its evaluation breaks off. */
export const isHashable = (value: Value): boolean =>
  !(value instanceof Uint8Array) && !(value instanceof Opaque && UNHASHABLE.has(value.type));

/** The map of a literal. Filled while it is made. */
export class EntryMap extends CelMap {
  readonly #entries = new Map<string, readonly [Value, Value]>();

  get size(): number {
    return this.#entries.size;
  }

  /** False where such a value cannot be a key; in Kubernetes it can, and is mostly not found again. */
  set(key: Value, value: Value): boolean {
    const name = keyOf(key);
    if (name !== undefined) this.#entries.set(name, [key, value]);
    return name !== undefined;
  }

  delete(key: Value): void {
    this.#entries.delete(keyOf(key) ?? "none");
  }

  override find(key: Value): Value | undefined {
    spend(1);
    if (!isHashable(key)) return NO_OVERLOAD;
    const found = this.#entries.get(keyOf(key) ?? "none");
    if (found !== undefined) return found[1];
    for (const name of numeric(key)) {
      const other = this.#entries.get(name);
      if (other !== undefined) return other[1];
    }
    return undefined;
  }

  override keys(): Iterable<Value> {
    return [...this.#entries.values()].map(([key]) => key);
  }

  override *entries(): Generator<readonly [Value, Value]> {
    yield* this.#entries.values();
  }
}
