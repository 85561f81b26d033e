/** Loops, each item paid for. An error of `all` and `exists` counts only where no item decides. */

import { sortedBy } from "../library/sorting.ts";
import { spend } from "../meter.ts";
import type { LoopKind } from "../syntax/tree.ts";
import { CelMap, EntryMap, Failure, isList, NO_OVERLOAD, Optional, type Value } from "../values/value.ts";
import { passed } from "./access.ts";
import type { Frame, Step } from "./frame.ts";

export interface Loop {
  readonly range: Step;
  /** Where the variables go. */
  readonly slots: readonly number[];
  readonly filter: Step | undefined;
  readonly body: Step;
}

const NOT_ITERABLE = new Failure("not a list or a map");
const KEY_EXISTS = new Failure("insert failed: the key exists already");

type Each = (frame: Frame) => boolean;

/**
 * Sets the variables for one item after the other, until `each` says no: keys, or positions, and values. A loop of one
 * variable sees the keys of a map.
 */
function forEach({ slots }: Loop, range: Value, frame: Frame, each: Each): Failure | undefined {
  if (typeof range !== "object" || range === null) return NOT_ITERABLE;
  const first = slots[0] ?? 0;
  const second = slots[1];
  if (isList(range)) forItems(range, [first, second], frame, each);
  else if (!(range instanceof CelMap)) return NOT_ITERABLE;
  else if (second === undefined) forKeys(range, first, frame, each);
  else forEntries(range, [first, second], frame, each);
  return undefined;
}

function forItems(
  items: readonly Value[],
  [first, second]: readonly [number, number | undefined],
  frame: Frame,
  each: Each,
): void {
  for (let i = 0; i < items.length; i++) {
    spend(1);
    const value = items[i] ?? null;
    frame.slots[first] = second === undefined ? value : BigInt(i);
    if (second !== undefined) frame.slots[second] = value;
    if (!each(frame)) return;
  }
}

function forKeys(map: CelMap, slot: number, frame: Frame, each: Each): void {
  for (const key of map.keys()) {
    spend(1);
    frame.slots[slot] = key;
    if (!each(frame)) return;
  }
}

function forEntries(map: CelMap, [first, second]: readonly [number, number], frame: Frame, each: Each): void {
  for (const [key, value] of map.entries()) {
    spend(1);
    frame.slots[first] = key;
    frame.slots[second] = value;
    if (!each(frame)) return;
  }
}

/** Of a list and one variable, as most are. */
function quantifiedItems({ slots: [slot = 0], body }: Loop, decisive: boolean) {
  return (items: readonly Value[], frame: Frame): Value => {
    let result: Value = !decisive;
    for (let i = 0; i < items.length; i++) {
      spend(1);
      frame.slots[slot] = items[i] ?? null;
      const value = body(frame);
      if (value === decisive) return decisive;
      if (value !== !decisive && !(result instanceof Failure))
        result = value instanceof Failure ? value : NO_OVERLOAD;
    }
    return result;
  };
}

function quantified(loop: Loop, decisive: boolean): Step {
  const ofItems = loop.slots.length === 1 ? quantifiedItems(loop, decisive) : undefined;
  return (frame) => {
    const range = loop.range(frame);
    if (range instanceof Failure) return range;
    if (ofItems !== undefined && typeof range === "object" && range !== null && isList(range))
      return ofItems(range, frame);
    let result: Value = !decisive;
    const failure = forEach(loop, range, frame, () => {
      const value = loop.body(frame);
      if (value === decisive) {
        result = decisive;
        return false;
      }
      if (value !== !decisive && !(result instanceof Failure))
        result = value instanceof Failure ? value : NO_OVERLOAD;
      return true;
    });
    return failure ?? result;
  };
}

/** What an item's filter says; true without one. */
function passes(loop: Loop, frame: Frame): boolean | Failure {
  const value = loop.filter === undefined ? true : loop.filter(frame);
  if (typeof value === "boolean") return value;
  return value instanceof Failure ? value : NO_OVERLOAD;
}

/** Goes through the items that pass the filter, up to the first failure. */
function collected(
  loop: Loop,
  frame: Frame,
  take: (value: Value) => Failure | undefined,
): Failure | undefined {
  const range = loop.range(frame);
  if (range instanceof Failure) return range;
  let failure: Failure | undefined;
  const wrong = forEach(loop, range, frame, () => {
    const does = passes(loop, frame);
    if (does === false) return true;
    const value = does === true ? loop.body(frame) : does;
    failure = value instanceof Failure ? value : take(value);
    return failure === undefined;
  });
  return wrong ?? failure;
}

const existsOne =
  (loop: Loop): Step =>
  (frame) => {
    let count = 0;
    const failure = collected(loop, frame, (value) => {
      if (typeof value !== "boolean") return NO_OVERLOAD;
      if (value) count++;
      return undefined;
    });
    return failure ?? count === 1;
  };

const listed =
  (loop: Loop): Step =>
  (frame) => {
    const items: Value[] = [];
    const failure = collected(loop, frame, (value) => {
      spend(0, 8);
      items.push(value);
      return undefined;
    });
    return failure ?? items;
  };

function insert(map: EntryMap, key: Value, value: Value): Failure | undefined {
  spend(1, 32);
  if (map.find(key) !== undefined) return KEY_EXISTS;
  return map.set(key, value) ? undefined : NO_OVERLOAD;
}

function mapped(loop: Loop): Step {
  return (frame) => {
    const map = new EntryMap();
    const failure = collected(loop, frame, (value) =>
      insert(map, frame.slots[loop.slots[0] ?? 0] ?? null, value),
    );
    return failure ?? map;
  };
}

function merged(loop: Loop): Step {
  return (frame) => {
    const map = new EntryMap();
    const failure = collected(loop, frame, (value) => {
      if (!(value instanceof CelMap)) return NO_OVERLOAD;
      for (const [key, member] of value.entries()) {
        const wrong = insert(map, key, member);
        if (wrong !== undefined) return wrong;
      }
      return undefined;
    });
    return failure ?? map;
  };
}

function sorted(loop: Loop): Step {
  return (frame) => {
    const range = loop.range(frame);
    // Kubernetes' own evaluation breaks off here, so that no `||` makes good for it.
    if (range instanceof Failure) throw new Error("sortBy of a failure");
    const keys: Value[] = [];
    const failure = collected({ ...loop, range: () => range }, frame, (value) => {
      spend(0, 8);
      keys.push(value);
      return undefined;
    });
    if (failure !== undefined) return failure;
    return typeof range === "object" && range !== null && isList(range) ? sortedBy(range, keys) : NO_OVERLOAD;
  };
}

function optional(loop: Loop, isFlat: boolean): Step {
  return (frame) => {
    const range = loop.range(frame);
    if (range instanceof Failure) return range;
    if (!(range instanceof Optional)) return NO_OVERLOAD;
    if (range.value === undefined) return range;
    frame.slots[loop.slots[0] ?? 0] = range.value;
    const value = loop.body(frame);
    return value instanceof Failure ? value : passed(isFlat ? value : new Optional(value));
  };
}

/** The step that runs a loop. */
export const LOOPS: Readonly<Record<LoopKind, (loop: Loop) => Step>> = {
  all: (loop) => quantified(loop, false),
  exists: (loop) => quantified(loop, true),
  existsOne,
  list: listed,
  map: mapped,
  entries: merged,
  sortBy: sorted,
  optMap: (loop) => optional(loop, false),
  optFlatMap: (loop) => optional(loop, true),
};
