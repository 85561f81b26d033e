/** Values at the paths of changes, for many paths of one object: each list that a path leads through is read once. */
import { isObject, type Json, type JsonObject } from "../admission.ts";
import { canonical } from "../canonical.ts";
import type { Path, Step } from "./changes.ts";

/** The items of lists by their merge keys. Kept for as long as the lists are. */
const indexes = new WeakMap<Json[], Map<string, Map<string, number>>>();

/** The value at a path of `changesBetween`, undefined where there is none. */
export function valueAt(object: JsonObject, path: Path): Json | undefined {
  return path.reduce<Json | undefined>((value, step) => stepInto(value, step), object);
}

function stepInto(value: Json | undefined, step: Step): Json | undefined {
  if (typeof step === "string")
    return isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  return Array.isArray(value) ? value[placeOf(value, step)] : undefined;
}

/** The index of the item that the step of a path means, -1 where there is none. */
export function placeOf(list: Json[], step: Step): number {
  if (typeof step === "number") return step;
  if (typeof step === "string") return -1;
  return indexOf(list, Object.keys(step)).get(canonical(step)) ?? -1;
}

function indexOf(list: Json[], fields: readonly string[]): Map<string, number> {
  const known = indexes.get(list) ?? new Map<string, Map<string, number>>();
  indexes.set(list, known);
  const name = canonical([...fields]);
  const index = known.get(name) ?? indexed(list, fields);
  known.set(name, index);
  return index;
}

/** Of items with the same key the first one counts. */
function indexed(list: Json[], fields: readonly string[]): Map<string, number> {
  const index = new Map<string, number>();
  for (const [place, item] of list.entries()) {
    if (!isObject(item)) continue;
    const entries = fields.flatMap((field) => {
      const value = Object.hasOwn(item, field) ? item[field] : undefined;
      return value === undefined ? [] : [[field, value] as const];
    });
    if (entries.length !== fields.length) continue;
    const key = canonical(Object.fromEntries(entries));
    if (!index.has(key)) index.set(key, place);
  }
  return index;
}
