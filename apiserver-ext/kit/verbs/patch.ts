import { contentType, JSON_TYPE, readBody, typeMetaFault, unreadable } from "../body.ts";
import { type Decoded, decodeObject } from "../decode.ts";
import type { Answer } from "../encode.ts";
import { causes, type FieldError } from "../field-errors.ts";
import { DEEPEST, TOO_DEEP } from "../json.ts";
import { type Target, withOwnersOnce } from "../lifecycle.ts";
import type { ObjectRules } from "../object-rules.ts";
import { APPLY_TYPE, checkPatchType, type Patch, parsePatch } from "../patch.ts";
import { isRecord } from "../record.ts";
import { applierOf, type KubeObject } from "../resource.ts";
import { invalid, type StatusError } from "../status.ts";
import { type FieldValidation, writeOptions } from "../write-options.ts";
import { apply } from "./apply.ts";
import type { Call } from "./call.ts";
import { addressed, type Edited, edited } from "./editing.ts";
import { shapeOf, shown, withWarnings } from "./writing.ts";

/** Changes the object, or its status. A patch is of what its sender sees, never of what is masked from him. */
export function patch<T extends KubeObject>(call: Call<T>, target: Target = "object"): Promise<Answer> {
  return withWarnings(async (warn) => {
    const { request, info } = call;
    const type = contentType(request);
    const applier = target === "object" ? applierOf(call.definition) : undefined;
    checkPatchType(type, applier !== undefined);
    if (applier && type === APPLY_TYPE) return apply(call, applier, warn);
    const shape = shapeOf(call);
    const text = await readBody(request);
    const options = writeOptions(request, info.query, "patch");
    let parsed: Patch | undefined;
    const result = await edited(call, target, options, warn, (_old, visible) => {
      // What is not there is NotFound, whatever the patch is.
      parsed ??= parsePatch(type, text, options.fieldValidation);
      return patched(call, parsed, visible, options.fieldValidation, warn);
    });
    warn(result.warnings);
    return shown(call, shape, 200, result.object);
  });
}

/** What is wrong with its fields is told even where the object is refused after all. */
function patched<T extends KubeObject>(
  call: Call<T>,
  change: Patch,
  old: T,
  validation: FieldValidation,
  warn: (warnings: readonly string[]) => void,
): Edited<T> {
  const value = change.apply(old);
  const { object, warnings } = decodedAgain(call.served.rules, value, change.faults, validation);
  warn(warnings);
  const owned = withOwnersOnce(addressed(call.info, object as T), " after mutating admission happens");
  warn(owned.warnings);
  return { object: owned.object, warnings: [] };
}

/** @throws {StatusError} Invalid where the patch made something else of the object than an object. */
export function decodedAgain(
  rules: ObjectRules,
  value: unknown,
  faults: readonly string[],
  validation: FieldValidation,
): Decoded {
  if (isDeeper(value, DEEPEST)) throw undecodable(`the object ${TOO_DEEP}`);
  const fault = typeMetaFault(value);
  if (fault !== undefined || !isRecord(value)) throw undecodable(unreadable(JSON_TYPE, fault ?? ""));
  if ((value["kind"] ?? "") === "") throw undecodable("Object 'Kind' is missing");
  const decoding = decodeObject(
    rules,
    { ...value, apiVersion: value["apiVersion"] ?? "" },
    faults,
    validation,
  );
  if (decoding.outcome !== "decoded") throw undecodable(decoding.why);
  return decoding;
}

/** Operations can nest what no body could. */
function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth < 0 || Object.values(value).some((each) => isDeeper(each, depth - 1));
}

/** Upstream repeats the whole object here. Ours may hold what the caller must not see, so it does not. */
function undecodable(detail: string): StatusError {
  const error: FieldError = { reason: "FieldValueInvalid", field: "patch", detail };
  return invalid({ group: "", kind: "", name: "" }, causes([error]));
}
