/** Requests that are answered: passed on as they are, and answered with what may be seen of the answer. */
import type { IncomingMessage } from "node:http";
import { extrasOf } from "#core/session/extras.ts";
import { breakOff } from "#kit/send-parts.ts";
import { beginAnswer, mediaType, sendRecorded } from "./answer/answer.ts";
import { streamed } from "./answer/stream.ts";
import { type BrokerCall, noAnswer } from "./call.ts";
import { heldIn, untilDecided } from "./held.ts";
import { type Masks, maskedJson, maskedText, unmaskable } from "./mask/answer.ts";
import type { BrokerPorts, BrokerState } from "./ports.ts";
import { cut } from "./record/body.ts";
import { sha256 } from "./record/record.ts";
import { bodyOf, type RequestBody } from "./request/body.ts";
import { examined } from "./request/examined.ts";
import { innerHeaders } from "./request/headers.ts";
import type { Inner } from "./request/inner.ts";
import type { Share } from "./room.ts";
import { sent } from "./upstream.ts";

/** An answer is in memory as a whole while it is masked. */
const LARGEST_ANSWER = 64 * 1024 * 1024;
/** What is no stream is over by then (milliseconds): the API server gives itself as long. */
const SLOWEST = 65_000;

export async function forward(ports: BrokerState, call: BrokerCall): Promise<void> {
  const { connection } = call;
  const body = await bodyOf(ports, call);
  await examined(ports, call, body);
  const { record, inner } = call;
  if (!isRead(inner)) await record.request();
  const room = ports.rooms.read.share(call.session.status.subject.username);
  let from: IncomingMessage | undefined;
  try {
    const { response, whole } = await answered(ports, call, body, room);
    from = response;
    if (whole !== undefined) await sendWhole(call, response, whole);
    else await streamed(ports, call, response, room);
  } catch (error) {
    from?.destroy();
    const refused = noAnswer(call, error);
    if (!connection.response.headersSent) throw refused;
    await record.response({ code: 0, bytes: 0, sha256: "", message: refused.message });
    breakOff(connection.response);
  } finally {
    room.leave();
  }
}

/** It has no effect. Those that have one by GET, `exec` and its like, do not come here. */
function isRead({ method }: Inner): boolean {
  return method === "GET" || method === "HEAD";
}

interface Answered {
  response: IncomingMessage;
  /** Undefined: it streams. */
  whole: Buffer | undefined;
}

function answered(
  ports: BrokerPorts,
  call: BrokerCall,
  body: RequestBody | undefined,
  room: Share,
): Promise<Answered> {
  return untilDecided(
    ports,
    call,
    () => asked(ports, call, body, room),
    ({ response, whole }) => whole && heldIn(response.statusCode ?? 0, whole.toString()),
  );
}

async function asked(
  ports: BrokerPorts,
  call: BrokerCall,
  body: RequestBody | undefined,
  room: Share,
): Promise<Answered> {
  const { connection, inner, session } = call;
  const lasts = inner.way === "watch" || inner.way === "log";
  const identity = { serviceAccount: session.status.serviceAccount, extras: extrasOf(session) };
  const headers = innerHeaders(connection.headers, identity, { masked: inner.way !== "document" });
  const { bytes, contentType } = body?.secure ?? { bytes: body?.bytes, contentType: undefined };
  const late = new AbortController();
  const timer = lasts ? undefined : setTimeout(() => late.abort(), SLOWEST);
  try {
    const { response } = await sent(
      ports.upstream,
      {
        ...{ method: inner.method, path: inner.sent, lasts },
        headers: {
          ...headers,
          ...(bytes === undefined ? {} : { "content-length": String(bytes.length) }),
          ...(contentType === undefined ? {} : { "content-type": contentType }),
        },
        signal: AbortSignal.any([call.signal, late.signal]),
      },
      bytes,
    );
    const isStream = inner.way === "document" || ((lasts || isList(inner)) && response.statusCode === 200);
    return { response, whole: isStream ? undefined : await wholeOf(response, inner, room) };
  } finally {
    clearTimeout(timer);
  }
}

/** Masked item by item. */
function isList({ way, method, secrets, info }: Inner): boolean {
  return way === "objects" && method === "GET" && !secrets && info.verb === "list";
}

async function wholeOf(response: IncomingMessage, { method }: Inner, room: Share): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_ANSWER) throw unmaskable();
    // What was done is told.
    if (method === "GET") room.take(chunk.length);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function sendWhole(call: BrokerCall, response: IncomingMessage, whole: Buffer): Promise<void> {
  const { terms, inner } = call;
  const isEmpty = whole.length === 0 || inner.method === "HEAD";
  const shown = isEmpty ? "" : shownText(await call.masks(), response, whole);
  const bytes = Buffer.from(shown);
  await beginAnswer(call, response);
  await sendRecorded(call, bytes, {
    ...{ code: response.statusCode ?? 502, bytes: bytes.length, sha256: sha256(bytes) },
    ...(isEmpty ? {} : { body: cut(shown, terms.keep.responseBytes) }),
    ...(bytes.length > terms.keep.responseBytes ? { truncated: true } : {}),
  });
}

/** @throws {StatusError} InternalError: nobody can tell what is in it. */
function shownText(masks: Masks, response: IncomingMessage, whole: Buffer): string {
  const type = mediaType(response);
  if (type === "application/json") return maskedJson(whole.toString(), masks);
  // What the API server says before it comes to any object.
  if (type === "text/plain" && (response.statusCode ?? 0) >= 400) return maskedText(whole.toString(), masks);
  throw unmaskable();
}
