/** What a request through a session asks the API server for: told once, from the path that is then sent. */
import { parseRequestInfo, type RequestInfo } from "#kit/request-info.ts";
import type { Connection } from "#kit/resource.ts";
import { StatusError } from "#kit/status.ts";
import { isOfSecrets, securePath } from "./secrets.ts";

/** How it is passed on, and what becomes of its answer. */
export type Way =
  /** Discovery, OpenAPI, health: about no object. Passed through. */
  | "document"
  /** Objects in one answer: masked as a whole. */
  | "objects"
  /** Masked event by event. */
  | "watch"
  /** A pod's log, as it comes. */
  | "log"
  /** A connection to a pod: upgraded. */
  | "exec";

export interface Inner {
  way: Way;
  method: string;
  /** Path and query, as they were asked for. */
  target: string;
  /** The same, as they are sent. */
  sent: string;
  /** They are about Secrets, and answered by `secure-secrets`. */
  secrets: boolean;
  info: RequestInfo;
}

/** What is about no object and may be read; everything else of the kind is the API server's own. */
const DOCUMENTS = ["/api", "/apis", "/openapi", "/version", "/healthz", "/livez", "/readyz"];

interface Refusal {
  why: string;
  fits: (info: RequestInfo) => boolean;
}

/** What cannot be masked or recorded, or would lead out of the session. */
const REFUSED: readonly Refusal[] = [
  {
    why: "a session is not used through another one",
    fits: ({ group, resource, subresource }) =>
      group === "hoop.dev" && resource === "sessions" && subresource !== "",
  },
  {
    why: "what goes through proxies and forwarded ports can neither be masked nor recorded",
    fits: ({ subresource }) => subresource === "proxy" || subresource === "portforward",
  },
  {
    why: "no token leaves a session",
    fits: ({ group, resource, subresource }) =>
      group === "" && resource === "serviceaccounts" && subresource === "token",
  },
  {
    why: "a session does not talk to kubelets",
    fits: ({ group, resource, subresource }) =>
      group === "" && resource === "nodes" && subresource !== "" && subresource !== "status",
  },
];

const CONNECTS: ReadonlySet<string> = new Set(["exec", "attach"]);

/** @throws {StatusError} for a path that could be read in two ways, and for what no session may do. */
export function innerOf({ path, request, upgrade }: Pick<Connection, "path" | "request" | "upgrade">): Inner {
  const method = request.method ?? "";
  const query = queryOf(request.url ?? "");
  const target = `${path === "" ? "/" : path}${query}`;
  const info = parseRequestInfo(method, target);
  const way = wayOf(info);
  const refused = REFUSED.find(({ fits }) => info.isResource && fits(info));
  if (refused) throw denied(refused.why);
  if (way === "exec" && upgrade === undefined) throw needsWebSocket();
  if (way !== "exec" && upgrade !== undefined)
    throw denied("only exec and attach may upgrade their connection");
  if (way === "document") checkDocument(info, method);
  if (info.isResource && info.verb === "") throw denied(`nothing is done by ${method}`);
  const secrets = isOfSecrets(info);
  return Object.freeze({
    way,
    method,
    target,
    info,
    secrets,
    sent: secrets ? securePath(info) + query : target,
  });
}

function wayOf(info: RequestInfo): Way {
  const { isResource, group, resource, subresource, verb } = info;
  if (!isResource) return "document";
  if (group === "" && resource === "pods") {
    if (CONNECTS.has(subresource)) return "exec";
    if (subresource === "log") return "log";
  }
  return verb === "watch" ? "watch" : "objects";
}

function checkDocument({ path }: RequestInfo, method: string): void {
  const isKnown = DOCUMENTS.some((one) => path === one || path.startsWith(`${one}/`));
  if (!isKnown && path !== "/") throw denied("this is the API server's own");
  if (method !== "GET" && method !== "HEAD") throw denied("this is only read");
}

/** With its question mark. Exactly as it came: order and repetition count (`command=`). */
function queryOf(url: string): string {
  const at = url.indexOf("?");
  return at < 0 ? "" : url.slice(at);
}

export function denied(why: string): StatusError {
  return new StatusError("Forbidden", `forbidden in a session: ${why}`);
}

export function needsWebSocket(): StatusError {
  return denied(
    "commands in pods are recorded, and so must come by WebSocket (kubectl 1.31 and later do), not by SPDY",
  );
}
