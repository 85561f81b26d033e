/** What of an event is not as the published schema of OCSF's class API Activity has it (`api-activity.json`). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isObject, type Json, type JsonObject } from "#core/admission.ts";

interface Attribute {
  type: string;
  /** The object's name, where it is one. */
  object?: string;
  requirement: "required" | "recommended" | "optional";
  isArray?: true;
  /** Captions by value. */
  enum?: Record<string, string>;
  /** Which attribute has the caption. */
  sibling?: string;
}

interface Shape {
  attributes: Record<string, Attribute>;
  constraints?: { at_least_one?: string[]; just_one?: string[] };
}

interface Type {
  base: string;
  maxLength?: number;
  pattern?: string;
  range?: [number, number];
}

const SCHEMA = JSON.parse(readFileSync(join(import.meta.dirname, "api-activity.json"), "utf8")) as {
  version: string;
  class: Shape;
  objects: Record<string, Shape>;
  types: Record<string, Type>;
};

export const OCSF_VERSION = SCHEMA.version;

export function ocsfProblems(event: Json): string[] {
  return inShape(event, SCHEMA.class, "event");
}

function inShape(value: Json, shape: Shape, path: string): string[] {
  if (!isObject(value)) return [`${path} is no object`];
  const { at_least_one: some = [], just_one: one = [] } = shape.constraints ?? {};
  const present = (names: readonly string[]) => names.filter((name) => Object.hasOwn(value, name)).length;
  return [
    ...Object.entries(shape.attributes)
      .filter(([name, { requirement }]) => requirement === "required" && !Object.hasOwn(value, name))
      .map(([name]) => `${path}.${name} is missing`),
    ...(some.length > 0 && present(some) === 0 ? [`${path} has none of ${some.join(", ")}`] : []),
    ...(one.length > 0 && present(one) !== 1 ? [`${path} has not just one of ${one.join(", ")}`] : []),
    ...Object.entries(value).flatMap(([name, member]) => {
      const attribute = shape.attributes[name];
      if (attribute === undefined) return [`${path}.${name} is unknown`];
      return [
        ...inAttribute(member, attribute, `${path}.${name}`),
        ...captionProblems(value, name, attribute, path),
      ];
    }),
  ];
}

function inAttribute(value: Json, attribute: Attribute, path: string): string[] {
  if (attribute.isArray !== true) return inType(value, attribute, path);
  if (!Array.isArray(value)) return [`${path} is no array`];
  return value.flatMap((one, at) => inType(one, attribute, `${path}[${at}]`));
}

function inType(value: Json, { type, object = "", enum: values }: Attribute, path: string): string[] {
  // Of `object` itself nothing is said: anything may be in it.
  if (type === "object_t" && object === "object") return isObject(value) ? [] : [`${path} is no object`];
  const shape = SCHEMA.objects[object];
  if (shape !== undefined) return inShape(value, shape, path);
  const known = values === undefined || Object.hasOwn(values, String(value));
  return [
    ...simpleProblems(value, SCHEMA.types[type], path),
    ...(known ? [] : [`${path} is none of its values`]),
  ];
}

const BASES: Readonly<Record<string, (value: Json) => boolean>> = {
  string_t: (value) => typeof value === "string",
  integer_t: (value) => Number.isSafeInteger(value),
  long_t: (value) => Number.isSafeInteger(value),
  boolean_t: (value) => typeof value === "boolean",
  json_t: () => true,
};

function simpleProblems(value: Json, type: Type | undefined, path: string): string[] {
  if (type === undefined || BASES[type.base]?.(value) !== true) return [`${path} is not of its type`];
  const {
    maxLength = Number.POSITIVE_INFINITY,
    pattern = "",
    range: [low, high] = [-Infinity, Infinity],
  } = type;
  const text = String(value);
  const isFine =
    text.length <= maxLength &&
    new RegExp(pattern).test(text) &&
    (typeof value !== "number" || (value >= low && value <= high));
  return isFine ? [] : [`${path} is not as its type has it: ${text.slice(0, 100)}`];
}

const OTHER = "99";

/** The words beside a number are its caption; only what is `Other` has words of its own. */
function captionProblems(parent: JsonObject, name: string, attribute: Attribute, path: string): string[] {
  const { enum: values, sibling = "" } = attribute;
  const said = parent[sibling];
  if (values === undefined || said === undefined) return [];
  const number = String(parent[name]);
  const isFine = number === OTHER ? said !== "" : said === values[number];
  return isFine ? [] : [`${path}.${sibling} is ${JSON.stringify(said)} beside ${name} ${number}`];
}
