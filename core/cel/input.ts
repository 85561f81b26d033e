/** Parsed JSON as CEL sees it: views that convert a member when it is first touched. */
import { spend } from "./meter.ts";
import { CelMap, type Value } from "./values/value.ts";

/** What JSON.parse gives, and bigints for integers beyond 2^53. */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Json[]
  | { readonly [name: string]: Json };

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

/** An object's own members, whatever they are called. */
class View extends CelMap {
  readonly #raw: { readonly [name: string]: Json };
  #names: readonly string[] | undefined;
  #known: Map<string, Value> | undefined;

  constructor(raw: { readonly [name: string]: Json }) {
    super();
    this.#raw = raw;
  }

  get size(): number {
    return this.keys().length;
  }

  override find(name: Value): Value | undefined {
    spend(1);
    if (typeof name !== "string" || !Object.hasOwn(this.#raw, name)) return undefined;
    const raw = this.#raw[name] ?? null;
    if (typeof raw !== "object" || raw === null) return viewed(raw);
    this.#known ??= new Map();
    let value = this.#known.get(name);
    if (value === undefined) {
      value = viewed(raw);
      this.#known.set(name, value);
    }
    return value;
  }

  override keys(): readonly string[] {
    this.#names ??= Object.keys(this.#raw);
    spend(1 + (this.#names.length >> 3));
    return this.#names;
  }
}

/**
 * The CEL value of parsed JSON: integers are ints and other numbers doubles, as Kubernetes' decoder has them. Costs
 * steps where it goes through a list.
 */
export function viewed(value: Json): Value {
  // A double of that size is no longer the integer that was written, unless the exact path gave a bigint.
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (value === null || typeof value !== "object") return value;
  if (!isList(value)) return new View(value);
  spend(value.length);
  return value.map(viewed);
}

const LONG_INTEGER = /\d{16}/;
const INTEGER = /^-?\d+$/;
const [MIN, MAX] = [-(2n ** 63n), 2n ** 63n - 1n];

/** Parses JSON text; integers that a double cannot hold come out as bigints. Throws a SyntaxError. */
export function parseExact(text: string): Json {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  return JSON.parse(text, function (this: unknown, _name, value, context?: { source?: string }) {
    if (typeof value !== "number" || context?.source === undefined) return value;
    if (!INTEGER.test(context.source) || Number.isSafeInteger(value)) return value;
    const exact = BigInt(context.source);
    return exact >= MIN && exact <= MAX ? exact : value;
  });
}
