/** Beginning an answer to the client, and going on with it. */
import type { IncomingMessage } from "node:http";
import type { ApiResponse } from "#kit/request.ts";
import { drained, PATIENCE } from "#kit/send-parts.ts";
import { answerHeaders } from "./headers.ts";
import { unmaskable } from "./mask-answer.ts";

export function mediaType({ headers }: IncomingMessage): string {
  return (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/** Status and header lines. Redirections are none of ours to follow, nor the client's. */
export function beginAnswer(to: ApiResponse, { statusCode = 502, rawHeaders }: IncomingMessage): void {
  if (statusCode >= 300 && statusCode < 400 && statusCode !== 304) throw unmaskable();
  to.statusCode = statusCode;
  for (const [name, value] of Object.entries(answerHeaders(rawHeaders))) to.setHeader(name, value);
}

/** False: the client is gone, or takes nothing any more. */
export async function written(to: ApiResponse, bytes: Uint8Array, gone: AbortSignal): Promise<boolean> {
  const sink: { write(bytes: Uint8Array): boolean } = to;
  return !gone.aborted && (sink.write(bytes) || (await drained(to, gone, PATIENCE)));
}
