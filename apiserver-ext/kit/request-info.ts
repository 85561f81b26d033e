/**
 * What a request is about, read off method and URL once, as Kubernetes' RequestInfo does. Everything after
 * (authorization, routing) uses this frozen value and never the URL again.
 */
import { requirementsOf } from "./requirements.ts";
import { noSuchResource, StatusError } from "./status.ts";

export interface RequestInfo {
  /** The decoded path. */
  path: string;
  /** A Kubernetes verb for resources, the method in lower case for other paths, "" for methods without a verb. */
  verb: string;
  isResource: boolean;
  group: string;
  version: string;
  resource: string;
  /** "" for cluster-scoped requests and lists over all namespaces. */
  namespace: string;
  name: string;
  subresource: string;
  /** Path segments after the subresource. */
  rest: readonly string[];
  /** As given, "" where absent; only for verbs on collections. */
  fieldSelector: string;
  labelSelector: string;
  /** Not to be changed. */
  query: URLSearchParams;
}

const PREFIXES = new Set(["api", "apis"]);
const VERBS: Readonly<Record<string, string>> = {
  POST: "create",
  GET: "get",
  HEAD: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};
/** /api/v1/namespaces/NAME/status is a subresource, /api/v1/namespaces/NAME/pods is a resource. */
const NAMESPACE_SUBRESOURCES = new Set(["status", "finalize"]);
const COLLECTION_VERBS = new Set(["list", "watch", "deletecollection"]);

/** @throws {StatusError} BadRequest for a path that could be read in two ways. */
export function parseRequestInfo(method: string, url: string): RequestInfo {
  const question = url.indexOf("?");
  const segments = splitPath(question < 0 ? url : url.slice(0, question));
  // Of two question marks the second is part of a name, as Go reads it; at the beginning it would be left out here.
  const query = new URLSearchParams(question < 0 ? "" : `&${url.slice(question + 1)}`);
  const info = { ...NON_RESOURCE, path: `/${segments.join("/")}`, verb: method.toLowerCase(), query };
  return Object.freeze({ ...info, ...resourcePart(method, segments, query) });
}

const NON_RESOURCE = {
  isResource: false,
  group: "",
  version: "",
  resource: "",
  namespace: "",
  name: "",
  subresource: "",
  rest: [] as readonly string[],
  fieldSelector: "",
  labelSelector: "",
};

function resourcePart(
  method: string,
  segments: readonly string[],
  query: URLSearchParams,
): Partial<RequestInfo> {
  const [prefix = "", ...below] = segments;
  const group = prefix === "api" ? "" : below.shift();
  const [version, ...parts] = below;
  const first = parts[0];
  if (!PREFIXES.has(prefix) || group === undefined || version === undefined || first === undefined) return {};
  // The deprecated way to watch: served by nobody here, so that no rule written for other paths can miss it.
  if (first === "watch" || first === "proxy") throw noSuchResource();

  const { namespace, path } = namespaced(parts);
  const [resource = "", name = "", subresource = "", ...rest] = path;
  const base = {
    ...{ isResource: true, group, version, resource, namespace, subresource },
    rest: Object.freeze(rest),
  };
  const verb = VERBS[method] ?? "";
  return name === "" ? { ...base, ...collectionPart(verb, query) } : { ...base, name, verb };
}

/** The namespace, and the path below it; a Namespace itself is an object in the namespace of its name. */
function namespaced(parts: readonly string[]): { namespace: string; path: readonly string[] } {
  const [first, namespace, third] = parts;
  if (first !== "namespaces" || namespace === undefined) return { namespace: "", path: parts };
  const isBelow = third !== undefined && !NAMESPACE_SUBRESOURCES.has(third);
  return { namespace, path: isBelow ? parts.slice(2) : parts };
}

function collectionPart(plainVerb: string, query: URLSearchParams): Partial<RequestInfo> {
  const read = flag(query, "watch") ? "watch" : "list";
  const verb = plainVerb === "get" ? read : plainVerb === "delete" ? "deletecollection" : plainVerb;
  if (!COLLECTION_VERBS.has(verb)) return { verb };
  const fieldSelector = query.get("fieldSelector") ?? "";
  return {
    verb,
    name: verb === "deletecollection" ? "" : selectedName(fieldSelector),
    fieldSelector,
    labelSelector: query.get("labelSelector") ?? "",
  };
}

/** The name that a field selector asks for, so that rights on one named object suffice to list or watch it. */
function selectedName(fieldSelector: string): string {
  const { fields } = requirementsOf({ labels: "", fields: fieldSelector });
  const byName = fields.find((each) => each.field === "metadata.name" && each.operator === "=");
  return byName && isSegment(byName.value) ? byName.value : "";
}

/** A boolean query parameter as Kubernetes reads it: `?watch` and `?watch=yes` are true. */
export function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value !== null && value.toLowerCase() !== "false" && value !== "0";
}

function splitPath(rawPath: string): string[] {
  if (!rawPath.startsWith("/")) throw badPath();
  const trimmed = rawPath.replace(/^\//, "").replace(/\/$/, "");
  if (trimmed === "") return [];
  return trimmed.split("/").map((raw) => {
    const segment = decode(raw);
    if (!isSegment(segment)) throw badPath();
    return segment;
  });
}

function decode(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    throw badPath();
  }
}

/** Decoded once, a segment is a name that no later reader could take for more or less than that. */
function isSegment(segment: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return segment !== "" && segment !== "." && segment !== ".." && !/[/\\%\u0000-\u001f\u007f]/.test(segment);
}

function badPath(): StatusError {
  return new StatusError("BadRequest", "the path of the request is not valid");
}
