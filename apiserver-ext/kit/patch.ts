/**
 * JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386) as kube-apiserver applies them: where its library departs from
 * the standards (a `replace` of what is not there, indices from the end, nulls inside lists), so does this.
 */
import { refusedBody, unsupportedMediaType } from "./body.ts";
import { jsonType } from "./go-struct.ts";
import { readJson } from "./json.ts";
import { applied, type Operation } from "./json-patch.ts";
import { isRecord } from "./record.ts";
import { StatusError } from "./status.ts";
import type { FieldValidation } from "./write-options.ts";

export interface Patch {
  /** Gives what the object becomes; the object itself is left alone. @throws {StatusError} Invalid. */
  apply(object: unknown): unknown;
  /** What strict decoding refuses in the patch itself. */
  faults: readonly string[];
}

/** `lenient`: what is given twice or unknown is ignored; upstream then takes another decoder, with other words. */
type Parser = (value: unknown, duplicates: readonly string[], lenient: boolean) => Patch;

const PATCHES: Readonly<
  Record<string, { parse: Parser; malformed: (why: string, lenient: boolean) => string }>
> = {
  "application/json-patch+json": {
    parse: jsonPatch,
    malformed: (why, lenient) => (lenient ? why : `${UNDECODABLE}${why}`),
  },
  "application/merge-patch+json": {
    parse: mergePatch,
    malformed: (why, lenient) => (lenient ? NO_PATCH : `${UNDECODABLE}${why}`),
  },
};

const UNDECODABLE = "error decoding patch: ";
const NO_PATCH = "Invalid JSON Patch";

const PATCH_TYPES: readonly string[] = Object.keys(PATCHES);

/** Server-side apply: no patch of the object, and only taken where the storage carries it out. */
export const APPLY_TYPE = "application/apply-patch+yaml";

export function patchTypes(takesApply: boolean): readonly string[] {
  return takesApply ? [...PATCH_TYPES, APPLY_TYPE] : PATCH_TYPES;
}

/** @throws {StatusError} UnsupportedMediaType, before anything is read. */
export function checkPatchType(type: string, takesApply = false): void {
  const types = patchTypes(takesApply);
  if (!types.includes(type)) throw unsupportedMediaType(types);
}

/** @throws {StatusError} UnsupportedMediaType, BadRequest or RequestEntityTooLarge. */
export function parsePatch(type: string, text: string, validation: FieldValidation): Patch {
  checkPatchType(type);
  const { parse, malformed } = PATCHES[type] ?? { parse: mergePatch, malformed: () => NO_PATCH };
  const lenient = validation === "Ignore";
  const reading = readJson(text);
  if (reading.outcome === "refused") throw refusedBody(reading.why);
  if (reading.outcome === "malformed") throw new StatusError("BadRequest", malformed(reading.why, lenient));
  return parse(reading.value, reading.duplicates, lenient);
}

function mistyped(value: unknown, lenient: boolean, type: string, lenientType: string): StatusError {
  const why = `json: cannot unmarshal ${jsonType(value)} into Go value of type ${lenient ? lenientType : type}`;
  return new StatusError("BadRequest", lenient ? why : `${UNDECODABLE}${why}`);
}

function mergePatch(value: unknown, duplicates: readonly string[], lenient: boolean): Patch {
  if (!isRecord(value) && !lenient && value !== null)
    throw mistyped(value, false, "map[string]interface {}", "");
  // A list takes the place of the whole object, which it cannot be.
  if (!isRecord(value) && !Array.isArray(value)) throw new StatusError("BadRequest", NO_PATCH);
  return {
    apply: (object) => merged(object, value),
    faults: duplicates.map((path) => `duplicate field "${path}"`),
  };
}

function merged(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch) || !isRecord(target)) return withoutNulls(patch);
  const result = new Map(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, merged(result.get(key), value));
  }
  return Object.fromEntries(result);
}

/** Fields that are null, also in the items of lists. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([, each]) => each !== null);
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutNulls(each)]));
}

const MOST_OPERATIONS = 10_000;
const FIELDS = ["op", "path", "from", "value"];

function jsonPatch(value: unknown, duplicates: readonly string[], lenient: boolean): Patch {
  const operations = value ?? [];
  if (!Array.isArray(operations)) throw mistyped(value, lenient, "[]handlers.jsonPatchOp", "jsonpatch.Patch");
  if (operations.length > MOST_OPERATIONS) {
    throw new StatusError(
      "RequestEntityTooLarge",
      `Request entity too large: The allowed maximum operations in a JSON patch is ${MOST_OPERATIONS}, got ${operations.length}`,
    );
  }
  const checked = operations.map((each) => operationOf(each, lenient));
  return { apply: (object) => applied(object, checked), faults: operationFaults(operations, duplicates) };
}

function operationOf(value: unknown, lenient: boolean): Operation {
  if (value === null) return {};
  if (!isRecord(value)) throw mistyped(value, lenient, "handlers.jsonPatchOp", "jsonpatch.Operation");
  const wrong = ["op", "path", "from"].find((key) => typeof (value[key] ?? "") !== "string");
  if (wrong === undefined || lenient) return value;
  const field = `Go struct field jsonPatchOp.${wrong}`;
  const why = `json: cannot unmarshal ${jsonType(value[wrong])} into ${field} of type string`;
  throw new StatusError("BadRequest", `${UNDECODABLE}${why}`);
}

function operationFaults(operations: readonly unknown[], duplicates: readonly string[]): string[] {
  const unknown = operations.flatMap((operation, at) =>
    Object.keys(isRecord(operation) ? operation : {})
      .filter((key) => !FIELDS.includes(key))
      .map((key) => `json patch unknown field "[${at}].${key}"`),
  );
  return [...unknown, ...duplicates.map((path) => `json patch duplicate field "${path}"`)];
}
