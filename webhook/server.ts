/**
 * The webhook's endpoints: bytes in, a review out. `/validate` judges, holds and records; `/mutate` stamps;
 * `/authorize` denies what admission cannot see. Whatever goes wrong becomes a denial that names its cause. `/config`
 * checks what people write of what agents may do. `/audit` takes the API server's audit events.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { AdmissionRequest } from "#core/admission.ts";
import type { Answer } from "#core/answer.ts";
import { type AccessVerdict, authorize } from "#core/authorize.ts";
import type { Written } from "#core/policy/check-written.ts";
import { type ReviewPorts, review } from "#core/review.ts";
import { insideOf } from "#core/session/inside.ts";
import { stampPatch } from "#core/stamp.ts";
import { vouchFor } from "#kit/connections.ts";
import { accessReview, admissionReview, failedReview, mutationReview, writtenReview } from "./answers.ts";
import { type AuditSink, heard } from "./audit.ts";
import { type Callers, identifyCaller } from "./callers.ts";
import { BadReview, decodeAccess, decodeAdmission } from "./decode.ts";
import { Room } from "./room.ts";

export type Request = Http2ServerRequest | IncomingMessage;
export type Response = Http2ServerResponse | ServerResponse;

/** kube-apiserver takes 3 MiB from a client; a review carries the object twice and more. */
const MAX_BODY = 16 * 1024 * 1024;
/** Of reviews that are worked on; those that wait for people have seats of their own. */
const ROOM = 1024 * 1024;
/** Of audit events, which take no room from reviews: one list of the largest, or some. */
const AUDIT_ROOM = 4 * ROOM;

/** A write has 34 s in all and this webhook 30: longer than this nobody may wait, and this much stays for the way back. */
const MAX_WAIT_MILLISECONDS = 25_000;
const RESERVE_MILLISECONDS = 4_000;

export interface WebhookPorts extends ReviewPorts {
  /** What is wrong with what somebody is about to write, and what is only odd. */
  checkWritten(request: AdmissionRequest): Written | Promise<Written>;
  audit: AuditSink;
}

type Endpoint = (ports: WebhookPorts, body: string, call: Incoming) => Promise<object | undefined>;

interface Incoming {
  caller: "verified" | "unverified";
  until: number;
  gone: AbortSignal;
  /** The size of its body. */
  bytes: number;
  /** It begins to wait for people. */
  rests: () => void;
}

const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ["validate", validate],
  ["mutate", async (_ports, body) => stamped(body)],
  ["authorize", authorized],
  ["config", written],
  ["audit", ({ audit }, body) => heard(audit, body)],
]);

/**
 * Answers one HTTP request; `callers` is asked for each, and `waited` is how many milliseconds ago it came.
 * Never rejects.
 */
export function webhookHandler(ports: WebhookPorts, callers: () => Callers) {
  const rooms = { reviews: new Room(ROOM), audit: new Room(AUDIT_ROOM) };
  return async (request: Request, response: Response, waited = 0): Promise<void> => {
    const gone = new AbortController();
    // Not after every answer: an abort makes an error with its stack.
    response.once("close", () => {
      if (!response.writableEnded) gone.abort();
    });
    try {
      await serve(ports, callers(), request, response, { gone: gone.signal, waited, rooms });
    } catch (error) {
      if (error instanceof BadReview) return refused(ports, request, response, error);
      if (gone.signal.aborted) return;
      ports.log.error({ err: error }, "could not answer a review");
      plain(response, 500, "internal error");
    }
  };
}

function refused(ports: WebhookPorts, request: Request, response: Response, { message }: BadReview): void {
  const from = request.socket.remoteAddress;
  ports.log.warn({ from, problem: message }, "what came is not a review");
  plain(response, 400, message);
}

async function serve(
  ports: WebhookPorts,
  callers: Callers,
  request: Request,
  response: Response,
  { gone, waited, rooms }: { gone: AbortSignal; waited: number; rooms: { reviews: Room; audit: Room } },
): Promise<void> {
  const [path = "", query = ""] = (request.url ?? "/").split("?", 2);
  const caller = identifyCaller(callers, request, path);
  if (caller.kind === "unknown") return plain(response, 401, "the caller is not the API server");
  vouchFor(request);
  const { kind } = caller;
  const endpoint = ENDPOINTS.get(caller.endpoint);
  if (endpoint === undefined) return plain(response, 404, "no such endpoint");
  if (request.method !== "POST") return plain(response, 405, "reviews are posted");
  if (!isPlainJson(request)) return plain(response, 415, "reviews are application/json, and not compressed");
  const until = deadline(ports.clock.now() - waited, query);
  const announced = Number(request.headers["content-length"] ?? MAX_BODY);
  if (!(announced <= MAX_BODY)) return tooLarge(response);
  const room = caller.endpoint === "audit" ? rooms.audit : rooms.reviews;
  const place = await room.take(announced, gone);
  if (place === undefined) return;
  try {
    // The text of a body stays out of every frame that waits: else it would lie in memory beside what it says.
    const answer = await readBody(request).then((read) => {
      if (read === undefined) return tooLarge(response);
      place.shrinkTo(read.bytes);
      return endpoint(ports, read.text, {
        caller: kind,
        until,
        gone,
        bytes: read.bytes,
        rests: place.giveBack,
      });
    });
    if (answer !== undefined) json(response, answer);
  } finally {
    place.giveBack();
  }
}

function validate(ports: ReviewPorts, body: string, call: Incoming): Promise<object | undefined> {
  return validated(ports, decodeAdmission(body), call);
}

function validated(
  ports: ReviewPorts,
  request: AdmissionRequest,
  call: Incoming,
): Promise<object | undefined> {
  const began = ports.clock.now();
  return answered(ports, asked(request), review(ports, request, call), began);
}

/** Nothing here has the request: until it is recorded it would stay in memory, with all that it carries. */
async function answered(
  ports: ReviewPorts,
  what: Asked,
  reviewing: Promise<Answer | undefined>,
  began: number,
): Promise<object | undefined> {
  try {
    const answer = await reviewing;
    const seconds = (ports.clock.now() - began) / 1000;
    ports.log.info({ ...what, ...told(answer), seconds }, "review");
    return answer === undefined ? undefined : admissionReview(what.uid, answer);
  } catch (error) {
    ports.meter.notRecorded();
    ports.log.error({ err: error, ...what }, "could not review a request");
    return failedReview(what.uid, "hoop could not review or record this request, so it is denied");
  }
}

interface Asked {
  uid: string;
  [name: string]: unknown;
}

/** Who asks for what, for the log: names, and nothing of the object. `uid` is the AdmissionReview's. */
function asked(request: AdmissionRequest): Asked {
  const { uid, operation, resource, subresource, namespace, dryRun } = request;
  const what = [resource.resource, resource.group].filter(Boolean).join(".");
  return {
    uid,
    user: request.userInfo.username,
    operation,
    resource: subresource === "" ? what : `${what}/${subresource}`,
    ...(namespace === "" ? {} : { namespace }),
    name: request.name,
    ...(dryRun ? { dryRun } : {}),
  };
}

/**
 * What was answered, for the log. `record` and `approval` are also in the audit annotations of the same request, and
 * `record` is the name of its ledger entry. The message stays out: it may quote what people wrote.
 */
function told(answer: Answer | undefined): object {
  if (answer === undefined) return { answer: "none, the client is gone" };
  const { allowed, refusal, approval, record } = answer;
  return {
    answer: allowed ? "allowed" : refusal?.code,
    ...(approval === undefined ? {} : { approval }),
    ...(record === undefined ? {} : { record }),
  };
}

async function authorized(ports: ReviewPorts, body: string): Promise<object> {
  const request = decodeAccess(body);
  const from = await insideOf(ports, request.user);
  const verdict: AccessVerdict =
    from.kind === "forged"
      ? { kind: "denied", rule: "no-such-session", reason: `hoop: ${from.why}` }
      : authorize(ports.agents, request, ports.installationNamespace);
  if (verdict.kind === "denied") {
    const { user, ...asked } = request;
    ports.log.info(
      { user: user.username, ...asked.resource, path: asked.path, rule: verdict.rule },
      "denied by authorization",
    );
  }
  return accessReview(verdict);
}

function stamped(body: string): object {
  const request = decodeAdmission(body);
  return mutationReview(request.uid, stampPatch(request));
}

async function written(ports: WebhookPorts, body: string): Promise<object> {
  const request = decodeAdmission(body);
  const found = await ports.checkWritten(request);
  const { refusals, warnings } = found;
  ports.log.info(
    { ...asked(request), refusals: refusals.length, warnings: warnings.length },
    "configuration checked",
  );
  return writtenReview(request.uid, found);
}

/** kube-apiserver tells in `timeout` how long it will wait for this very call. */
function deadline(now: number, query: string): number {
  const given = /(?:^|&)timeout=(\d+(?:\.\d+)?)(ms|s|m)(?:&|$)/.exec(query);
  const unit = { ms: 1, s: 1000, m: 60_000 }[given?.[2] ?? ""] ?? 0;
  const timeout = given === null ? Number.POSITIVE_INFINITY : Number(given[1]) * unit;
  return now + Math.max(0, Math.min(MAX_WAIT_MILLISECONDS, timeout - RESERVE_MILLISECONDS));
}

/** Where nothing is said of the body, it is taken for JSON; it is parsed, after all. */
function isPlainJson({ headers }: Request): boolean {
  const [type = ""] = (headers["content-type"] ?? "application/json").split(";");
  const encoding = headers["content-encoding"] ?? "identity";
  return type.trim().toLowerCase() === "application/json" && encoding === "identity";
}

/** The whole body; `undefined` as soon as it is known to be too large. */
async function readBody(request: Request): Promise<{ text: string; bytes: number } | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY) return undefined;
    chunks.push(chunk as Buffer);
  }
  return { text: Buffer.concat(chunks).toString("utf8"), bytes: size };
}

function tooLarge(response: Response): undefined {
  plain(response, 413, "the body is larger than 16 MiB");
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
