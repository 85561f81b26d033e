/** Values as people read them, close to how an expression would write them. */
import { Duration, inSeconds, shownTimestamp, Timestamp } from "./time.ts";
import { CelMap, Failure, isList, Opaque, Optional, TypeValue, Uint, type Value } from "./value.ts";

/** The text, whose end is left out beyond so many characters. */
export function shownValue(value: Value, most: number): string {
  let text = "";
  for (const part of parts(value)) {
    text += part;
    if (text.length > most) return `${text.slice(0, most)}…`;
  }
  return text;
}

function* parts(value: Value): Generator<string> {
  if (isList(value)) yield* enclosed("[", value.map(parts), "]");
  else if (value instanceof CelMap) yield* enclosed("{", members(value), "}");
  else if (value instanceof Optional && value.value !== undefined)
    yield* enclosed("optional.of(", [parts(value.value)], ")");
  else yield simple(value);
}

function* members(map: CelMap): Generator<Iterable<string>> {
  for (const key of map.keys()) {
    const value = map.find(key);
    if (value !== undefined) yield member(key, value);
  }
}

function* member(key: Value, value: Value): Generator<string> {
  yield* parts(key);
  yield ": ";
  yield* parts(value);
}

function* enclosed(open: string, items: Iterable<Iterable<string>>, close: string): Generator<string> {
  yield open;
  let isFirst = true;
  for (const item of items) {
    if (!isFirst) yield ", ";
    isFirst = false;
    yield* item;
  }
  yield close;
}

function simple(value: Value): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Uint) return `${value.value}u`;
  if (value instanceof Uint8Array) return `bytes of length ${value.length}`;
  if (value instanceof Timestamp) return `timestamp("${shownTimestamp(value)}")`;
  if (value instanceof Duration) return `duration("${inSeconds(value)}s")`;
  if (value instanceof Optional) return "optional.none()";
  if (value instanceof TypeValue) return value.name;
  if (value instanceof Opaque) return value.type;
  if (value instanceof Failure) return value.message;
  return String(value);
}
