/** The two kinds of request that one server sees: HTTP/2 and, for upgrades and old clients, HTTP/1.1. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

export type ApiRequest = IncomingMessage | Http2ServerRequest;
export type ApiResponse = ServerResponse | Http2ServerResponse;

/** Name (lower case) and value of each header line as it came. Node's `headers` joins lines: a group may hold ", ". */
export function headerLines(request: ApiRequest): [name: string, value: string][] {
  const raw = request.rawHeaders;
  const lines: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    lines.push([(raw[at] ?? "").toLowerCase(), raw[at + 1] ?? ""]);
  }
  return lines;
}

/** The first line of that name, "" where there is none. */
export function header(request: ApiRequest, name: string): string {
  return headerLines(request).find(([found]) => found === name)?.[1] ?? "";
}

/** A WebSocket subprotocol of this kind holds a bearer token. */
export const TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io.";

/** The subprotocols that a WebSocket client offers. */
export function protocolsOf(request: ApiRequest): string[] {
  return headerLines(request)
    .filter(([name]) => name === "sec-websocket-protocol")
    .flatMap(([, value]) => value.split(","))
    .map((protocol) => protocol.trim());
}

/** Of one connection only (RFC 9110 7.6.1), beside what `Connection` itself names. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);
/** Who the caller is has been found out; nobody behind this server is to judge it anew, or by forged words. */
const CREDENTIALS = new Set(["authorization", "cookie"]);
const IDENTITY = ["x-remote-", "impersonate-"];

/** The header lines that may be passed on to somebody else: without credentials, identity and what is of this hop. */
export function forwardable(request: ApiRequest): [name: string, value: string][] {
  const lines = headerLines(request);
  const named = lines
    .filter(([name]) => name === "connection")
    .flatMap(([, value]) => value.split(",").map((each) => each.trim().toLowerCase()));
  const dropped = new Set([...HOP_BY_HOP, ...CREDENTIALS, ...named]);
  return lines
    .filter(([name]) => !dropped.has(name) && !name.startsWith(":"))
    .filter(([name]) => !IDENTITY.some((prefix) => name.startsWith(prefix)))
    .flatMap(([name, value]) => withoutToken(name, value));
}

function withoutToken(name: string, value: string): [name: string, value: string][] {
  if (name !== "sec-websocket-protocol") return [[name, value]];
  const rest = value.split(",").map((each) => each.trim());
  const kept = rest.filter((each) => !each.startsWith(TOKEN_PROTOCOL));
  return kept.length === 0 ? [] : [[name, kept.join(", ")]];
}
