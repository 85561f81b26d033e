/** Which fields differ between two states of an object, as structured-merge-diff's Compare tells it. */

import { equal } from "../equal.ts";
import { isRecord } from "../record.ts";
import type { Structural } from "../structural.ts";
import { type FieldSet, fieldSet, keyElement, valueElement } from "./field-set.ts";

export interface Comparison {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

/** undefined where a list that is compared by item has items that cannot be told apart by their keys. */
export function compare(schema: Structural | undefined, old: unknown, now: unknown): Comparison | undefined {
  const changes: Changes = { added: [], modified: [], removed: [] };
  try {
    walk(schema, { old, now, path: [] }, changes);
  } catch (error) {
    if (error instanceof Unkeyed) return undefined;
    throw error;
  }
  return {
    added: fieldSet(changes.added),
    modified: fieldSet(changes.modified),
    removed: fieldSet(changes.removed),
  };
}

type Changes = Record<"added" | "modified" | "removed", (readonly string[])[]>;

/** undefined: not there. null is a value. */
interface Pair {
  old: unknown;
  now: unknown;
  path: readonly string[];
}

class Unkeyed extends Error {}

type Shape = "map" | "list" | "scalar";

function walk(schema: Structural | undefined, pair: Pair, changes: Changes): void {
  const { old, now, path } = pair;
  const [before, after] = [shapeOf(schema, old), shapeOf(schema, now)];
  const isReshaped = old !== undefined && now !== undefined && before !== after;
  if (isReshaped) visit(before, schema, pair, changes);
  const wasLeaf = visit(now === undefined ? before : after, schema, pair, changes);
  if (wasLeaf) return;
  if (old === undefined) changes.added.push(path);
  else if (now === undefined) changes.removed.push(path);
}

/** null and "not there" take the shape that the schema gives. */
function shapeOf(schema: Structural | undefined, value: unknown): Shape {
  if (Array.isArray(value)) return "list";
  if (isRecord(value)) return "map";
  if (value !== null && value !== undefined) return "scalar";
  const types = schema?.types ?? [];
  if (types.length === 0 || types.includes("object")) return "map";
  return types.includes("array") ? "list" : "scalar";
}

/** Whether it was compared as a whole. */
function visit(shape: Shape, schema: Structural | undefined, pair: Pair, changes: Changes): boolean {
  if (shape === "map") return visitMap(schema, pair, changes);
  if (shape === "list") return visitList(schema, pair, changes);
  return leaf(pair, changes);
}

function leaf({ old, now, path }: Pair, changes: Changes): true {
  if (old === undefined) changes.added.push(path);
  else if (now === undefined) changes.removed.push(path);
  else if (!equal(old, now)) changes.modified.push(path);
  return true;
}

function visitMap(schema: Structural | undefined, pair: Pair, changes: Changes): boolean {
  const old = isRecord(pair.old) ? pair.old : {};
  const now = isRecord(pair.now) ? pair.now : {};
  const keys = new Set([...Object.keys(old), ...Object.keys(now)]);
  if (schema?.isAtomicMap || keys.size === 0) return leaf(pair, changes);
  for (const key of keys) {
    const of = schema?.properties.get(key) ?? schema?.values;
    walk(of, { old: own(old, key), now: own(now, key), path: [...pair.path, `f:${key}`] }, changes);
  }
  return false;
}

function own(record: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function visitList(schema: Structural | undefined, pair: Pair, changes: Changes): boolean {
  const old = Array.isArray(pair.old) ? pair.old : [];
  const now = Array.isArray(pair.now) ? pair.now : [];
  if (!schema || schema.listType === "atomic" || (old.length === 0 && now.length === 0))
    return leaf(pair, changes);
  const [before, after] = [byElement(schema, old), byElement(schema, now)];
  for (const element of new Set([...before.keys(), ...after.keys()])) {
    const path = [...pair.path, element];
    visitItem(schema.items, before.get(element) ?? [], after.get(element) ?? [], path, changes);
  }
  return false;
}

/** Items that are there more than once count as one whole. */
function visitItem(
  schema: Structural | undefined,
  old: readonly unknown[],
  now: readonly unknown[],
  path: readonly string[],
  changes: Changes,
): void {
  if (old.length <= 1 && now.length <= 1) walk(schema, { old: old[0], now: now[0], path }, changes);
  else if (old.length > 1 && now.length > 1) {
    if (!equal(old, now)) changes.modified.push(path);
  } else if (old.length > 1) {
    if (now.length > 0) walk(schema, { old: undefined, now: now[0], path }, changes);
    changes.removed.push(path);
  } else {
    if (old.length > 0) walk(schema, { old: old[0], now: undefined, path }, changes);
    changes.added.push(path);
  }
}

function byElement(schema: Structural, list: readonly unknown[]): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>();
  for (const each of list) {
    const element = schema.listType === "set" ? setElement(each) : mapElement(schema.listKeys, each);
    found.set(element, [...(found.get(element) ?? []), each]);
  }
  return found;
}

function setElement(value: unknown): string {
  if (typeof value === "object") throw new Unkeyed();
  return valueElement(value);
}

function mapElement(keys: readonly string[], value: unknown): string {
  const given = isRecord(value) ? keys.filter((key) => Object.hasOwn(value, key)) : [];
  if (!isRecord(value) || given.length === 0) throw new Unkeyed();
  return keyElement(Object.fromEntries(given.map((key) => [key, value[key]])));
}
