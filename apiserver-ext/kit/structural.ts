/**
 * A JSON Schema as TypeBox writes it down, read once into what pruning, defaulting, validating and comparing need:
 * the "structural schema" of Kubernetes, plus unions of objects. A keyword that would not be enforced is refused here.
 */
import type { SchemaNode } from "./schema.ts";

export interface Structural {
  /** The JSON types that fit; none: any. */
  types: readonly string[];
  nullable: boolean;
  properties: ReadonlyMap<string, Structural>;
  required: readonly string[];
  /** What the values of a map are. */
  values: Structural | undefined;
  items: Structural | undefined;
  /** Fields that the schema does not know are kept. */
  open: boolean;
  /** One of them has to fit, where the schema is a union of more than literals. */
  alternatives: readonly Structural[];
  enum: readonly unknown[] | undefined;
  default: unknown;
  limits: Limits;
  /** How a list or a map is compared: as a whole, or by item. */
  listType: "atomic" | "set" | "map";
  listKeys: readonly string[];
  isAtomicMap: boolean;
}

export interface Limits {
  format?: string;
  pattern?: RegExp;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minProperties?: number;
  maxProperties?: number;
}

const STRUCTURE: ReadonlySet<string> = new Set([
  ...["type", "properties", "required", "items", "anyOf", "patternProperties", "additionalProperties"],
  ...["const", "enum", "default", "nullable"],
  ...["x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"],
  ...["x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"],
]);
const LIMITS = [
  ...["format", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  ...["multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"],
] as const;
const ENFORCED: ReadonlySet<string> = new Set([...STRUCTURE, ...LIMITS, "pattern"]);
const ANNOTATIONS: ReadonlySet<string> = new Set([
  "description",
  "title",
  "examples",
  "example",
  "$id",
  "$schema",
  "externalDocs",
]);

/** @throws {Error} for a schema that says what is not understood: a mistake in a declaration. */
export function structural(schema: SchemaNode, path = "schema"): Structural {
  for (const keyword of Object.keys(schema)) {
    // TypeBox marks its own values with a leading "~".
    if (!ENFORCED.has(keyword) && !ANNOTATIONS.has(keyword) && !keyword.startsWith("~"))
      throw new Error(`${path}: the keyword ${JSON.stringify(keyword)} is not understood`);
  }
  const { anyOf, ...own } = schema;
  if (anyOf) return ofUnion(own, anyOf, path);
  const isIntOrString = schema["x-kubernetes-int-or-string"] === true;
  return {
    types: isIntOrString ? ["integer", "string"] : typesOf(schema),
    nullable: schema["nullable"] === true || schema.type === "null",
    properties: new Map(
      Object.entries(schema.properties ?? {}).map(([name, each]) => [
        name,
        structural(each, `${path}.${name}`),
      ]),
    ),
    required: schema.required ?? [],
    values: valuesOf(schema, path),
    items: schema.items && structural(schema.items, `${path}[]`),
    open: isOpen(schema) && !isIntOrString,
    alternatives: [],
    enum: schema.const === undefined ? schema.enum : [schema.const],
    default: schema["default"],
    limits: limitsOf(schema),
    listType: listTypeOf(schema),
    listKeys: (schema["x-kubernetes-list-map-keys"] as readonly string[] | undefined) ?? [],
    isAtomicMap: schema["x-kubernetes-map-type"] === "atomic",
  };
}

/** A union of literals is an enum, one with null is what else it is, and one of simple types is a choice of types. */
function ofUnion(own: SchemaNode, anyOf: readonly SchemaNode[], path: string): Structural {
  const members = anyOf.filter(({ type }) => type !== "null");
  const nullable = members.length < anyOf.length || own["nullable"] === true;
  const [only] = members;
  if (only && members.length === 1) return { ...structural({ ...only, ...own }, path), nullable };
  const base = { ...structural(own, path), nullable };
  if (members.every((each) => each.const !== undefined)) {
    const types = [...new Set(members.flatMap(typesOf))];
    return { ...base, types, open: false, enum: members.map((each) => each.const) };
  }
  const isPlain = (each: SchemaNode) =>
    Object.keys(each).every((key) => key === "type" || key.startsWith("~"));
  if (members.every(isPlain)) return { ...base, types: members.flatMap(typesOf), open: false };
  return { ...base, open: false, alternatives: members.map((each, at) => structural(each, `${path}|${at}`)) };
}

function typesOf({ type, const: literal }: SchemaNode): string[] {
  if (type === undefined && literal !== undefined) return [typeof literal];
  return type === undefined || type === "null" ? [] : [type];
}

/** The values of a record: all its patterns are one, or it is no record. */
function valuesOf(schema: SchemaNode, path: string): Structural | undefined {
  const { additionalProperties, patternProperties } = schema;
  const [pattern, ...more] = Object.values(patternProperties ?? {});
  if (more.length > 0) throw new Error(`${path}: only one pattern of properties is understood`);
  if (pattern) return structural(pattern, `${path}.*`);
  return typeof additionalProperties === "object" ? structural(additionalProperties, `${path}.*`) : undefined;
}

function isOpen(schema: SchemaNode): boolean {
  if (schema["x-kubernetes-preserve-unknown-fields"] === true || schema.additionalProperties === true)
    return true;
  const saysNothing = schema.type === undefined && schema.const === undefined && schema.enum === undefined;
  return saysNothing && schema.properties === undefined;
}

function limitsOf(schema: SchemaNode): Limits {
  const given = LIMITS.filter((keyword) => schema[keyword] !== undefined);
  const pattern = schema["pattern"];
  return {
    ...Object.fromEntries(given.map((keyword) => [keyword, schema[keyword]])),
    ...(typeof pattern === "string" ? { pattern: new RegExp(pattern, "u") } : {}),
  };
}

function listTypeOf(schema: SchemaNode): Structural["listType"] {
  const type = schema["x-kubernetes-list-type"];
  return type === "set" || type === "map" ? type : "atomic";
}
