/** Connect subresources: requests that a handler takes over, upgrades included. */
import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type ApiRequest, forwardable } from "./request.ts";
import type { RequestInfo } from "./request-info.ts";
import type { Connection } from "./resource.ts";

/** A request to upgrade, as the HTTP/1.1 half of a server hands it over. */
export type Upgrade = NonNullable<Connection["upgrade"]>;

/**
 * What an upgrade asks for. By its method a WebSocket is a GET, but what goes through it is no reading: whoever may
 * only get must not get it (as with `pods/exec`).
 */
export function asUpgrade(info: RequestInfo): RequestInfo {
  return Object.freeze({ ...info, verb: "create" });
}

export function connectionOf(
  given: Pick<Connection, "request" | "response" | "upgrade" | "info" | "caller" | "closing">,
): Connection {
  return { ...given, path: pathBelow(given.info, given.request), headers: forwardable(given.request) };
}

/** Of the segments that were authorized, never of the URL; only a slash at the end is told from there. */
function pathBelow({ rest, subresource }: RequestInfo, { url = "" }: ApiRequest): string {
  const [path = ""] = url.split("?", 1);
  const slash = path.endsWith("/") && subresource !== "" ? "/" : "";
  return rest.map((segment) => `/${encodeURIComponent(segment)}`).join("") + slash;
}

/**
 * The response to a request to upgrade: whoever answers by it refuses, and the connection ends. None where an answer to
 * an earlier request is still under way on the connection: no client in its right mind asks like that.
 */
export function refusalOf(request: IncomingMessage): ServerResponse | undefined {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  try {
    response.assignSocket(request.socket);
    return response;
  } catch {
    return undefined;
  }
}

/** How long the last bytes may take to leave. */
const PATIENCE = 5_000;

/** What was written still goes out; nothing stays open, whoever has failed where (CVE-2018-1002105). */
export function hangUp(socket: Duplex): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), PATIENCE).unref();
  socket.once("close", () => clearTimeout(timer));
  socket.end(() => socket.destroy());
}
