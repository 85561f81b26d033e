/** The query parameters of create, update and patch. */
import { causes, type FieldError, forbidden, notSupported, required } from "./field-errors.ts";
import { isPrintable } from "./go-quote.ts";
import { managerErrors } from "./metadata-rules.ts";
import { type ApiRequest, header } from "./request.ts";
import { flag } from "./request-info.ts";
import type { SubresourceVerb } from "./resource.ts";
import { invalid } from "./status.ts";

export type FieldValidation = "Ignore" | "Warn" | "Strict";

export interface WriteOptions {
  dryRun: boolean;
  fieldValidation: FieldValidation;
  /** Who is said to write: the parameter, or the beginning of the User-Agent. */
  fieldManager: string;
  /** Of an apply: whether it takes fields from their managers. */
  force: boolean;
}

const KINDS: Readonly<Record<SubresourceVerb | "apply", string>> = {
  apply: "PatchOptions",
  get: "GetOptions",
  create: "CreateOptions",
  update: "UpdateOptions",
  patch: "PatchOptions",
};

const VALIDATIONS: Readonly<Record<string, FieldValidation>> = {
  "": "Warn",
  Ignore: "Ignore",
  Strict: "Strict",
  Warn: "Warn",
};

/** @throws {StatusError} Invalid for values that mean nothing: a dry run must never turn into a real one. */
export function writeOptions(
  request: ApiRequest,
  query: URLSearchParams,
  verb: SubresourceVerb | "apply",
): WriteOptions {
  const manager = query.get("fieldManager") ?? "";
  const dryRun = query.getAll("dryRun");
  const asked = query.get("fieldValidation") ?? "";
  const fieldValidation = Object.hasOwn(VALIDATIONS, asked) ? VALIDATIONS[asked] : undefined;
  const errors = [
    ...(verb === "patch" && query.has("force")
      ? [forbidden("force", "may not be specified for non-apply patch")]
      : []),
    ...(verb === "apply" && manager === "" ? [required("fieldManager", "is required for apply patch")] : []),
    ...managerErrors(manager, "fieldManager"),
    ...dryRunErrors(dryRun),
    ...(fieldValidation ? [] : [notSupported("fieldValidation", asked, Object.keys(VALIDATIONS))]),
  ];
  if (!fieldValidation || errors.length > 0) {
    throw invalid({ group: "meta.k8s.io", kind: KINDS[verb], name: "" }, causes(errors));
  }
  const fieldManager = manager || managerOf(header(request, "user-agent"));
  return { dryRun: dryRun.length > 0, fieldValidation, fieldManager, force: flag(query, "force") };
}

export function dryRunErrors(dryRun: readonly string[]): FieldError[] {
  return dryRun.every((value) => value === "All") ? [] : [notSupported("dryRun", dryRun, ["All"])];
}

/** What precedes the first "/", as far as it can be printed and there is room for it. */
function managerOf(userAgent: string): string {
  const [product = ""] = userAgent.split("/");
  let name = "";
  for (const character of product) {
    if (!isPrintable(character)) continue;
    if (Buffer.byteLength(name + character) > 128) break;
    name += character;
  }
  return name;
}
