/** JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386). */
import { applyPatch, type Operation, Pointer } from "rfc6902";
import { decodeJson, isRecord, unsupportedMediaType } from "./body.ts";
import { StatusError } from "./status.ts";

/** Gives what the object becomes; the object itself is left alone. */
export type Patch = (object: unknown) => unknown;

const PATCHES: Readonly<Record<string, (text: string) => Patch>> = {
  "application/json-patch+json": jsonPatch,
  "application/merge-patch+json": mergePatch,
};

export const PATCH_TYPES: readonly string[] = Object.keys(PATCHES);

/** @throws {StatusError} UnsupportedMediaType, BadRequest, RequestEntityTooLarge; Invalid when it is applied. */
export function parsePatch(type: string, text: string): Patch {
  const parser = Object.hasOwn(PATCHES, type) ? PATCHES[type] : undefined;
  if (!parser) throw unsupportedMediaType(PATCH_TYPES);
  return parser(text);
}

function mergePatch(text: string): Patch {
  const patch = decodeJson(text);
  if (!isRecord(patch)) throw new StatusError("BadRequest", "a merge patch is an object");
  return (object) => merge(object, patch);
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result = new Map(Object.entries(isRecord(target) ? target : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) result.delete(key);
    else result.set(key, merge(result.get(key), value));
  }
  return Object.fromEntries(result);
}

const MOST_OPERATIONS = 10_000;
/** Operations that copy could double an object over and over. */
const MOST_COPIED = 3 * 1024 * 1024;

function jsonPatch(text: string): Patch {
  const operations = decodeJson(text);
  if (!Array.isArray(operations)) throw new StatusError("BadRequest", "a JSON patch is a list of operations");
  if (operations.length > MOST_OPERATIONS) {
    throw new StatusError(
      "RequestEntityTooLarge",
      `The allowed maximum operations in a JSON patch is ${MOST_OPERATIONS}, got ${operations.length}`,
    );
  }
  const checked = operations.map(operationOf);
  return (object) => {
    const result = structuredClone(object);
    let copied = 0;
    for (const operation of checked) {
      if (operation.op === "copy") copied += sizeAt(result, operation.from);
      if (copied > MOST_COPIED) throw new StatusError("RequestEntityTooLarge", "the patch copies too much");
      const [error] = applyPatch(result, [operation]);
      if (error) throw rejected();
    }
    return result;
  };
}

const OPERATIONS = new Set(["add", "remove", "replace", "move", "copy", "test"]);

function operationOf(value: unknown): Operation {
  const isOperation =
    isRecord(value) &&
    OPERATIONS.has(String(value["op"])) &&
    isPointer(value["path"]) &&
    (value["from"] === undefined || isPointer(value["from"]));
  if (!isOperation) throw new StatusError("BadRequest", "the JSON patch has an operation that is not valid");
  return value as unknown as Operation;
}

/** The whole object ("") is not a place that a patch may write to. */
function isPointer(value: unknown): boolean {
  return typeof value === "string" && value.startsWith("/") && !value.split("/").includes("__proto__");
}

function sizeAt(object: unknown, pointer: string | undefined): number {
  if (pointer === undefined) throw rejected();
  return JSON.stringify(Pointer.fromJSON(pointer).get(object) ?? null).length;
}

/** Without the values that did not fit: they are the object's. */
function rejected(): StatusError {
  return new StatusError("Invalid", "the server rejected our request due to an error in our request");
}
