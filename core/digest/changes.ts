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

/** Steps of all paths together. Beyond, what is told of changes would be many times as large as the objects. */
const MOST_STEPS = 20_000;

/**
 * The differences, each as deep down as both sides go, in a fixed order: members by name, items as the lists
 * have them. Nothing is ignored, and the order of list items counts: a list that was reordered, that had
 * items put anywhere but at its end, or in which two items share a merge key, is one change as a whole.
 * Lists without a merge key are compared index by index. A member of the object that differs in thousands of places is
 * one change as a whole. The values are the objects' own, not copies.
 */
export function changesBetween(before: JsonObject, after: JsonObject): Change[] {
  const found: Change[] = [];
  let left = MOST_STEPS;
  for (const name of namesOf(before, after)) {
    const [old, now] = [own(before, name), own(after, name)];
    const walk = new Walk(name, left);
    walk.compare(old, now);
    const inside = walk.left < 0 ? [change([name], old, now)] : walk.found;
    for (const one of inside) found.push(one);
    left = Math.max(0, walk.left);
  }
  return found;
}

/** Are they the same JSON value, whatever the order of members? */
export function isSame(before: Json | undefined, after: Json | undefined): boolean {
  if (Array.isArray(before) && Array.isArray(after))
    return before.length === after.length && before.every((item, index) => isSame(item, after[index]));
  if (!isObject(before) || !isObject(after)) return isSameScalar(before, after);
  const names = Object.keys(after);
  return (
    Object.keys(before).every((name) => isSame(before[name], own(after, name))) &&
    names.every((name) => Object.hasOwn(before, name) || after[name] === undefined)
  );
}

function isSameScalar(before: Json | undefined, after: Json | undefined): boolean {
  if (before instanceof ExactNumber && after instanceof ExactNumber) return before.text === after.text;
  return before === after;
}

function change(path: Path, before: Json | undefined, after: Json | undefined): Change {
  return { path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

function namesOf(before: JsonObject, after: JsonObject): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
}

// Members called `constructor` or `__proto__` exist on every object: only own ones are the document's.
function own(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Through one member of both objects, as long as it has steps left. */
class Walk {
  readonly found: Change[] = [];
  /** Below zero: there is more than was found. */
  left: number;
  /** To where it is. */
  readonly #path: Step[];

  constructor(name: string, left: number) {
    this.#path = [name];
    this.left = left;
  }

  compare(before: Json | undefined, after: Json | undefined): void {
    if (this.left < 0) return;
    if (isObject(before) && isObject(after)) this.#objects(before, after);
    else if (Array.isArray(before) && Array.isArray(after)) this.#lists(before, after);
    else if (!isSameScalar(before, after)) this.#tell(before, after);
  }

  #at(step: Step, before: Json | undefined, after: Json | undefined): void {
    this.#path.push(step);
    this.compare(before, after);
    this.#path.pop();
  }

  #tell(before: Json | undefined, after: Json | undefined): void {
    this.left -= this.#path.length;
    this.found.push(change([...this.#path], before, after));
  }

  #objects(before: JsonObject, after: JsonObject): void {
    for (const name of namesOf(before, after)) this.#at(name, own(before, name), own(after, name));
  }

  #lists(before: Json[], after: Json[]): void {
    const field = this.#path.at(-1);
    const isKeyed = typeof field === "string" && hasMergeKey(field);
    const pair = isKeyed ? keyedLists(field, before, after) : undefined;
    if (pair !== undefined && keepsOrder(...pair)) this.#byKey(...pair);
    else if (!isKeyed) this.#byIndex(before, after);
    else if (!isSame(before, after)) this.#tell(before, after);
  }

  #byIndex(before: Json[], after: Json[]): void {
    for (let index = 0; index < Math.max(before.length, after.length); index++)
      this.#at(index, before[index], after[index]);
  }

  #byKey(before: Keyed, after: Keyed): void {
    for (const [id, { key, item }] of before) this.#at(key, item, after.get(id)?.item);
    for (const [id, { key, item }] of after) if (!before.has(id)) this.#at(key, undefined, item);
  }
}

/** Do the items that stayed stand in the same order, and all new ones behind them? */
function keepsOrder(before: Keyed, after: Keyed): boolean {
  const stayed = [...before.keys()].filter((id) => after.has(id));
  return [...after.keys()].slice(0, stayed.length).every((id, index) => id === stayed[index]);
}
