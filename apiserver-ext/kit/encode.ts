/** The one place where the bytes of objects leave. */
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { stringify } from "yaml";
import { type Media, plainMedia } from "./negotiate.ts";
import { isRepresented, isStream, type Represented, type RepresentedStream } from "./represent.ts";
import { type ApiRequest, type ApiResponse, header } from "./request.ts";
import {
  COMPRESS_FROM,
  drained,
  FASTEST,
  PATIENCE,
  type Parts,
  partsOf,
  sendParts,
  wholeText,
} from "./send-parts.ts";
import { type StatusError, statusOf } from "./status.ts";

/** JSON that shows no object: a Status, discovery, OpenAPI. Objects and lists of them have metadata that does not fit. */
export type Document = (object | Readonly<Record<string, unknown>>) & {
  readonly metadata?: {
    readonly name?: never;
    readonly resourceVersion?: never;
    readonly continue?: string;
  };
};

export interface Answer {
  code: number;
  /** A string leaves as it is; undefined: no body. */
  body: Represented | RepresentedStream | Document | string | undefined;
  /** Default application/json. */
  contentType?: string;
  headers?: Readonly<Record<string, string | string[]>>;
  /** Default: what the request asks for what is no object. */
  media?: Media;
}

const compress = promisify(gzip);

/** Rejects where a body that is streamed cannot be gone on with; what has begun is then still open. */
export async function send(request: ApiRequest, response: ApiResponse, answer: Answer): Promise<void> {
  const media = answer.media ?? plainMedia(request);
  const body = await bodyOf(answer, media);
  const isZipped = sizeOf(body) >= COMPRESS_FROM && /\bgzip\b/.test(header(request, "accept-encoding"));
  response.statusCode = answer.code;
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.appendHeader(name, value);
  if (body === undefined) {
    response.end();
    return;
  }
  response.setHeader("Content-Type", answer.contentType ?? TYPES[media]);
  if (isZipped) {
    response.setHeader("Content-Encoding", "gzip");
    response.setHeader("Vary", "Accept-Encoding");
  }
  if (!Buffer.isBuffer(body)) return sendParts(request, response, body, isZipped);
  const bytes = isZipped ? await compress(body, FASTEST) : body;
  response.setHeader("Content-Length", bytes.length);
  if (request.method === "HEAD") response.end();
  else response.end(bytes);
}

async function bodyOf({ body }: Answer, media: Media): Promise<Buffer | Parts | undefined> {
  if (body === undefined) return undefined;
  if (typeof body === "string") return Buffer.from(body);
  if (!isStream(body)) return Buffer.from(WRITERS[media](body));
  if (media === "json") return partsOf(body);
  return Buffer.from(WRITERS[media](JSON.parse(await wholeText(body))));
}

/** Of what comes in parts: that it is much, for little is no stream. */
function sizeOf(body: Buffer | Parts | undefined): number {
  return Buffer.isBuffer(body) ? body.length : body === undefined ? 0 : COMPRESS_FROM;
}

const TYPES: Readonly<Record<Media, string>> = {
  json: "application/json",
  pretty: "application/json",
  yaml: "application/yaml",
};

const WRITERS: Readonly<Record<Media, (body: Represented | Document) => string>> = {
  json: (body) => `${compact(body)}\n`,
  pretty: (body) => JSON.stringify(parsed(body), null, 2),
  // YAML 1.1, as Kubernetes reads it: what could be taken for a time or a truth is quoted.
  yaml: (body) =>
    stringify(parsed(body), {
      version: "1.1",
      sortMapEntries: true,
      indentSeq: false,
      lineWidth: 0,
      aliasDuplicateObjects: false,
    }),
};

/** For people's eyes: the time for reading it again is of no matter. */
function parsed(body: Represented | Document): object {
  return isRepresented(body) ? JSON.parse(body.json) : body;
}

function compact(body: Represented | Document): string {
  return isRepresented(body) ? body.json : JSON.stringify(body);
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

export interface Frame {
  type: FrameType;
  object: Represented | Document;
}

/** A watch's answer: frames until either side ends it. */
export interface Frames {
  /**
   * Resolves when there is room for more; the frames are taken one by one as there is.
   * False: the reader is gone or too slow, and the stream has ended.
   */
  send(frames: Iterable<Frame>): Promise<boolean>;
  end(): void;
  /** Aborts when the reader goes away. */
  readonly gone: AbortSignal;
}

/** Frames are written together up to so many bytes: what one reader can make us keep. */
const TOGETHER = 64 * 1024;

/** Answers 200 at once. No Content-Length, so that the aggregator passes each frame on as it comes. */
export function openFrames(response: ApiResponse, patience = PATIENCE): Frames {
  const gone = new AbortController();
  const sink: Writable = response;
  response.once("close", () => gone.abort());
  // Writing to a reader that has just left is no error of ours.
  response.on("error", () => gone.abort());
  response.statusCode = 200;
  response.setHeader("Content-Type", "application/json");
  if ("flushHeaders" in response) response.flushHeaders();
  else response.writeHead(200);
  const write = async (bytes: Buffer): Promise<boolean> => {
    if (gone.signal.aborted) return false;
    if (sink.write(bytes) || (await drained(response, gone.signal, patience))) return true;
    gone.abort();
    response.destroy();
    return false;
  };
  return {
    gone: gone.signal,
    end: () => {
      response.end();
    },
    async send(frames) {
      for (const bytes of together(frames)) {
        if (!(await write(bytes))) return false;
      }
      return !gone.signal.aborted;
    },
  };
}

function* together(frames: Iterable<Frame>): Generator<Buffer> {
  let waiting: Buffer[] = [];
  let size = 0;
  for (const frame of frames) {
    const bytes = bytesOf(frame);
    waiting.push(bytes);
    size += bytes.length;
    if (size < TOGETHER) continue;
    yield Buffer.concat(waiting);
    [waiting, size] = [[], 0];
  }
  const [only] = waiting;
  if (only !== undefined) yield waiting.length === 1 ? only : Buffer.concat(waiting);
}

/** What many readers see is encoded once: the bytes by what they show, and by type. */
const ENCODED = new WeakMap<Represented, Partial<Record<FrameType, Buffer>>>();

function bytesOf({ type, object }: Frame): Buffer {
  if (!isRepresented(object)) return frameOf(type, object);
  let known = ENCODED.get(object);
  if (known === undefined) {
    known = {};
    ENCODED.set(object, known);
  }
  known[type] ??= frameOf(type, object);
  return known[type];
}

function frameOf(type: FrameType, object: Frame["object"]): Buffer {
  return Buffer.from(`{"type":"${type}","object":${compact(object)}}\n`);
}
