/** The query parameters of create, update and patch. */
import type { SubresourceVerb } from "./resource.ts";
import { type Cause, invalid } from "./status.ts";
import type { FieldValidation } from "./validate.ts";

export interface WriteOptions {
  dryRun: boolean;
  fieldValidation: FieldValidation;
}

const KINDS: Readonly<Record<SubresourceVerb, string>> = {
  get: "GetOptions",
  create: "CreateOptions",
  update: "UpdateOptions",
  patch: "PatchOptions",
};

const VALIDATIONS: Readonly<Record<string, FieldValidation>> = {
  "": "Warn",
  Ignore: "Ignore",
  Warn: "Warn",
  Strict: "Strict",
};

/** @throws {StatusError} Invalid for values that mean nothing: a dry run must never turn into a real one. */
export function writeOptions(query: URLSearchParams, verb: SubresourceVerb): WriteOptions {
  const dryRun = query.getAll("dryRun");
  const asked = query.get("fieldValidation") ?? "";
  const fieldValidation = Object.hasOwn(VALIDATIONS, asked) ? VALIDATIONS[asked] : undefined;
  const causes = [
    ...dryRun.filter((value) => value !== "All").map((value) => unsupported("dryRun", value, '"All"')),
    ...(fieldValidation ? [] : [unsupported("fieldValidation", asked, '"", "Ignore", "Strict", "Warn"')]),
  ];
  if (!fieldValidation || causes.length > 0) {
    throw invalid({ group: "meta.k8s.io", kind: KINDS[verb], name: "" }, causes);
  }
  return { dryRun: dryRun.length > 0, fieldValidation };
}

function unsupported(field: string, value: string, supported: string): Required<Cause> {
  const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`;
  return { reason: "FieldValueNotSupported", message, field };
}
