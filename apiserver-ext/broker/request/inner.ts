/** What a request through a session asks the API server for: told once, from the path that is then sent. */
import { REFUSED_IN_SESSION } from "#core/session/session.ts";
import { parseRequestInfo, type RequestInfo } from "#kit/request-info.ts";
import type { Connection } from "#kit/resource.ts";
import { StatusError } from "#kit/status.ts";
import { isOfSecrets, securePath } from "../secrets/secrets.ts";

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
  /** A command in a pod: upgraded. */
  | "exec"
  /** A port of a pod: upgraded. */
  | "forward";

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
    why: "what goes through proxies can neither be masked nor recorded",
    fits: ({ subresource }) => subresource === "proxy",
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

const CONNECTS: ReadonlyMap<string, Way> = new Map([
  ["exec", "exec"],
  ["attach", "exec"],
  ["portforward", "forward"],
]);

/** Path and query below the session. */
export function targetOf({ path, request }: Pick<Connection, "path" | "request">): string {
  return `${path === "" ? "/" : path}${queryOf(request.url ?? "")}`;
}

/** @throws {StatusError} for a path that could be read in two ways, and for what no session may do. */
export function innerOf(connection: Pick<Connection, "path" | "request" | "upgrade">): Inner {
  const { request, upgrade } = connection;
  const method = request.method ?? "";
  const target = targetOf(connection);
  const info = parseRequestInfo(method, target);
  const way = wayOf(info);
  const refused = REFUSED.find(({ fits }) => info.isResource && fits(info));
  if (refused) throw denied(refused.why);
  if (isUpgrade(way) && upgrade === undefined) throw needsWebSocket(way);
  if (!isUpgrade(way) && upgrade !== undefined)
    throw denied("only exec, attach and port-forward may upgrade their connection");
  if (way === "document") checkDocument(info, method);
  if (info.isResource && info.verb === "") throw denied(`nothing is done by ${method}`);
  const secrets = isOfSecrets(info);
  return Object.freeze({
    way,
    method,
    target,
    info,
    secrets,
    sent: secrets ? securePath(info) + queryOf(request.url ?? "") : target,
  });
}

/** Whether it asks what the API server has, and for no object. */
export function isDocument({ path, request }: Pick<Connection, "path" | "request">): boolean {
  try {
    return wayOf(parseRequestInfo(request.method ?? "", targetOf({ path, request }))) === "document";
  } catch {
    return false;
  }
}

function wayOf(info: RequestInfo): Way {
  const { isResource, group, resource, subresource, verb } = info;
  if (!isResource) return "document";
  if (group === "" && resource === "pods") {
    if (subresource === "log") return "log";
    const connects = CONNECTS.get(subresource);
    if (connects !== undefined) return connects;
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
  return new StatusError("Forbidden", `${REFUSED_IN_SESSION}${why}`);
}

/** Whether it is a connection that is upgraded. */
export function isUpgrade(way: Way): way is "exec" | "forward" {
  return way === "exec" || way === "forward";
}

const SWITCHES = { exec: "KUBECTL_REMOTE_COMMAND_WEBSOCKETS", forward: "KUBECTL_PORT_FORWARD_WEBSOCKETS" };

export function needsWebSocket(way: Way): StatusError {
  const [what, variable] =
    way === "forward" ? ["forwarded ports", SWITCHES.forward] : ["commands in pods", SWITCHES.exec];
  return denied(
    `${what} are recorded, and so must come by WebSocket and not by SPDY: ` +
      `kubectl 1.31 and later do, unless ${variable}=false is set; kubectl 1.29 and 1.30 do with ${variable}=true`,
  );
}
