/** Bodies that leave bit by bit, as fast as the client takes them: how long they are is not known when they begin. */
import { constants } from "node:http2";
import type { Writable } from "node:stream";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { RepresentedStream } from "./represent.ts";
import type { ApiRequest, ApiResponse } from "./request.ts";

/** From so many bytes on an answer is compressed where the client likes that; what is shorter is sent in one. */
export const COMPRESS_FROM = 128 * 1024;
export const FASTEST = { level: 1 };

/** How long a reader may take to make room. */
export const PATIENCE = 30_000;
/** So much is written at once. */
const TOGETHER = 64 * 1024;

/** The bytes of a body that is long. */
export type Parts = AsyncIterable<Buffer>;

/** The body as JSON; in one, where it has ended before it is long. What goes wrong until then is thrown. */
export async function partsOf(body: RepresentedStream): Promise<Buffer | Parts> {
  const parts = together(body.texts);
  const begin: Buffer[] = [];
  for (let size = 0; size < COMPRESS_FROM; ) {
    const { done, value } = await parts.next();
    if (done === true) return Buffer.concat(begin);
    begin.push(value);
    size += value.length;
  }
  return resumed(begin, parts);
}

async function* resumed(begin: readonly Buffer[], parts: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* begin;
    yield* parts;
  } finally {
    // Also where the client leaves while it is sent the beginning.
    await parts.return(undefined);
  }
}

async function* together(texts: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let text = "";
  for await (const part of texts) {
    text += part;
    if (text.length < TOGETHER) continue;
    yield Buffer.from(text);
    text = "";
  }
  yield Buffer.from(`${text}\n`);
}

export async function wholeText({ texts }: RepresentedStream): Promise<string> {
  let text = "";
  for await (const part of texts) text += part;
  return text;
}

/** Rejects where the parts do; the answer is then still open, and must be broken off. */
export async function sendParts(
  request: ApiRequest,
  response: ApiResponse,
  parts: Parts,
  isZipped: boolean,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  // Writing to a reader that has just left is no error of ours.
  response.on("error", () => gone.abort());
  const sink: Writable = response;
  for await (const bytes of request.method === "HEAD" ? [] : isZipped ? zipped(parts) : parts) {
    if (gone.signal.aborted) return;
    if (sink.write(bytes) || (await drained(response, gone.signal, PATIENCE))) continue;
    if (!gone.signal.aborted) breakOff(response);
    return;
  }
  response.end();
}

/** Ends the answer such that the client cannot take it for a whole one. */
export function breakOff(response: ApiResponse): void {
  // To destroy the stream alone is to end it without an error, which is how some clients take it then.
  if ("stream" in response) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else response.destroy();
}

function zipped(parts: Parts): AsyncIterable<Buffer> {
  const gzip = createGzip(FASTEST);
  // Whoever reads it is told of what goes wrong before it.
  pipeline(Readable.from(parts), gzip).catch(() => {});
  return gzip;
}

/** False: the reader is gone, or has made no room in time. */
export function drained(response: ApiResponse, gone: AbortSignal, patience: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (outcome: boolean) => () => {
      clearTimeout(timer);
      response.off("drain", onDrain);
      gone.removeEventListener("abort", onGone);
      resolve(outcome);
    };
    const onDrain = settle(true);
    const onGone = settle(false);
    const timer = setTimeout(settle(false), patience);
    response.once("drain", onDrain);
    gone.addEventListener("abort", onGone, { once: true });
    if (gone.aborted) onGone();
  });
}
