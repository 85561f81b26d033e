/** What changed between two objects, as Kubernetes sees them: list items by their merge key. */
import { ExactNumber, isObject, type Json, type JsonObject } from "../admission.ts";
import { hasMergeKey, type ItemKey, type Keyed, keyedLists } from "./merge-keys.ts";

export { valueAt } from "./changed-at.ts";

/** A member's name, an index of a list, or the merge key of a list's item. */
export type Step = string | number | ItemKey;
export type Path = readonly Step[];

/** One place that differs. `before` or `after` is absent where there was, or is, nothing. */
export interface Change {
  path: Path;
  before?: Json;
  after?: Json;
}

/**
 * The differences, each as deep down as both sides go, in a fixed order: members by name, items as the lists
 * have them. Nothing is ignored, and the order of list items counts: a list that was reordered, that had
 * items put anywhere but at its end, or in which two items share a merge key, is one change as a whole.
 * Lists without a merge key are compared index by index. The values are the objects' own, not copies.
 */
export function changesBetween(before: JsonObject, after: JsonObject): Change[] {
  const found: Change[] = [];
  objects(before, after, [], found);
  return found;
}

/** Are they the same JSON value, whatever the order of members? */
export function isSame(before: Json | undefined, after: Json | undefined): boolean {
  const found: Change[] = [];
  compare(before, after, [], found);
  return found.length === 0;
}

function compare(before: Json | undefined, after: Json | undefined, path: Path, found: Change[]): void {
  if (isObject(before) && isObject(after)) objects(before, after, path, found);
  else if (Array.isArray(before) && Array.isArray(after)) lists(before, after, path, found);
  else if (!isSameScalar(before, after)) found.push(change(path, before, after));
}

function isSameScalar(before: Json | undefined, after: Json | undefined): boolean {
  if (before instanceof ExactNumber && after instanceof ExactNumber) return before.text === after.text;
  return before === after;
}

function change(path: Path, before: Json | undefined, after: Json | undefined): Change {
  return { path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

function objects(before: JsonObject, after: JsonObject, path: Path, found: Change[]): void {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  for (const name of [...names].sort()) compare(own(before, name), own(after, name), [...path, name], found);
}

// Members called `constructor` or `__proto__` exist on every object: only own ones are the document's.
function own(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function lists(before: Json[], after: Json[], path: Path, found: Change[]): void {
  const field = path.at(-1);
  const isKeyed = typeof field === "string" && hasMergeKey(field);
  const pair = isKeyed ? keyedLists(field, before, after) : undefined;
  if (pair !== undefined && keepsOrder(...pair)) byKey(...pair, path, found);
  else if (!isKeyed) byIndex(before, after, path, found);
  else if (!isSame(before, after)) found.push({ path, before, after });
}

function byIndex(before: Json[], after: Json[], path: Path, found: Change[]): void {
  for (let index = 0; index < Math.max(before.length, after.length); index++)
    compare(before[index], after[index], [...path, index], found);
}

function byKey(before: Keyed, after: Keyed, path: Path, found: Change[]): void {
  for (const [id, { key, item }] of before) compare(item, after.get(id)?.item, [...path, key], found);
  for (const [id, { key, item }] of after)
    if (!before.has(id)) found.push({ path: [...path, key], after: item });
}

/** Do the items that stayed stand in the same order, and all new ones behind them? */
function keepsOrder(before: Keyed, after: Keyed): boolean {
  const stayed = [...before.keys()].filter((id) => after.has(id));
  return [...after.keys()].slice(0, stayed.length).every((id, index) => id === stayed[index]);
}
