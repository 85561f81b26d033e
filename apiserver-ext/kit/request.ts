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
