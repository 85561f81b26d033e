/**
 * Sets of fields of an object, as structured-merge-diff has them: a tree whose keys are path elements in the notation of
 * FieldsV1: `f:NAME` a field, `k:{KEYS}` an item of a keyed list, `v:VALUE` an item of a set, `i:INDEX`.
 */
import { isRecord } from "../record.ts";

export type FieldSet = ReadonlyMap<string, FieldNode>;

interface FieldNode {
  /** The field itself is in the set, not only what is below. */
  isMember: boolean;
  below: FieldSet;
}

const NO_FIELDS: FieldSet = new Map();

export function fieldSet(paths: Iterable<readonly string[]>): FieldSet {
  const root: Growing = new Map();
  for (const path of paths) insert(root, path);
  return root;
}

type Growing = Map<string, { isMember: boolean; below: Growing }>;

function insert(set: Growing, [first, ...rest]: readonly string[]): void {
  if (first === undefined) return;
  const node = set.get(first) ?? { isMember: false, below: new Map() };
  set.set(first, node);
  if (rest.length === 0) node.isMember = true;
  else insert(node.below, rest);
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  return combined(a, b, (inA, inB) => inA || inB);
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return combined(a, b, (inA, inB) => inA && inB);
}

/** What is below a field goes by itself: without `a`, `a.b` stays. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return combined(a, b, (inA, inB) => inA && !inB);
}

function combined(a: FieldSet, b: FieldSet, keeps: (inA: boolean, inB: boolean) => boolean): FieldSet {
  const result = new Map<string, FieldNode>();
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const [one, other] = [a.get(key), b.get(key)];
    const isMember = keeps(one?.isMember ?? false, other?.isMember ?? false);
    const below = combined(one?.below ?? NO_FIELDS, other?.below ?? NO_FIELDS, keeps);
    if (isMember || below.size > 0) result.set(key, { isMember, below });
  }
  return result;
}

/** Without these fields of the root and everything below them. */
export function without(set: FieldSet, names: readonly string[]): FieldSet {
  const gone = new Set(names.map((name) => `f:${name}`));
  return new Map([...set].filter(([key]) => !gone.has(key)));
}

export function toFieldsV1(set: FieldSet): Record<string, unknown> {
  const sorted = [...set].toSorted(([a], [b]) => compareElements(a, b));
  return Object.fromEntries(
    sorted.map(([key, { isMember, below }]) => [
      key,
      isMember && below.size > 0 ? { ".": {}, ...toFieldsV1(below) } : toFieldsV1(below),
    ]),
  );
}

const RANKS = ["f", "k", "v", "i"];

function compareElements(a: string, b: string): number {
  return (
    RANKS.indexOf(a.charAt(0)) - RANKS.indexOf(b.charAt(0)) || Buffer.compare(Buffer.from(a), Buffer.from(b))
  );
}

/** undefined: it is no set of fields. Elements of kinds that are not known are left out. */
export function fromFieldsV1(fields: unknown): FieldSet | undefined {
  if (!isRecord(fields)) return undefined;
  const set = new Map<string, FieldNode>();
  for (const [key, value] of Object.entries(fields)) {
    if (key === ".") continue;
    const below = fromFieldsV1(value);
    const element = normalized(key);
    if (element === undefined || below === undefined) return undefined;
    const isMember = below.size === 0 || (isRecord(value) && Object.hasOwn(value, "."));
    if (element !== "") set.set(element, { isMember, below });
  }
  return set;
}

/** One way to write each element; "" for a kind that is not known, undefined for what is none. */
function normalized(key: string): string | undefined {
  if (key.charAt(1) !== ":") return undefined;
  const rest = key.slice(2);
  switch (key.charAt(0)) {
    case "f":
      return key;
    case "i":
      return /^-?\d+$/.test(rest) ? key : undefined;
    case "v":
    case "k":
      return writtenAgain(key.charAt(0), rest);
    default:
      return "";
  }
}

function writtenAgain(kind: string, json: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (kind === "v") return valueElement(value);
  return isRecord(value) ? keyElement(value) : undefined;
}

export function valueElement(value: unknown): string {
  return `v:${JSON.stringify(value)}`;
}

export function keyElement(keys: Readonly<Record<string, unknown>>): string {
  return `k:${JSON.stringify(Object.fromEntries(Object.entries(keys).toSorted(([a], [b]) => (a < b ? -1 : 1))))}`;
}
