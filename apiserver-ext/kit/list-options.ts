/** The query parameters of get, list and watch. */

import { fieldRequirements } from "./field-selectors.ts";
import { flag } from "./request-info.ts";
import type { VersionMatch } from "./resource.ts";
import { parseVersion } from "./resource-version.ts";
import { labelMatcher } from "./selectors.ts";
import { type Cause, invalid, StatusError } from "./status.ts";

/** What the version must look like is the storage's to say. */
export function getVersion(query: URLSearchParams): VersionMatch {
  return versionMatch(query.get("resourceVersion") ?? "", "notOlderThan");
}

function versionMatch(version: string, kind: "notOlderThan" | "exact"): VersionMatch {
  if (version === "") return { kind: "latest" };
  return version === "0" ? { kind: "any" } : { kind, version };
}

export interface ListOptions {
  version: VersionMatch;
  limit: number | undefined;
  continue: string | undefined;
}

/** @throws {StatusError} Invalid or BadRequest. */
export function listOptions(query: URLSearchParams): ListOptions {
  const match = query.get("resourceVersionMatch") ?? "";
  const text = query.get("resourceVersion") ?? "";
  const token = query.get("continue") ?? "";
  integer(query, "timeoutSeconds");
  const limit = integer(query, "limit");
  mustParse(query);
  refuse([
    match !== "" && text === "" && MATCH_WITHOUT_VERSION,
    match !== "" && token !== "" && MATCH_WITH_CONTINUE,
    !["", "Exact", "NotOlderThan"].includes(match) && unsupportedMatch(match, '"Exact", "NotOlderThan", ""'),
    match === "Exact" && text === "0" && EXACT_ZERO,
    query.has("sendInitialEvents") && INITIAL_FOR_LIST,
  ]);
  // A page of a version that is named without a match is one of that very version.
  const isExact = match === "Exact" || (match === "" && limit > 0);
  const version = versionMatch(text, isExact ? "exact" : "notOlderThan");
  return {
    version,
    // Whatever is at hand is answered whole.
    limit: limit > 0 && version.kind !== "any" ? limit : undefined,
    continue: token === "" ? undefined : token,
  };
}

export interface WatchOptions {
  version: VersionMatch;
  sendInitialEvents: boolean;
  bookmarks: boolean;
  /** Milliseconds after which the server ends the watch. */
  timeout: number;
}

/** @throws {StatusError} Invalid or BadRequest. */
export function watchOptions(query: URLSearchParams): WatchOptions {
  const match = query.get("resourceVersionMatch") ?? "";
  const asked = query.has("sendInitialEvents");
  const seconds = integer(query, "timeoutSeconds");
  integer(query, "limit");
  mustParse(query);
  refuse([
    asked && match !== "NotOlderThan" && INITIAL_WITHOUT_MATCH,
    match !== "" && !asked && MATCH_WITHOUT_INITIAL,
    !["", "NotOlderThan"].includes(match) && unsupportedMatch(match, '"NotOlderThan"'),
    match !== "" && (query.get("continue") ?? "") !== "" && MATCH_WITH_CONTINUE,
  ]);
  const version = getVersion(query);
  // Looked at here, so that it is not the first frame that says so.
  if (version.kind === "notOlderThan") parseVersion(version.version);
  const isFromAnywhere = version.kind === "latest" || version.kind === "any";
  return {
    version,
    sendInitialEvents: asked ? flag(query, "sendInitialEvents") : isFromAnywhere,
    bookmarks: flag(query, "allowWatchBookmarks"),
    timeout: timeoutOf(seconds),
  };
}

/** Kubernetes looks at numbers first, then at the words of selectors, at these rules, and last at what is selectable. */
function mustParse(query: URLSearchParams): void {
  labelMatcher(query.get("labelSelector") ?? "");
  fieldRequirements(query.get("fieldSelector") ?? "");
}

/** Without a wish between 30 and 60 minutes, so that watches do not all come back at once. */
function timeoutOf(seconds: number): number {
  return Math.min(seconds === 0 ? 1_800_000 * (1 + Math.random()) : seconds * 1000, LONGEST_TIMER);
}

const LONGEST_TIMER = 2 ** 31 - 1;

/** A whole number, 0 where there is none. */
function integer(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? "";
  const fault = /^[+-]?\d{1,15}$/.test(text)
    ? ""
    : /^[+-]?\d+$/.test(text)
      ? "value out of range"
      : "invalid syntax";
  if (text === "" || fault === "") return Number(text);
  throw new StatusError("BadRequest", `strconv.ParseInt: parsing ${JSON.stringify(text)}: ${fault}`);
}

const MATCH = "resourceVersionMatch";
const MATCH_WITHOUT_VERSION = forbiddenField(
  MATCH,
  `${MATCH} is forbidden unless resourceVersion is provided`,
);
const MATCH_WITH_CONTINUE = forbiddenField(MATCH, `${MATCH} is forbidden when continue is provided`);
const MATCH_WITHOUT_INITIAL = forbiddenField(
  MATCH,
  `${MATCH} is forbidden for watch unless sendInitialEvents is provided`,
);
const INITIAL_WITHOUT_MATCH = forbiddenField(
  MATCH,
  `sendInitialEvents requires setting ${MATCH} to NotOlderThan`,
);
const INITIAL_FOR_LIST = forbiddenField("sendInitialEvents", "sendInitialEvents is forbidden for list");
const EXACT_ZERO = forbiddenField(MATCH, `${MATCH} "exact" is forbidden for resourceVersion "0"`);

function forbiddenField(field: string, message: string): Required<Cause> {
  return { reason: "FieldValueForbidden", message: `Forbidden: ${message}`, field };
}

function unsupportedMatch(match: string, supported: string): Required<Cause> {
  const message = `Unsupported value: ${JSON.stringify(match)}: supported values: ${supported}`;
  return { reason: "FieldValueNotSupported", message, field: MATCH };
}

function refuse(found: readonly (Required<Cause> | false)[]): void {
  const causes = found.filter((cause) => cause !== false);
  if (causes.length > 0) throw invalid({ group: "meta.k8s.io", kind: "ListOptions", name: "" }, causes);
}
