/** Checks what a client sends against the schema of its kind. */

import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { wholeObject } from "./meta.ts";
import { prune, type SchemaNode, schemaNode } from "./schema.ts";
import { type Cause, invalid, StatusError } from "./status.ts";

export type FieldValidation = "Ignore" | "Warn" | "Strict";

export interface Checked {
  /** Without the fields that the schema does not know. */
  object: Record<string, unknown>;
  warnings: string[];
}

/** @throws {StatusError} Invalid with one cause a field; BadRequest for unknown fields when validation is strict. */
export type Check = (object: Record<string, unknown>, name: string, validation: FieldValidation) => Checked;

export function checkFor(kind: { group: string; kind: string }, schema: TSchema): Check {
  const whole = wholeObject(schemaNode(schema));
  const validator = Compile(asTypeBox(whole));
  return (object, name, validation) => {
    const pruned = prune(whole, object);
    const warnings = validation === "Ignore" ? [] : pruned.unknown.map((path) => `unknown field "${path}"`);
    if (validation === "Strict" && warnings.length > 0) {
      throw new StatusError("BadRequest", `strict decoding error: ${warnings.join(", ")}`);
    }
    const errors = validator.Errors(pruned.value);
    if (errors.length > 0) throw invalid({ ...kind, name }, causes(errors));
    return { object: pruned.value as Record<string, unknown>, warnings };
  };
}

function asTypeBox(schema: SchemaNode): TSchema {
  return schema as TSchema;
}

type SchemaError = ReturnType<ReturnType<typeof Compile>["Errors"]>[number];

/** One cause a field. Values are not repeated: they may be what the caller should not have typed. */
function causes(errors: readonly SchemaError[]): Required<Cause>[] {
  const alternatives = errors
    .filter(({ keyword }) => keyword === "anyOf")
    .map(({ instancePath }) => instancePath);
  const found = errors
    .filter(({ keyword, instancePath }) => keyword === "anyOf" || !alternatives.includes(instancePath))
    .flatMap((error) => causesOf(error, errors));
  return found.filter((cause, index) => found.findIndex(({ field }) => field === cause.field) === index);
}

function causesOf(error: SchemaError, all: readonly SchemaError[]): Required<Cause>[] {
  const field = fieldPath(error.instancePath);
  switch (error.keyword) {
    case "required":
      return error.params.requiredProperties.map((name) => ({
        reason: "FieldValueRequired",
        message: "Required value",
        field: field === "" ? name : `${field}.${name}`,
      }));
    case "type":
      return [{ reason: "FieldValueTypeInvalid", message: `Invalid value: ${error.message}`, field }];
    case "const":
    case "anyOf":
      return [{ ...literalCause(error.instancePath, all), field }];
    default:
      return [{ reason: "FieldValueInvalid", message: `Invalid value: ${error.message}`, field }];
  }
}

function literalCause(
  instancePath: string,
  all: readonly SchemaError[],
): { reason: string; message: string } {
  const literals = all.flatMap((each) =>
    each.keyword === "const" && each.instancePath === instancePath
      ? [JSON.stringify(each.params.allowedValue)]
      : [],
  );
  return literals.length === 0
    ? { reason: "FieldValueInvalid", message: "Invalid value: none of the alternatives fits" }
    : {
        reason: "FieldValueNotSupported",
        message: `Unsupported value: supported values: ${literals.join(", ")}`,
      };
}

/** `/spec/rules/0/name` as `spec.rules[0].name`. */
function fieldPath(pointer: string): string {
  const tokens = pointer.split("/").slice(1);
  return tokens
    .map((token) => token.replace(/~1/g, "/").replace(/~0/g, "~"))
    .map((token) => (/^\d+$/.test(token) ? `[${token}]` : `.${token}`))
    .join("")
    .replace(/^\./, "");
}
