/** What is told of each request when it has ended: for metrics and for an access log. */

import { type ApiRequest, header } from "./request.ts";
import type { RequestInfo } from "./request-info.ts";
import type { Caller, Verb } from "./resource.ts";

/** Without anything that only the caller may know: no query, no bodies, no credentials. */
export interface RequestEvent extends RequestLabels {
  /** HTTP status; 101 for an upgrade, 0 where the client left before there was an answer. */
  code: number;
  seconds: number;
  /** The path, cut off where it is very long. */
  path: string;
  method: string;
  /** As the API server gave it, "" where the request did not come through it. */
  auditId: string;
  /** "" where it was not found out. */
  user: string;
  /** Who acts as that user, "" where nobody does. */
  impersonator: string;
  userAgent: string;
}

/** What requests are counted by, as Kubernetes' own metrics do; the number of combinations is bounded. */
export interface RequestLabels {
  /** GET, LIST, WATCH, POST, PUT, PATCH, DELETE, DELETECOLLECTION, CONNECT, or "other". */
  verb: string;
  /** These four are "" for what is not served here. */
  group: string;
  version: string;
  resource: string;
  subresource: string;
  scope: "resource" | "namespace" | "cluster" | "";
  dryRun: "All" | "";
}

const VERBS: Readonly<Record<Verb, string>> = {
  get: "GET",
  list: "LIST",
  watch: "WATCH",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE",
  deletecollection: "DELETECOLLECTION",
};

const UNKNOWN: RequestLabels = {
  verb: "other",
  group: "",
  version: "",
  resource: "",
  subresource: "",
  scope: "",
  dryRun: "",
};

/** @param served "no": callers choose such names, so they are no labels. */
export function labelsOf(info: RequestInfo | undefined, served: "no" | "verb" | "connection"): RequestLabels {
  if (!info) return UNKNOWN;
  const known = Object.hasOwn(VERBS, info.verb) ? VERBS[info.verb as Verb] : undefined;
  const verb = served === "connection" ? "CONNECT" : (known ?? UNKNOWN.verb);
  if (served === "no") return { ...UNKNOWN, verb };
  const { group, version, resource, subresource } = info;
  const dryRun = info.query.has("dryRun") ? "All" : "";
  return { verb, group, version, resource, subresource, scope: scopeOf(info), dryRun };
}

function scopeOf({ name, verb, namespace }: RequestInfo): RequestLabels["scope"] {
  if (name !== "" || verb === "create") return "resource";
  return namespace === "" ? "cluster" : "namespace";
}

const LONGEST = 1024;

export function describe(
  request: ApiRequest,
): Pick<RequestEvent, "path" | "method" | "auditId" | "userAgent"> {
  const [path = ""] = (request.url ?? "").split("?", 1);
  return {
    path: path.slice(0, LONGEST),
    method: (request.method ?? "").slice(0, LONGEST),
    auditId: header(request, "audit-id").slice(0, LONGEST),
    userAgent: header(request, "user-agent").slice(0, LONGEST),
  };
}

export function usersOf(caller: Caller | undefined, impersonator: Caller | undefined) {
  return { user: caller?.username ?? "", impersonator: impersonator?.username ?? "" };
}

/** How many requests run now. */
export interface Load {
  reading: number;
  writing: number;
  /** Watches and connections. */
  longRunning: readonly (RequestLabels & { count: number })[];
}

/** Watches and connections under way, by label. */
export class LongRunning {
  readonly #counts = new Map<string, { labels: RequestLabels; count: number }>();

  /** Returns the way to say that it has ended. */
  begin(labels: RequestLabels): () => void {
    const key = Object.values(labels).join("\n");
    const entry = this.#counts.get(key) ?? { labels, count: 0 };
    this.#counts.set(key, entry);
    entry.count++;
    return () => {
      entry.count--;
      if (entry.count === 0) this.#counts.delete(key);
    };
  }

  get counts(): Load["longRunning"] {
    return [...this.#counts.values()].map(({ labels, count }) => ({ ...labels, count }));
  }
}
