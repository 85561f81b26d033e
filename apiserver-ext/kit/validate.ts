/**
 * Whether a value fits its schema, in the words of apiextensions-apiserver (kube-openapi's validator). What an update
 * leaves as it was is not held against it, so that a schema may become stricter.
 */

import { append } from "./append.ts";
import { equal, fingerprint } from "./equal.ts";
import {
  duplicate,
  type FieldError,
  goNumber,
  invalidValue,
  notSupported,
  required,
  tooLong,
  tooMany,
} from "./field-errors.ts";
import { fitsFormat } from "./formats.ts";
import { goQuote } from "./go-quote.ts";
import { child, item } from "./path.ts";
import { isRecord } from "./record.ts";
import type { Structural } from "./structural.ts";

export interface Subject {
  value: unknown;
  /** The value before an update; undefined: there was none. */
  old?: unknown;
  /** Relative to what is validated, as messages name it. */
  path: string;
}

/** The fields that do not fit. `<nil>` is the name that upstream gives to where no single field is to blame. */
export function violations(schema: Structural, subject: Subject): FieldError[] {
  const { value, old, path } = subject;
  const errors = [
    ...typeErrors(schema, value, path),
    ...alternativeErrors(schema, subject),
    ...stringErrors(schema, value, path),
    ...numberErrors(schema, value, path),
    ...listErrors(schema, subject),
    ...enumErrors(schema, value, path),
    ...objectErrors(schema, subject),
  ];
  return errors.length > 0 && old !== undefined && equal(old, value) ? [] : errors;
}

function typeErrors({ types, nullable }: Structural, value: unknown, path: string): FieldError[] {
  if (types.length === 0 || (value === null && nullable)) return [];
  const actual = typeOf(value);
  const fits = types.includes(actual) || (actual === "integer" && types.includes("number"));
  if (fits) return [];
  const detail = `${path} in body must be of type ${types.join(",")}: ${JSON.stringify(actual)}`;
  return [{ reason: "FieldValueTypeInvalid", field: path, value: actual, detail }];
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "number" && Number.isInteger(value) ? "integer" : typeof value;
}

/** A union of objects: what the alternative that is nearest says. No schema of a CustomResourceDefinition has these. */
function alternativeErrors({ alternatives }: Structural, subject: Subject): FieldError[] {
  const found = alternatives.map((each) => violations(each, subject));
  if (found.length === 0 || found.some((errors) => errors.length === 0)) return [];
  const nearest = found.reduce((best, each) => (each.length < best.length ? each : best));
  const detail = `${JSON.stringify(subject.path)} must validate at least one schema (anyOf)`;
  return [invalidValue("<nil>", "", detail), ...nearest];
}

function stringErrors({ limits }: Structural, value: unknown, path: string): FieldError[] {
  if (typeof value !== "string") return [];
  const { minLength, maxLength, pattern, format } = limits;
  const length = [...value].length;
  const should = (what: string) => [invalidValue(path, value, `${path} in body should ${what}`)];
  if (maxLength !== undefined && length > maxLength) return [tooLong(path, maxLength)];
  if (minLength !== undefined && length < minLength) return should(`be at least ${minLength} chars long`);
  if (pattern && !pattern.test(value)) return should(`match '${pattern.source}'`);
  if (format === undefined || fitsFormat(format, value)) return [];
  const detail = `${path} in body must be of type ${format}: ${goQuote(value)}`;
  return [{ reason: "FieldValueTypeInvalid", field: path, value, detail }];
}

function numberErrors({ types, limits }: Structural, value: unknown, path: string): FieldError[] {
  if (typeof value !== "number") return [];
  const should = (what: string, limit: number) =>
    invalidValue(path, value, `${path} in body should be ${what} ${goNumber(limit)}`);
  const { multipleOf, maximum, exclusiveMaximum, minimum, exclusiveMinimum } = limits;
  return [
    ...rangeErrors(types, limits.format, value, path),
    ...(multipleOf !== undefined && !isMultiple(value, multipleOf)
      ? [should("a multiple of", multipleOf)]
      : []),
    ...(minimum !== undefined && value < minimum ? [should("greater than or equal to", minimum)] : []),
    ...(exclusiveMinimum !== undefined && value <= exclusiveMinimum
      ? [should("greater than", exclusiveMinimum)]
      : []),
    ...(maximum !== undefined && value > maximum ? [should("less than or equal to", maximum)] : []),
    ...(exclusiveMaximum !== undefined && value >= exclusiveMaximum
      ? [should("less than", exclusiveMaximum)]
      : []),
  ];
}

function rangeErrors(
  types: readonly string[],
  format: string | undefined,
  value: number,
  path: string,
): FieldError[] {
  const isInteger = types.length === 1 && types[0] === "integer";
  const isInt32 = format === "int32";
  const fits = Number.isInteger(value) && (!isInt32 || (value | 0) === value);
  if (!isInteger || fits) return [];
  const name = isInt32 ? "with format int32" : "(default format)";
  return [invalidValue("<nil>", "", `Checked value must be of type integer ${name} in ${path}`)];
}

function isMultiple(value: number, factor: number): boolean {
  return Number.isInteger(factor < 1 ? (1 / factor) * value : value / factor);
}

function listErrors(schema: Structural, { value, old, path }: Subject): FieldError[] {
  if (!Array.isArray(value)) return [];
  const { items, limits } = schema;
  const { minItems, maxItems, uniqueItems } = limits;
  const before = correlated(schema, old);
  const errors = items
    ? value.flatMap((each, at) => violations(items, { value: each, old: before(each), path: item(path, at) }))
    : [];
  if (minItems !== undefined && value.length < minItems)
    errors.push(invalidValue(path, value.length, `${path} in body should have at least ${minItems} items`));
  if (maxItems !== undefined && value.length > maxItems) errors.push(tooMany(path, value.length, maxItems));
  if (uniqueItems && new Set(value.map(fingerprint)).size < value.length)
    errors.push(invalidValue(path, "", `${path} in body shouldn't contain duplicates`));
  return errors;
}

/** Which item of the old list an item was: only lists of the type "map" tell. */
function correlated({ listType, listKeys }: Structural, old: unknown): (each: unknown) => unknown {
  if (listType !== "map" || !Array.isArray(old)) return () => undefined;
  const byKey = new Map(old.map((each) => [fingerprint(keyOf(each, listKeys)), each]));
  return (each) => byKey.get(fingerprint(keyOf(each, listKeys)));
}

function enumErrors(schema: Structural, value: unknown, path: string): FieldError[] {
  if (!schema.enum || schema.enum.some((each) => equal(each, value)) || (value === null && schema.nullable))
    return [];
  const supported = schema.enum.map((each) => (typeof each === "string" ? each : JSON.stringify(each)));
  return [notSupported(path, value, supported)];
}

function objectErrors(schema: Structural, { value, old, path }: Subject): FieldError[] {
  if (!isRecord(value)) return [];
  const { properties, values, limits, required: needed } = schema;
  const { minProperties, maxProperties } = limits;
  const before = isRecord(old) ? old : {};
  const count = Object.keys(value).length;
  const errors: FieldError[] = [];
  if (minProperties !== undefined && count < minProperties)
    errors.push(
      invalidValue(path, count, `${path} in body should have at least ${minProperties} properties`),
    );
  if (maxProperties !== undefined && count > maxProperties) errors.push(tooMany(path, count, maxProperties));
  for (const [key, each] of Object.entries(value)) {
    const of = properties.get(key) ?? values;
    if (of) append(errors, violations(of, { value: each, old: before[key], path: child(path, key) }));
  }
  const missing = needed.filter((key) => !Object.hasOwn(value, key));
  return [...errors, ...missing.map((key) => required(child(path, key)))];
}

/** Items that are given twice in lists of the types "set" and "map". */
export function repeatedItems(schema: Structural, value: unknown, path = ""): FieldError[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    const below = items ? value.flatMap((each, at) => repeatedItems(items, each, item(path, at))) : [];
    return [...repeatedIn(schema, value, path), ...below];
  }
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, each]) => {
    const known = schema.properties.get(key);
    if (known) return repeatedItems(known, each, child(path, key));
    return schema.values ? repeatedItems(schema.values, each, `${path}[${key}]`) : [];
  });
}

function repeatedIn(
  { listType, listKeys }: Structural,
  list: readonly unknown[],
  path: string,
): FieldError[] {
  if (listType === "atomic") return [];
  const notObject = list.findIndex((each) => each !== null && !isRecord(each));
  if (listType === "map" && notObject >= 0)
    return [
      invalidValue(item(path, notObject), list[notObject], "must be an object for an array of list-type map"),
    ];
  const keys = listType === "set" ? list : list.map((each) => keyOf(each, listKeys));
  const times = new Map<string, number>();
  return keys.flatMap((key, at) => {
    const print = fingerprint(key);
    const seen = times.get(print) ?? 0;
    times.set(print, seen + 1);
    // Each value is named once, however often it is repeated.
    return seen === 1 ? [duplicate(item(path, at), key)] : [];
  });
}

function keyOf(value: unknown, keys: readonly string[]): Record<string, unknown> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(value, key)).map((key) => [key, value[key]]));
}
