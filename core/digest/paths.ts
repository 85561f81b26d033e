/** Places in an object by path, where `*` stands for every member or item. Nothing is changed in place. */
import { isObject, type Json, type JsonObject } from "../admission.ts";

/** Names of members, indexes of items, or `*`. */
export type Pattern = readonly string[];

/**
 * A dotted path as people configure it: `metadata.annotations.example\.com/seen`, `spec.containers.*.image`.
 * A backslash takes the next character as it is.
 */
export function parsePattern(dotted: string): Pattern {
  return (dotted.match(/(?:\\.|[^.\\])+/gs) ?? []).map((step) => step.replace(/\\(.)/gs, "$1"));
}

/** The object without what lies at the path. An empty path removes nothing. */
export function without(object: JsonObject, path: Pattern): JsonObject {
  return replaced(object, path, () => undefined);
}

/** The object with each value at the path put in place of the old one; undefined removes it. */
export function replaced(
  object: JsonObject,
  path: Pattern,
  replace: (value: Json) => Json | undefined,
): JsonObject {
  const [step, ...rest] = path;
  if (step === undefined) return object;
  const entries = Object.entries(object).flatMap(([name, value]): [string, Json][] => {
    if (step !== "*" && step !== name) return [[name, value]];
    const now = rest.length === 0 ? replace(value) : inside(value, rest, replace);
    return now === undefined ? [] : [[name, now]];
  });
  return Object.fromEntries(entries);
}

function inside(value: Json, path: Pattern, replace: (value: Json) => Json | undefined): Json {
  if (isObject(value)) return replaced(value, path, replace);
  if (!Array.isArray(value)) return value;
  const [step, ...rest] = path;
  return value.flatMap((item, index): Json[] => {
    if (step !== "*" && step !== String(index)) return [item];
    const now = rest.length === 0 ? replace(item) : inside(item, rest, replace);
    return now === undefined ? [] : [now];
  });
}
