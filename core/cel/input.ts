/** Parsed JSON as CEL sees it: views that convert a member when it is first touched. */
import { ExactNumber } from "../admission.ts";
import { spend } from "./meter.ts";
import { CelMap, type Value } from "./values/value.ts";

/** What JSON.parse gives, and for integers beyond 2^53 bigints or their exact text. */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | ExactNumber
  | readonly Json[]
  | { readonly [name: string]: Json };

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);

/**
 * What an object gives for a name that is none of its own members: nothing, a function, or for `__proto__` the object
 * that all have in common. JSON has no such values, so that nearly no member has to be looked up twice.
 */
const isInherited = (raw: unknown): raw is undefined =>
  raw === undefined || typeof raw === "function" || raw === Object.prototype;

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

  /** Costs nothing; undefined where there is anything else. */
  textOf(name: string): string | undefined {
    const raw = this.#raw[name];
    return typeof raw === "string" ? raw : undefined;
  }

  override find(name: Value): Value | undefined {
    spend(1);
    if (typeof name !== "string") return undefined;
    const raw = this.#raw[name];
    if (typeof raw === "string") return raw;
    if (isInherited(raw)) return Object.hasOwn(this.#raw, name) ? null : undefined;
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

/** The member of a JSON object where it is a text, without a cost; undefined for all else. */
export const textOf = (value: Value | undefined, name: string): string | undefined =>
  value instanceof View ? value.textOf(name) : undefined;

/**
 * The CEL value of parsed JSON: integers are ints and other numbers doubles, as Kubernetes' decoder has them. Costs
 * steps where it goes through a list.
 */
export function viewed(value: Json): Value {
  // A double of that size is no longer the integer that was written, unless the exact path gave a bigint.
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (value === null || typeof value !== "object") return value;
  if (value instanceof ExactNumber) return exactly(value.text);
  if (!isList(value)) return new View(value);
  spend(value.length);
  return value.map(viewed);
}

/** As Kubernetes' decoder: an int where it is one and fits, else a double. */
function exactly(text: string): Value {
  if (!INTEGER.test(text) || text.length > 20) return Number(text);
  const exact = BigInt(text);
  return exact >= MIN && exact <= MAX ? exact : Number(text);
}

/** A struct whose fields are made when they are first asked for; a field that is undefined is not there. */
export class Fields extends CelMap {
  readonly #makers: ReadonlyMap<string, () => Json | undefined>;
  readonly #known = new Map<string, Value | undefined>();

  constructor(makers: Readonly<Record<string, () => Json | undefined>>) {
    super();
    this.#makers = new Map(Object.entries(makers));
  }

  get size(): number {
    return this.#makers.size;
  }

  override find(name: Value): Value | undefined {
    spend(1);
    const make = typeof name === "string" ? this.#makers.get(name) : undefined;
    if (typeof name !== "string" || make === undefined) return undefined;
    if (this.#known.has(name)) return this.#known.get(name);
    const made = make();
    const value = made === undefined ? undefined : viewed(made);
    this.#known.set(name, value);
    return value;
  }

  override keys(): Iterable<Value> {
    return this.#makers.keys();
  }
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
