/** Beginning an answer to the client, and going on with it. */
import type { IncomingMessage } from "node:http";
import type { Writable } from "node:stream";
import type { ApiResponse } from "#kit/request.ts";
import { breakOff, drained, PATIENCE } from "#kit/send-parts.ts";
import { StatusError } from "#kit/status.ts";
import type { BrokerCall } from "../call.ts";
import { maskedText, unmaskable } from "../mask/answer.ts";
import { type Ended, notRecorded } from "../record/record.ts";
import { answerHeaders, type HeaderLines } from "../request/headers.ts";

export function mediaType({ headers }: IncomingMessage): string {
  return (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/**
 * Status and header lines. Redirections are none of ours to follow, nor the client's; and it is not the client's
 * credential that the API server does not take.
 */
export async function beginAnswer(
  call: Pick<BrokerCall, "connection" | "masks">,
  from: IncomingMessage,
): Promise<void> {
  const { response: to } = call.connection;
  const { statusCode = 502 } = from;
  if (statusCode >= 300 && statusCode < 400 && statusCode !== 304) throw unmaskable();
  if (statusCode === 401)
    throw new StatusError("ServiceUnavailable", "the API server does not take Hoop's own credential");
  const lines = await shownHeaders(call, from);
  to.statusCode = statusCode;
  for (const [name, value] of Object.entries(lines)) to.setHeader(name, value);
}

async function shownHeaders(
  { masks }: Pick<BrokerCall, "masks">,
  { headers, rawHeaders }: IncomingMessage,
): Promise<HeaderLines> {
  // What is masked is read for those alone who have something to be masked.
  if (headers["warning"] === undefined) return answerHeaders(rawHeaders, (text) => text);
  const known = await masks();
  return answerHeaders(rawHeaders, (text) => maskedText(text, known));
}

/** All of an answer that has begun: in the ledger first. Rejects where it is not. */
export async function sendRecorded(
  { connection, inner, record, signal }: BrokerCall,
  bytes: Buffer,
  end: Ended,
): Promise<void> {
  const { response: to } = connection;
  if (!(await record.response(end))) throw notRecorded();
  const hasBody = inner.method !== "HEAD";
  if (hasBody) to.setHeader("Content-Length", bytes.length);
  if (await written(to, hasBody ? [bytes] : [], signal)) to.end();
  else breakOff(to);
}

/** Together, and not copied. False: the client is gone, or takes nothing any more. */
export async function written(
  to: ApiResponse,
  parts: readonly Uint8Array[],
  gone: AbortSignal,
): Promise<boolean> {
  if (gone.aborted) return false;
  const sink: Writable = to;
  const below: Writable = "stream" in to ? to.stream : to;
  below.cork();
  let hasRoom = true;
  for (const bytes of parts) hasRoom = sink.write(bytes);
  below.uncork();
  return hasRoom || drained(to, gone, PATIENCE);
}
