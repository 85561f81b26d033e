/** Known values in the strings of an object, but in those by which clients know which object it is. */
import { isObject, type Json, type JsonObject } from "../admission.ts";
import { type KnownValues, withoutValues } from "./values.ts";

const OF_TYPE: ReadonlySet<string> = new Set(["apiVersion", "kind"]);
/** Below `metadata`. */
const OF_IDENTITY: ReadonlySet<string> = new Set([
  ...["name", "namespace", "uid", "resourceVersion", "generateName", "continue", "creationTimestamp"],
  "managedFields",
]);

export function withoutValuesIn(known: KnownValues, object: JsonObject): JsonObject {
  return known.count === 0 ? object : mapped(known, object, OF_TYPE);
}

function mapped(known: KnownValues, object: JsonObject, kept: ReadonlySet<string>): JsonObject {
  const entries = Object.entries(object).map(([key, value]): [string, Json] => {
    if (kept.has(key)) return [key, value];
    return [key, mappedValue(known, value, key === "metadata" ? OF_IDENTITY : OF_TYPE)];
  });
  // Makes own members of all, `__proto__` too.
  return Object.fromEntries(entries);
}

function mappedValue(known: KnownValues, value: Json, kept: ReadonlySet<string>): Json {
  if (typeof value === "string") return withoutValues(known, value);
  if (Array.isArray(value)) return value.map((item) => mappedValue(known, item, OF_TYPE));
  return isObject(value) ? mapped(known, value, kept) : value;
}
