/** JSON Schema as TypeBox values write it down: walking it, pruning by it, and what of it OpenAPI shows. */
import type { TSchema } from "typebox";
import { isRecord } from "./body.ts";

/** The keywords that the kit understands. */
export interface SchemaNode {
  type?: string;
  description?: string;
  properties?: Readonly<Record<string, SchemaNode>>;
  required?: readonly string[];
  items?: SchemaNode;
  anyOf?: readonly SchemaNode[];
  patternProperties?: Readonly<Record<string, SchemaNode>>;
  additionalProperties?: SchemaNode | boolean;
  const?: unknown;
  enum?: readonly unknown[];
  [keyword: string]: unknown;
}

/** TypeBox's type tells what a value of the schema is; here the schema itself is the data. */
export function schemaNode(schema: TSchema): SchemaNode {
  return schema as SchemaNode;
}

export interface Pruned {
  value: unknown;
  /** Paths of the fields that the schema does not know, such as `decision.verdct`. */
  unknown: string[];
}

/** Drops the fields that the schema does not know. A schema without properties takes anything. */
export function prune(schema: SchemaNode, value: unknown, path = ""): Pruned {
  if (schema.anyOf) return pruneByFitting(schema.anyOf, value, path);
  if (Array.isArray(value)) return pruneList(schema, value, path);
  const valuesOf = valueSchema(schema);
  if (!isRecord(value) || (!schema.properties && !valuesOf)) return { value, unknown: [] };
  const kept: [string, unknown][] = [];
  const unknown: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    const at = path === "" ? key : `${path}.${key}`;
    const known =
      schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : valuesOf;
    if (!known) unknown.push(at);
    else {
      const pruned = prune(known, member, at);
      kept.push([key, pruned.value]);
      unknown.push(...pruned.unknown);
    }
  }
  return { value: Object.fromEntries(kept), unknown };
}

function pruneList({ items }: SchemaNode, value: readonly unknown[], path: string): Pruned {
  if (!items) return { value, unknown: [] };
  const pruned = value.map((item, index) => prune(items, item, `${path}[${index}]`));
  return { value: pruned.map((each) => each.value), unknown: pruned.flatMap((each) => each.unknown) };
}

/** A field is unknown only where every alternative says so. */
function pruneByFitting(alternatives: readonly SchemaNode[], value: unknown, path: string): Pruned {
  return alternatives
    .map((schema) => prune(schema, value, path))
    .reduce((best, each) => (each.unknown.length < best.unknown.length ? each : best));
}

/** The schema of a map's values. */
function valueSchema({ additionalProperties, patternProperties }: SchemaNode): SchemaNode | undefined {
  if (additionalProperties === true) return {};
  if (additionalProperties) return additionalProperties;
  return patternProperties && Object.values(patternProperties)[0];
}

const SHOWN = [
  "type",
  "description",
  "format",
  "default",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "required",
  "enum",
] as const;

/** The schema in the part of JSON Schema that OpenAPI 2 and 3 share: literals become an enum, unions become anything. */
export function openApiSchema(nullable: SchemaNode): Record<string, unknown> {
  const schema = withoutNull(nullable);
  const literals = literalsOf(schema);
  const valuesOf = valueSchema(schema);
  const shown = Object.fromEntries(
    SHOWN.filter((keyword) => schema[keyword] !== undefined).map((keyword) => [keyword, schema[keyword]]),
  );
  return {
    ...shown,
    ...(literals ? { type: "string", enum: literals } : {}),
    ...(schema.items ? { items: openApiSchema(schema.items) } : {}),
    ...(schema.properties
      ? {
          properties: Object.fromEntries(
            Object.entries(schema.properties).map(([name, member]) => [name, openApiSchema(member)]),
          ),
        }
      : {}),
    ...(valuesOf ? { additionalProperties: openApiSchema(valuesOf) } : {}),
  };
}

/** OpenAPI as Kubernetes uses it has no null: what may be null is documented as what else it is. */
function withoutNull(schema: SchemaNode): SchemaNode {
  const { anyOf, ...annotations } = schema;
  const [only, ...more] = anyOf?.filter(({ type }) => type !== "null") ?? [];
  return only && more.length === 0 ? { ...only, ...annotations } : schema;
}

/** The strings that the schema lists, where it is such a list. */
function literalsOf({ const: only, anyOf }: SchemaNode): string[] | undefined {
  if (typeof only === "string") return [only];
  const literals = anyOf?.map((each) => each.const);
  return literals?.every((each) => typeof each === "string") ? literals : undefined;
}
