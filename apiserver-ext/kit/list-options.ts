/** The query parameters of get, list and watch. */
import { flag } from "./request-info.ts";
import { type Cause, invalid, StatusError } from "./status.ts";
import type { Revision } from "./storage.ts";

/** Undefined: "0" or none was given. */
export function minimumRevision(query: URLSearchParams): Revision | undefined {
  const text = query.get("resourceVersion") ?? "";
  if (text === "" || text === "0") return undefined;
  if (!/^[1-9]\d{0,15}$/.test(text) || !Number.isSafeInteger(Number(text))) {
    throw new StatusError("BadRequest", `invalid resource version: ${JSON.stringify(text)}`);
  }
  return Number(text);
}

export interface ListOptions {
  minimum: Revision | undefined;
  /** The list must be the one of this very revision. */
  exact: boolean;
}

/** @throws {StatusError} Invalid or BadRequest. */
export function listOptions(query: URLSearchParams): ListOptions {
  const match = query.get("resourceVersionMatch") ?? "";
  const version = query.get("resourceVersion") ?? "";
  refuseContinue(query);
  refuse([
    match !== "" && version === "" && MATCH_WITHOUT_VERSION,
    !["", "Exact", "NotOlderThan"].includes(match) && unsupportedMatch(match, '"Exact", "NotOlderThan", ""'),
    match === "Exact" && version === "0" && EXACT_ZERO,
    query.has("sendInitialEvents") &&
      forbiddenField("sendInitialEvents", "sendInitialEvents is forbidden for list"),
  ]);
  return { minimum: minimumRevision(query), exact: match === "Exact" };
}

export interface WatchOptions {
  minimum: Revision | undefined;
  /** First the present state, as ADDED events. */
  initialEvents: boolean;
  bookmarks: boolean;
  /** Milliseconds after which the server ends the watch. */
  timeout: number;
}

/** @throws {StatusError} Invalid or BadRequest. */
export function watchOptions(query: URLSearchParams): WatchOptions {
  const match = query.get("resourceVersionMatch") ?? "";
  const asked = query.has("sendInitialEvents");
  refuseContinue(query);
  refuse([
    asked && match !== "NotOlderThan" && INITIAL_WITHOUT_MATCH,
    match !== "" && !asked && MATCH_WITHOUT_INITIAL,
    !["", "NotOlderThan"].includes(match) && unsupportedMatch(match, '"NotOlderThan"'),
  ]);
  const minimum = minimumRevision(query);
  return {
    minimum,
    initialEvents: asked ? flag(query, "sendInitialEvents") : minimum === undefined,
    bookmarks: flag(query, "allowWatchBookmarks"),
    timeout: timeoutOf(query),
  };
}

function timeoutOf(query: URLSearchParams): number {
  const text = query.get("timeoutSeconds") ?? "";
  if (!/^\d{0,9}$/.test(text))
    throw new StatusError("BadRequest", `invalid timeoutSeconds: ${JSON.stringify(text)}`);
  const seconds = Number(text);
  // Without a wish between 30 and 60 minutes, so that watches do not all come back at once.
  return Math.min(seconds > 0 ? seconds * 1000 : 1_800_000 * (1 + Math.random()), LONGEST_TIMER);
}

const LONGEST_TIMER = 2 ** 31 - 1;

/** Lists are answered whole, so no token of ours exists. */
function refuseContinue(query: URLSearchParams): void {
  if ((query.get("continue") ?? "") !== "") {
    throw new StatusError("BadRequest", "continue key is not valid: lists are answered whole");
  }
}

const MATCH = "resourceVersionMatch";
const MATCH_WITHOUT_VERSION = forbiddenField(
  MATCH,
  `${MATCH} is forbidden unless resourceVersion is provided`,
);
const MATCH_WITHOUT_INITIAL = forbiddenField(
  MATCH,
  `${MATCH} is forbidden for watch unless sendInitialEvents is provided`,
);
const INITIAL_WITHOUT_MATCH = forbiddenField(
  MATCH,
  `sendInitialEvents requires setting ${MATCH} to NotOlderThan`,
);
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
