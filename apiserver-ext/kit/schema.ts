/** JSON Schema as TypeBox values write it down, and what of it OpenAPI shows. */
import type { TSchema } from "typebox";

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
  const required = requiredOf(schema);
  return {
    ...shown,
    ...(required.length > 0 ? { required } : {}),
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

/** What has a default may be left out; clients check what they send before it is filled in. */
function requiredOf({ required = [], properties = {} }: SchemaNode): string[] {
  return required.filter((name) => properties[name]?.["default"] === undefined);
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
