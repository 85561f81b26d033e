/** The types of values. */
import type { Type } from "../types/type.ts";
import { Duration, Timestamp } from "./time.ts";
import { CelMap, isList, Opaque, Optional, TypeValue, Uint, type Value } from "./value.ts";

const PRIMITIVE: Readonly<Record<string, string>> = {
  boolean: "bool",
  bigint: "int",
  number: "double",
  string: "string",
};

/** The name of a value's type. */
export function typeName(value: Value): string {
  if (value === null) return "null_type";
  if (typeof value !== "object") return PRIMITIVE[typeof value] ?? "dyn";
  if (isList(value)) return "list";
  if (value instanceof CelMap) return "map";
  if (value instanceof Uint) return "uint";
  if (value instanceof Uint8Array) return "bytes";
  if (value instanceof Timestamp) return "google.protobuf.Timestamp";
  if (value instanceof Duration) return "google.protobuf.Duration";
  if (value instanceof Optional) return "optional_type";
  if (value instanceof TypeValue) return "type";
  return value instanceof Opaque ? value.type : "error";
}

function firstOf(map: CelMap): readonly [Value, Value] | undefined {
  for (const entry of map.entries()) return entry;
  return undefined;
}

/** Whether a value may be given where a function declares that type. Of lists and maps the first member is looked at. */
export function isOf(value: Value, type: Type): boolean {
  if (type.kind === "dyn" || type.kind === "param") return true;
  if (type.name !== typeName(value)) return false;
  const [item, member] = type.params;
  if (item === undefined) return true;
  if (type.kind === "list" && isList(value)) {
    const first = value[0];
    return first === undefined || isOf(first, item);
  }
  if (type.kind === "map" && value instanceof CelMap && item.kind !== "param" && member !== undefined) {
    const first = firstOf(value);
    return first === undefined || (isOf(first[0], item) && isOf(first[1], member));
  }
  return true;
}
