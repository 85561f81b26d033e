/** Fields and items of values. */

import { spend } from "../meter.ts";
import {
  CelMap,
  Failure,
  isList,
  NO_KEY,
  Opaque,
  Optional,
  TypeValue,
  Uint,
  type Value,
} from "../values/value.ts";
import type { Frame, Step } from "./frame.ts";

const OUT_OF_BOUNDS = new Failure("index out of bounds");
const NO_INDEX = new Failure("unsupported index");

function position(key: Value): bigint | undefined {
  if (typeof key === "bigint") return key;
  if (key instanceof Uint) return key.value;
  return typeof key === "number" && Number.isSafeInteger(key) ? BigInt(key) : undefined;
}

/** What a value has under a key; undefined where it has nothing. */
function look(value: Value, key: Value): Value | undefined {
  if (value instanceof CelMap) return value.find(key);
  if (value === null || typeof value !== "object" || !isList(value)) return undefined;
  const at = position(key);
  if (at === undefined) return NO_INDEX;
  return at < 0n || at >= value.length ? undefined : value[Number(at)];
}

/** `name`: as the expression has it; a key that it comes to is the input's. */
const missing = (value: Value, name: string | undefined): Failure => {
  if (typeof value === "object" && value !== null && isList(value)) return OUT_OF_BOUNDS;
  return name === undefined ? NO_KEY : new Failure(`no such key: ${name}`);
};

/** Whether Kubernetes takes such a value for an index at all. */
export const isIndex = (value: Value): boolean =>
  value !== null && (typeof value !== "object" || value instanceof Uint);

/** Optionals of optionals are unwrapped at once, down to null. */
function unwrapped(value: Value): Value {
  let inner = value;
  while (inner instanceof Optional) inner = inner.value === undefined ? null : inner.value;
  return inner;
}

/** One step of a path: a field, an index, either of them optional, or what has() asks for. */
export interface Qualifier {
  /** Where it is a field. */
  readonly name?: string;
  readonly key: Step;
  readonly isOptional: boolean;
  readonly isTest: boolean;
}

/** What is under a key, as `found`; undefined where nothing is. */
function qualified(value: Value, { name, key: made }: Qualifier, frame: Frame): Value | undefined {
  spend(1);
  if (name !== undefined) return look(value, name);
  const key = made(frame);
  if (key instanceof Failure) return key;
  return isIndex(key) ? look(value, key) : NO_INDEX;
}

/** What an optional path comes to where it ends early. */
const nothing = (path: readonly Qualifier[]): Value => (path.at(-1)?.isTest ? false : Optional.NONE);

function walk(start: Value, path: readonly Qualifier[], frame: Frame, wasOptional: boolean): Value {
  let value = start;
  let isOptional = wasOptional;
  for (const qualifier of path) {
    if (value instanceof Failure) return value;
    isOptional ||= qualifier.isOptional;
    const found = qualified(value, qualifier, frame);
    if (found instanceof Failure) return found;
    if (qualifier.isTest) return found !== undefined;
    if (found === undefined) return isOptional ? nothing(path) : missing(value, qualifier.name);
    value = found;
  }
  return isOptional ? new Optional(value) : value;
}

/**
 * Follows a path from a value. From an optional value or step on, the path is optional as a whole: it ends where there
 * is nothing, and what it ends at is optional. Optionals on the way have no members.
 */
export function follow(start: Value, path: readonly Qualifier[], frame: Frame): Value {
  if (!(start instanceof Optional)) return walk(start, path, frame, false);
  return start.value === undefined ? nothing(path) : walk(unwrapped(start.value), path, frame, true);
}

/** As {@link follow} along fields none of which is optional: the most common path. */
export function followNames(
  start: Value,
  names: readonly string[],
  path: readonly Qualifier[],
  frame: Frame,
): Value {
  if (start instanceof Optional) return follow(start, path, frame);
  let value: Value = start;
  for (const name of names) {
    if (value instanceof Failure) return value;
    spend(1);
    const found = look(value, name);
    if (found === undefined) return missing(value, name);
    value = found;
  }
  return value;
}

const NOT_PASSED = new Failure("an optional of that type cannot be passed on");

/**
 * A value as a name or a condition hands it on: Kubernetes makes optional values anew there, of what is in them, and
 * cannot with all.
 */
export function passed(value: Value): Value {
  if (!(value instanceof Optional) || value.value === undefined) return value;
  const inner = unwrapped(value.value);
  if (inner instanceof TypeValue) return new Optional(inner.name);
  if (inner instanceof Opaque) return new Optional(NOT_PASSED);
  return inner === value.value ? value : new Optional(inner);
}
