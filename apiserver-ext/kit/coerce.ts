/** What becomes of an object when it is decoded: unknown fields go, nulls that mean nothing go, defaults come. */

import { append } from "./append.ts";
import { child, item } from "./path.ts";
import { isRecord } from "./record.ts";
import type { Structural } from "./structural.ts";

export interface Coerced {
  value: unknown;
  /** Paths of the fields that the schema does not know, sorted. */
  unknown: string[];
}

/** A value of another type than the schema's is left as it is; validation tells. The given value is not changed. */
export function coerce(schema: Structural, value: unknown): Coerced {
  const pruned = prune(schema, value, "");
  return {
    value: withDefaults(schema, withoutNulls(schema, pruned.value)),
    unknown: pruned.unknown.toSorted(),
  };
}

function prune(schema: Structural | undefined, value: unknown, path: string): Coerced {
  if (schema && schema.alternatives.length > 0) return pruneByFitting(schema.alternatives, value, path);
  if (Array.isArray(value)) {
    if (schema?.open && !schema.items) return { value, unknown: [] };
    return collected(value.map((each, at) => prune(schema?.items, each, item(path, at))));
  }
  if (!isRecord(value)) return { value, unknown: [] };
  const kept: [string, unknown][] = [];
  const unknown: string[] = [];
  for (const [key, each] of Object.entries(value)) {
    const of = schema?.properties.get(key) ?? schema?.values;
    if (of) {
      const below = prune(of, each, child(path, key));
      kept.push([key, below.value]);
      append(unknown, below.unknown);
    } else if (schema?.open) kept.push([key, each]);
    else unknown.push(child(path, key));
  }
  return { value: Object.fromEntries(kept), unknown };
}

function collected(pruned: readonly Coerced[]): Coerced {
  return { value: pruned.map((each) => each.value), unknown: pruned.flatMap((each) => each.unknown) };
}

/** A field is unknown only where every alternative says so. */
function pruneByFitting(alternatives: readonly Structural[], value: unknown, path: string): Coerced {
  return alternatives
    .map((schema) => prune(schema, value, path))
    .reduce((best, each) => (each.unknown.length < best.unknown.length ? each : best));
}

/** Where null is no value and there is no default either, the field was not meant. */
function withoutNulls(schema: Structural | undefined, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => withoutNulls(schema?.items, each));
  if (!isRecord(value)) return value;
  const entries = Object.entries(value).flatMap(([key, each]): [string, unknown][] => {
    const of = schema?.properties.get(key) ?? schema?.values;
    return each === null && of && !takesNull(of) && of.default === undefined
      ? []
      : [[key, withoutNulls(of, each)]];
  });
  return Object.fromEntries(entries);
}

function takesNull({ nullable, alternatives }: Structural): boolean {
  return nullable || alternatives.some(takesNull);
}

function withDefaults(schema: Structural | undefined, value: unknown): unknown {
  if (!schema) return value;
  if (Array.isArray(value))
    return value.map((each) => withDefaults(schema.items, instead(schema.items, each)));
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = { ...value };
  for (const [key, { default: preset }] of schema.properties) {
    if (preset !== undefined && !Object.hasOwn(result, key)) result[key] = structuredClone(preset);
  }
  for (const [key, each] of Object.entries(result)) {
    const of = schema.properties.get(key) ?? schema.values;
    if (of) result[key] = withDefaults(of, instead(of, each));
  }
  return result;
}

/** The default in the place of a null that means nothing. */
function instead(schema: Structural | undefined, value: unknown): unknown {
  const isMissing = value === null && schema?.default !== undefined && !takesNull(schema);
  return isMissing ? structuredClone(schema.default) : value;
}
