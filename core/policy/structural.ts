/**
 * Objects as a CustomResourceDefinition's structural schema wants them: what the API server would refuse, found without
 * one. `x-kubernetes-validations` are evaluated; those about what was there before are not.
 */
import { isObject, type Json, type JsonObject } from "../admission.ts";
import { canonical } from "../canonical.ts";
import { compile, evaluate } from "../cel/cel.ts";
import { ADMISSION, type PolicyEnvironment } from "../cel/environment.ts";
import { DYN } from "../cel/types/type.ts";
import { EXPRESSION, REQUEST } from "./budget.ts";

/** `openAPIV3Schema`, with what AgentPolicies and AgentProfiles use of it. */
export interface Structural {
  type?: string;
  properties?: Readonly<Record<string, Structural>>;
  additionalProperties?: Structural;
  items?: Structural;
  required?: readonly string[];
  enum?: readonly Json[];
  default?: Json;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  maxProperties?: number;
  "x-kubernetes-list-type"?: string;
  "x-kubernetes-list-map-keys"?: readonly string[];
  "x-kubernetes-validations"?: readonly { rule: string; message?: string }[];
}

export type Place = readonly (string | number)[];

export interface Mismatch {
  path: Place;
  message: string;
  /** Its shape is right, and one of its schema's rules is not true of it. */
  untrue?: true;
}

/** Every place where the value, with the schema's defaults, is not as the schema says. */
export function mismatches(schema: Structural, value: Json, path: Place = []): Mismatch[] {
  return looked(schema, withDefaults(schema, value), path);
}

function withDefaults(schema: Structural, value: Json): Json {
  const { properties = {}, items, additionalProperties } = schema;
  if (Array.isArray(value))
    return items === undefined ? value : value.map((item) => withDefaults(items, item));
  if (!isObject(value)) return value;
  const missing = Object.entries(properties).flatMap(([name, { default: given }]) =>
    given === undefined || Object.hasOwn(value, name) ? [] : [[name, given] as const],
  );
  const all = [...Object.entries(value), ...missing];
  return Object.fromEntries(
    all.map(([name, member]) => {
      const inner = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
      return [name, inner === undefined ? member : withDefaults(inner, member)];
    }),
  );
}

function looked(schema: Structural, value: Json, path: Place): Mismatch[] {
  const type = typeOf(value);
  const isOf = schema.type === type || (schema.type === "number" && type === "integer");
  if (schema.type !== undefined && !isOf)
    return [
      {
        path,
        message: `must be ${schema.type}, is ${type}${schema.type === "string" && QUOTED.has(type) ? QUOTE : ""}`,
      },
    ];
  const own = [...limits(schema, value), ...choices(schema, value)].map((message) => ({ path, message }));
  const inner = Array.isArray(value)
    ? inItems(schema, value, path)
    : isObject(value)
      ? inMembers(schema, value, path)
      : [];
  // As in the API server: rules are for what has the right shape.
  return inner.length + own.length > 0 ? [...own, ...inner] : untrue(schema, value, path);
}

/** What plain words and digits are, for kubectl. */
const QUOTED = new Set(["boolean", "integer", "number"]);
const QUOTE = ": put it in quotes";

/** What is no JSON number by now has more digits than any field takes. */
function typeOf(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return isObject(value) ? "object" : typeof value === "object" ? "number" : typeof value;
}

function limits(schema: Structural, value: Json): string[] {
  const row = (of: number, low: number | undefined, high: number | undefined, what: string) => [
    ...(low !== undefined && of < low ? [`must have at least ${low}${what}`] : []),
    ...(high !== undefined && of > high ? [`must have at most ${high}${what}`] : []),
  ];
  if (typeof value === "string")
    return row([...value].length, schema.minLength, schema.maxLength, " characters");
  if (Array.isArray(value)) return row(value.length, schema.minItems, schema.maxItems, " items");
  if (isObject(value)) return row(Object.keys(value).length, undefined, schema.maxProperties, " members");
  if (typeof value !== "number") return [];
  return [
    ...(schema.minimum !== undefined && value < schema.minimum ? [`must be at least ${schema.minimum}`] : []),
    ...(schema.maximum !== undefined && value > schema.maximum ? [`must be at most ${schema.maximum}`] : []),
  ];
}

function choices({ enum: values, pattern }: Structural, value: Json): string[] {
  return [
    ...(values === undefined || values.includes(value) ? [] : [`must be ${values.join(" or ")}`]),
    ...(pattern === undefined || typeof value !== "string" || new RegExp(pattern, "u").test(value)
      ? []
      : [`must match ${pattern}`]),
  ];
}

function inItems(schema: Structural, items: readonly Json[], path: Place): Mismatch[] {
  const { items: each, "x-kubernetes-list-type": list, "x-kubernetes-list-map-keys": keys = [] } = schema;
  const inside = each === undefined ? [] : items.flatMap((item, i) => looked(each, item, [...path, i]));
  if (list !== "set" && list !== "map") return inside;
  const seen = new Set<string>();
  const again = items.flatMap((item, i): Mismatch[] => {
    const key = canonical(list === "map" && isObject(item) ? keys.map((name) => item[name] ?? null) : item);
    const isAgain = seen.has(key);
    seen.add(key);
    const at = list === "map" ? [...path, i, ...keys.slice(0, 1)] : [...path, i];
    return isAgain ? [{ path: at, message: "is there twice" }] : [];
  });
  return [...inside, ...again];
}

function inMembers(schema: Structural, value: JsonObject, path: Place): Mismatch[] {
  const { properties, additionalProperties, required = [] } = schema;
  const missing = required
    .filter((name) => !Object.hasOwn(value, name))
    .map((name) => ({ path: [...path, name], message: "is missing" }));
  const inside = Object.entries(value).flatMap(([name, member]): Mismatch[] => {
    const at = [...path, name];
    if (properties !== undefined && Object.hasOwn(properties, name))
      return looked(properties[name] ?? {}, member, at);
    if (additionalProperties !== undefined) return looked(additionalProperties, member, at);
    // Without any, everything may stand there.
    return properties === undefined ? [] : [{ path: at, message: "there is no such field" }];
  });
  return [...missing, ...inside];
}

const SELF: PolicyEnvironment = { ...ADMISSION, variables: new Map([["self", DYN]]) };

function untrue(schema: Structural, value: Json, path: Place): Mismatch[] {
  const rules = schema["x-kubernetes-validations"] ?? [];
  return rules.flatMap(({ rule, message }): Mismatch[] => {
    if (/\boldSelf\b/.test(rule)) return [];
    const compiled = compile(rule, SELF);
    const outcome =
      "program" in compiled
        ? evaluate(compiled.program, new Map([["self", value]]), EXPRESSION, { ...REQUEST })
        : undefined;
    const holds = outcome !== undefined && "value" in outcome && outcome.value === true;
    return holds ? [] : [{ path, message: message ?? `must be so: ${rule}`, untrue: true }];
  });
}
