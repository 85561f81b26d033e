/**
 * Reads JSON into the fields of a Go struct the way Go's decoder does: typed, empty fields dropped, unknown ones named.
 */

import { child, item } from "./path.ts";
import { isRecord } from "./record.ts";

export type StructReading =
  /** `unknown`: paths of fields that the struct does not have. */
  | { outcome: "read"; fields: Record<string, unknown>; unknown: string[] }
  /** A field has another type; in Go's words. */
  | { outcome: "mistyped"; why: string };

type Plain = "string" | "int64" | "bool" | "time" | "any";
type FieldType = Plain | { map: Plain } | { list: Plain | Struct } | { struct: Struct };

export interface Struct {
  name: string;
  fields: Readonly<Record<string, FieldType>>;
  /** Fields that are there even when they are empty. */
  always?: readonly string[];
  /** Pointers in Go: 0, false and "" are values. */
  pointers?: readonly string[];
}

/** `path` is where the struct is; the value must be an object. */
export function readStruct(struct: Struct, value: Record<string, unknown>, path: string): StructReading {
  const reading = new Reading();
  try {
    return { outcome: "read", fields: reading.struct(struct, value, path, ""), unknown: reading.unknown };
  } catch (error) {
    if (error instanceof Mistyped) return { outcome: "mistyped", why: error.message };
    throw error;
  }
}

class Mistyped extends Error {}

class Reading {
  readonly unknown: string[] = [];

  /** `goPath` is how Go names the way here: without indices. */
  struct(
    struct: Struct,
    value: Record<string, unknown>,
    path: string,
    goPath: string,
  ): Record<string, unknown> {
    const read: Record<string, unknown> = {};
    for (const key of struct.always ?? []) read[key] = "";
    for (const key of Object.keys(value).toSorted()) {
      const type = Object.hasOwn(struct.fields, key) ? struct.fields[key] : undefined;
      const at = child(path, key);
      if (type === undefined) this.unknown.push(at);
      else {
        const field = this.#field(type, value[key], {
          path: at,
          go: child(goPath, key),
          struct: struct.name,
        });
        const isPointer = struct.pointers?.includes(key) ?? false;
        if (field !== undefined && (isPointer || !isEmpty(field))) read[key] = field;
      }
    }
    return read;
  }

  #field(type: FieldType, value: unknown, at: Place): unknown {
    if (value === null || value === undefined) return undefined;
    if (typeof type === "string") return scalar(type, value, at);
    if ("map" in type) {
      if (!isRecord(value)) throw mismatch(value, at, `map[string]${type.map}`);
      return Object.fromEntries(
        Object.entries(value).map(([key, each]) => [key, scalar(type.map, each ?? "", at)]),
      );
    }
    if ("struct" in type) {
      if (!isRecord(value)) throw mismatch(value, at, `v1.${type.struct.name}`);
      return this.struct(type.struct, value, at.path, at.go);
    }
    const { list } = type;
    const name = typeof list === "string" ? list : `v1.${list.name}`;
    if (!Array.isArray(value)) throw mismatch(value, at, `[]${name}`);
    return value.map((each: unknown, index) => {
      if (typeof list === "string") return scalar(list, each ?? "", at);
      if (!isRecord(each ?? {})) throw mismatch(each, at, name);
      return this.struct(list, (each ?? {}) as Record<string, unknown>, item(at.path, index), at.go);
    });
  }
}

interface Place {
  path: string;
  go: string;
  struct: string;
}

function scalar(type: Plain, value: unknown, at: Place): unknown {
  switch (type) {
    case "any":
      return value;
    case "time":
      return time(value, at);
    case "int64":
      if (typeof value === "number" && !Number.isInteger(value))
        throw mismatch(value, at, type, `number ${value}`);
      if (typeof value !== "number") throw mismatch(value, at, type);
      return value;
    case "string":
      if (typeof value !== "string") throw mismatch(value, at, type);
      return value;
    case "bool":
      if (typeof value !== "boolean") throw mismatch(value, at, type);
      return value;
  }
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** To the second and in UTC, as every time in Kubernetes. */
function time(value: unknown, at: Place): string | undefined {
  if (typeof value !== "string") throw mismatch(value, at, "string");
  if (value === "") return undefined;
  const milliseconds = RFC3339.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(milliseconds)) {
    const layout = "2006-01-02T15:04:05Z07:00";
    throw new Mistyped(
      `parsing time ${JSON.stringify(value)} as "${layout}": cannot parse ${JSON.stringify(value)} as "2006"`,
    );
  }
  return timestamp(milliseconds);
}

/** `2026-01-02T03:04:05Z`. */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
}

function mismatch(value: unknown, { struct, go }: Place, type: string, found = jsonType(value)): Mistyped {
  return new Mistyped(`json: cannot unmarshal ${found} into Go struct field ${struct}.${go} of type ${type}`);
}

/** As Go's JSON decoder names them. */
export function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return value === null ? "null" : typeof value;
}

function isEmpty(value: unknown): boolean {
  if (value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && Object.keys(value).length === 0;
}
