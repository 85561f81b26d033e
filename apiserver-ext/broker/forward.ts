/** Requests that are answered: passed on as they are, and answered with what may be seen of the answer. */
import type { IncomingMessage } from "node:http";
import { MASKED_MARKS } from "#core/mask.ts";
import { extrasOf } from "#core/session/extras.ts";
import { breakOff } from "#kit/send-parts.ts";
import { StatusError } from "#kit/status.ts";
import { beginAnswer, mediaType } from "./answer.ts";
import { type BrokerCall, noAnswer } from "./call.ts";
import { type HeaderLines, innerHeaders } from "./headers.ts";
import { heldIn, waitFor } from "./held.ts";
import { type Masks, maskedJson, maskedText, unmaskable } from "./mask-answer.ts";
import type { BrokerPorts } from "./ports.ts";
import { sha256 } from "./record.ts";
import { securedBody } from "./secrets.ts";
import { streamed } from "./stream.ts";
import { sent } from "./upstream.ts";

/** As kube-apiserver's own. */
const LARGEST_BODY = 3 * 1024 * 1024;
/** An answer is in memory as a whole while it is masked. */
const LARGEST_ANSWER = 256 * 1024 * 1024;
/** What is no stream is over by then (milliseconds): the API server gives itself as long. */
const SLOWEST = 65_000;

export async function forward(ports: BrokerPorts, call: BrokerCall): Promise<void> {
  const { connection, inner, record } = call;
  const body = inner.method === "GET" || inner.method === "HEAD" ? undefined : await bodyOf(call);
  if (body !== undefined && !inner.secrets) checkUnmasked(body);
  // What is written to Secrets is recorded as secure-secrets judges it: sealed.
  await record.request(inner.secrets ? undefined : body);
  const { response, whole } = await answered(ports, call, body);
  try {
    if (whole !== undefined) await sendWhole(call, response, whole);
    else await streamed(call, response);
  } catch (error) {
    const refused = noAnswer(call, error);
    if (connection.response.headersSent) breakOff(connection.response);
    else throw refused;
  }
}

async function bodyOf({ connection: { request, headers } }: BrokerCall): Promise<Buffer> {
  if (headers.some(([name, value]) => name === "content-encoding" && value !== "identity"))
    throw new StatusError("UnsupportedMediaType", "what is compressed cannot be recorded");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_BODY)
      throw new StatusError("RequestEntityTooLarge", `Request entity too large: limit is ${LARGEST_BODY}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Whoever sends back what he was shown would overwrite what it stands for. */
function checkUnmasked(body: Buffer): void {
  if (!MASKED_MARKS.some((mark) => body.includes(mark))) return;
  const why =
    "it holds what a session shows in place of a value ([masked: …]), and would overwrite the value: " +
    "leave that out, by a patch of the rest";
  throw new StatusError("Invalid", `refused by the session: ${why}`);
}

interface Answered {
  response: IncomingMessage;
  /** Undefined: it streams. */
  whole: Buffer | undefined;
}

/** Asks again for as long as people have not decided. */
async function answered(ports: BrokerPorts, call: BrokerCall, body: Buffer | undefined): Promise<Answered> {
  for (;;) {
    const found = await asked(ports, call, body).catch((error: unknown) => {
      throw noAnswer(call, error);
    });
    const { response, whole } = found;
    const held = whole && heldIn(response.statusCode ?? 0, whole.toString());
    if (held === undefined || (await waitFor(ports, held, call.signal)) === "give-up") return found;
  }
}

async function asked(ports: BrokerPorts, call: BrokerCall, body: Buffer | undefined): Promise<Answered> {
  const { connection, inner, session } = call;
  const lasts = inner.way === "watch" || inner.way === "log";
  const identity = { serviceAccount: session.status.serviceAccount, extras: extrasOf(session) };
  const headers = innerHeaders(connection.headers, identity, { masked: inner.way !== "document" });
  const said = inner.secrets && body !== undefined ? securedBody(typeOf(headers), body) : undefined;
  const bytes = said?.body ?? body;
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
          ...(said === undefined ? {} : { "content-type": said.contentType }),
        },
        signal: AbortSignal.any([call.signal, late.signal]),
      },
      bytes,
    );
    const isStream = inner.way === "document" || (lasts && response.statusCode === 200);
    return { response, whole: isStream ? undefined : await wholeOf(response) };
  } finally {
    clearTimeout(timer);
  }
}

function typeOf(headers: HeaderLines): string {
  return [headers["content-type"] ?? ""].flat()[0] ?? "";
}

async function wholeOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_ANSWER) throw unmaskable();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function sendWhole(call: BrokerCall, response: IncomingMessage, whole: Buffer): Promise<void> {
  const { connection, record } = call;
  const code = response.statusCode ?? 502;
  const isEmpty = whole.length === 0 || connection.request.method === "HEAD";
  const shown = isEmpty ? "" : shownText(await call.masks(), response, whole);
  const bytes = Buffer.from(shown);
  await record.response({
    ...{ code, bytes: bytes.length, sha256: sha256(bytes) },
    ...(isEmpty ? {} : { body: keptBody(shown) }),
  });
  beginAnswer(connection.response, response);
  if (connection.request.method !== "HEAD") connection.response.setHeader("Content-Length", bytes.length);
  connection.response.end(bytes);
}

const KEPT = 256 * 1024;

function keptBody(shown: string): string {
  return shown.length <= KEPT ? shown : `${shown.slice(0, KEPT).toWellFormed()}…`;
}

/** @throws {StatusError} InternalError: nobody can tell what is in it. */
function shownText(masks: Masks, response: IncomingMessage, whole: Buffer): string {
  const type = mediaType(response);
  if (type === "application/json") return maskedJson(whole.toString(), masks);
  // What the API server says before it comes to any object.
  if (type === "text/plain" && (response.statusCode ?? 0) >= 400) return maskedText(whole.toString(), masks);
  throw unmaskable();
}
