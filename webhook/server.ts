/**
 * The webhook's endpoints: bytes in, a review out. `/validate` judges, holds and records; `/mutate` stamps;
 * `/authorize` denies what admission cannot see. Whatever goes wrong becomes a denial that names its cause.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { authorize } from "#core/authorize.ts";
import { type ReviewPorts, review } from "#core/review.ts";
import { stampPatch } from "#core/stamp.ts";
import { accessReview, admissionReview, failedReview, mutationReview } from "./answers.ts";
import { type Callers, identifyCaller } from "./callers.ts";
import { BadReview, decodeAccess, decodeAdmission } from "./decode.ts";

export type Request = Http2ServerRequest | IncomingMessage;
export type Response = Http2ServerResponse | ServerResponse;

/** kube-apiserver takes 3 MiB from a client; a review carries the object twice and more. */
const MAX_BODY = 16 * 1024 * 1024;

/** A write has 34 s in all and this webhook 30: longer than this nobody may wait, and this much stays for the way back. */
const MAX_WAIT_MILLISECONDS = 25_000;
const RESERVE_MILLISECONDS = 4_000;

type Endpoint = (ports: ReviewPorts, body: string, call: Incoming) => Promise<object | undefined>;

interface Incoming {
  caller: "verified" | "unverified";
  until: number;
  gone: AbortSignal;
}

const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ["validate", validate],
  ["mutate", async (_ports, body) => stamped(body)],
  [
    "authorize",
    async (ports, body) =>
      accessReview(authorize(ports.agents, decodeAccess(body), ports.installationNamespace)),
  ],
]);

/** Answers one HTTP request; `callers` is asked for each. Never rejects. */
export function webhookHandler(ports: ReviewPorts, callers: () => Callers) {
  return async (request: Request, response: Response): Promise<void> => {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    try {
      await serve(ports, callers(), request, response, gone.signal);
    } catch (error) {
      if (error instanceof BadReview) return plain(response, 400, error.message);
      if (gone.signal.aborted) return;
      ports.log.error({ err: error }, "could not answer a review");
      plain(response, 500, "internal error");
    }
  };
}

async function serve(
  ports: ReviewPorts,
  callers: Callers,
  request: Request,
  response: Response,
  gone: AbortSignal,
): Promise<void> {
  const url = new URL(request.url ?? "/", "https://webhook");
  const caller = identifyCaller(callers, request, url.pathname);
  if (caller.kind === "unknown") return plain(response, 401, "the caller is not the API server");
  const endpoint = ENDPOINTS.get(caller.endpoint);
  if (endpoint === undefined) return plain(response, 404, "no such endpoint");
  if (request.method !== "POST") return plain(response, 405, "reviews are posted");
  const body = await readBody(request);
  if (body === undefined) return plain(response, 413, "the review is larger than 16 MiB");
  const until = deadline(ports.clock.now(), url);
  const answer = await endpoint(ports, body, { caller: caller.kind, until, gone });
  if (answer !== undefined) json(response, answer);
}

async function validate(ports: ReviewPorts, body: string, call: Incoming): Promise<object | undefined> {
  const request = decodeAdmission(body);
  try {
    const answer = await review(ports, request, call);
    return answer === undefined ? undefined : admissionReview(request.uid, answer);
  } catch (error) {
    ports.meter.notRecorded();
    ports.log.error({ err: error, uid: request.uid }, "could not review a request");
    return failedReview(request.uid, "hoop could not review or record this request, so it is denied");
  }
}

function stamped(body: string): object {
  const request = decodeAdmission(body);
  return mutationReview(request.uid, stampPatch(request));
}

/** kube-apiserver tells in `timeout` how long it will wait for this very call. */
function deadline(now: number, url: URL): number {
  const given = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(url.searchParams.get("timeout") ?? "");
  const unit = { ms: 1, s: 1000, m: 60_000 }[given?.[2] ?? ""] ?? 0;
  const timeout = given === null ? Number.POSITIVE_INFINITY : Number(given[1]) * unit;
  return now + Math.max(0, Math.min(MAX_WAIT_MILLISECONDS, timeout - RESERVE_MILLISECONDS));
}

/** The whole body as text; `undefined` as soon as it is known to be too large. */
async function readBody(request: Request): Promise<string | undefined> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > MAX_BODY) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function json(response: Response, body: object): void {
  const text = JSON.stringify(body);
  send(response, 200, "application/json", text);
}

function plain(response: Response, code: number, text: string): void {
  send(response, code, "text/plain; charset=utf-8", `${text}\n`);
}

function send(response: Response, code: number, type: string, text: string): void {
  response.statusCode = code;
  response.setHeader("content-type", type);
  response.setHeader("content-length", Buffer.byteLength(text));
  response.end(text);
}
