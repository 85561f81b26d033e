/** Copies of what JSON is made of, only where something changes. */
import type { Json, JsonObject } from "../admission.ts";

/** The object itself where nothing of it changes, as in most of what is masked: nothing is ever written to either. */
export function mapMembers(object: JsonObject, map: (name: string, value: Json) => Json): JsonObject {
  let copy: JsonObject | undefined;
  for (const name of Object.keys(object)) {
    const value = object[name] ?? null;
    const mapped = map(name, value);
    if (mapped === value) continue;
    copy ??= { ...object };
    // An assignment to `__proto__` would make no member.
    if (name === "__proto__") Object.defineProperty(copy, name, { ...MEMBER, value: mapped });
    else copy[name] = mapped;
  }
  return copy ?? object;
}

const MEMBER = { enumerable: true, configurable: true, writable: true };

/** As {@link mapMembers}. */
export function mapItems(list: Json[], map: (item: Json, index: number) => Json): Json[] {
  let copy: Json[] | undefined;
  for (let index = 0; index < list.length; index++) {
    const item = list[index] ?? null;
    const mapped = map(item, index);
    if (mapped === item) continue;
    copy ??= [...list];
    copy[index] = mapped;
  }
  return copy ?? list;
}
