/** The one place where the bytes of objects leave. */
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type ApiRequest, type ApiResponse, header } from "./request.ts";
import { type StatusError, statusOf } from "./status.ts";

export interface Answer {
  code: number;
  /** Anything that JSON can hold; undefined: no body. */
  body: unknown;
  /** Default application/json. */
  contentType?: string;
  headers?: Readonly<Record<string, string | string[]>>;
  pretty?: boolean;
}

const compress = promisify(gzip);
const COMPRESS_FROM = 128 * 1024;
const FASTEST = { level: 1 };

export async function send(request: ApiRequest, response: ApiResponse, answer: Answer): Promise<void> {
  const bytes = await bodyOf(request, response, answer);
  response.statusCode = answer.code;
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (answer.body !== undefined) {
    response.setHeader("Content-Type", answer.contentType ?? "application/json");
    response.setHeader("Content-Length", bytes.length);
  }
  if (request.method === "HEAD" || answer.body === undefined) response.end();
  else response.end(bytes);
}

async function bodyOf(request: ApiRequest, response: ApiResponse, answer: Answer): Promise<Buffer> {
  if (answer.body === undefined) return Buffer.alloc(0);
  const text = typeof answer.body === "string" ? answer.body : json(answer.body, answer.pretty ?? false);
  const bytes = Buffer.from(text);
  if (bytes.length < COMPRESS_FROM || !/\bgzip\b/.test(header(request, "accept-encoding"))) return bytes;
  response.setHeader("Content-Encoding", "gzip");
  response.setHeader("Vary", "Accept-Encoding");
  return compress(bytes, FASTEST);
}

function json(value: unknown, pretty: boolean): string {
  return `${JSON.stringify(value, null, pretty ? 2 : undefined)}\n`;
}

export function sendStatus(request: ApiRequest, response: ApiResponse, error: StatusError): Promise<void> {
  const status = statusOf(error);
  const retryAfter = status.details?.retryAfterSeconds;
  return send(request, response, {
    code: status.code,
    body: status,
    ...(retryAfter === undefined ? {} : { headers: { "Retry-After": String(retryAfter) } }),
  });
}

export type FrameType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

/** A watch's answer: frames until either side ends it. */
export interface Frames {
  /** Resolves when there is room for more. False: the reader is gone or too slow, and the stream has ended. */
  send(type: FrameType, object: unknown): Promise<boolean>;
  end(): void;
  /** Aborts when the reader goes away. */
  readonly gone: AbortSignal;
}

/** How long a reader may take to make room. It comes back with the last version it saw, and nothing is lost. */
const PATIENCE = 30_000;

/** Answers 200 at once. No Content-Length, so that the aggregator passes each frame on as it comes. */
export function openFrames(response: ApiResponse): Frames {
  const gone = new AbortController();
  const sink: Writable = response;
  response.once("close", () => gone.abort());
  // Writing to a reader that has just left is no error of ours.
  response.on("error", () => gone.abort());
  response.statusCode = 200;
  response.setHeader("Content-Type", "application/json");
  if ("flushHeaders" in response) response.flushHeaders();
  else response.writeHead(200);
  return {
    gone: gone.signal,
    end: () => {
      response.end();
    },
    async send(type, object) {
      if (gone.signal.aborted) return false;
      if (sink.write(`${JSON.stringify({ type, object })}\n`)) return true;
      if (await drained(response, gone.signal)) return true;
      response.destroy();
      return false;
    },
  };
}

function drained(response: ApiResponse, gone: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (outcome: boolean) => () => {
      clearTimeout(timer);
      response.off("drain", onDrain);
      gone.removeEventListener("abort", onGone);
      resolve(outcome);
    };
    const onDrain = settle(true);
    const onGone = settle(false);
    const timer = setTimeout(settle(false), PATIENCE);
    response.once("drain", onDrain);
    gone.addEventListener("abort", onGone, { once: true });
    if (gone.aborted) onGone();
  });
}
