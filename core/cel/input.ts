/** Parsed JSON as CEL sees it: views that convert a member when it is first touched. */
import { spend } from "./meter.ts";

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

class View extends Map<string, unknown> {
  readonly #raw: { readonly [name: string]: Json };

  constructor(raw: { readonly [name: string]: Json }) {
    super();
    this.#raw = raw;
  }

  override get size(): number {
    return Object.keys(this.#raw).length;
  }

  override has(name: string): boolean {
    return Object.hasOwn(this.#raw, name);
  }

  override get(name: string): unknown {
    spend(1);
    const known = super.get(name);
    if (known !== undefined || !Object.hasOwn(this.#raw, name)) return known;
    const value = viewed(this.#raw[name] ?? null);
    super.set(name, value);
    return value;
  }

  override *keys(): MapIterator<string> {
    yield* Object.keys(this.#raw);
  }

  override *entries(): MapIterator<[string, unknown]> {
    for (const name of Object.keys(this.#raw)) yield [name, this.get(name)];
  }

  override [Symbol.iterator](): MapIterator<[string, unknown]> {
    return this.entries();
  }
}

// The library takes for a map what says that Map made it.
Object.defineProperty(View.prototype, "constructor", { value: Map });

/**
 * The CEL value of parsed JSON: objects are Maps, so that no key is taken for a property of JavaScript's; integers
 * are ints and other numbers doubles, as Kubernetes' decoder has them. Costs steps where it goes through a list.
 */
export function viewed(value: Json): unknown {
  if (typeof value === "number") {
    // A double of that size is no longer the integer that was written, unless the exact path gave a bigint.
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
  }
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
