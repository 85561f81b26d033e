/** The connection to the Kubernetes API: one transport for every call and watch we make. */
import type { RequestContext as Request, ResponseContext } from "@kubernetes/client-node";
import { createConfiguration, HttpMethod, KubeConfig, RequestContext } from "./client-node.ts";

export interface Call {
  method?: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** With its leading slash, already escaped: see {@link path}. */
  path: string;
  query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body?: unknown;
  /** Default `application/json`. */
  contentType?: string;
  /** Such as Accept, where JSON alone will not do. */
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
  /** Milliseconds until the whole answer must be there, 10 s by default; Infinity: only the signal ends it. */
  timeout?: number;
  /** In place of JSON.parse, which rounds large integers. */
  parse?: (text: string) => unknown;
}

/** StatusDetails of meta/v1. */
export interface KubeDetails {
  name?: string;
  group?: string;
  kind?: string;
  causes?: { reason?: string; message?: string; field?: string }[];
  retryAfterSeconds?: number;
}

export interface Client {
  /** The URL of the API server. */
  server: string;
  /**
   * The JSON of a 2xx answer. T is what the API documents for the path: declare every member that may be absent
   * as optional. Rejects with a {@link KubeError}.
   */
  request<T>(call: Call): Promise<T>;
  /** The body of a 2xx answer as it comes in; only the signal (and close) ends it. `timeout`: until it begins. */
  stream(call: Call & { signal: AbortSignal }): Promise<AsyncIterable<Uint8Array>>;
  /** Ends everything under way; later calls fail. */
  close(): Promise<void>;
}

/** What a Status tells beside code, reason and message. */
interface RefusalStatus {
  details?: KubeDetails;
  metadata?: { continue?: string };
}

/** A call that did not succeed. */
export class KubeError extends Error {
  /** HTTP status; 0 where there was no answer. */
  readonly code: number;
  /** `reason` of the Status object, such as NotFound; "Timeout" or "Unreachable" where there was no answer. */
  readonly reason: string;
  readonly details: KubeDetails;
  /** With 410 for a page of a list: the token that goes on from another version. */
  readonly continue: string | undefined;
  constructor(code: number, reason: string, message: string, cause?: unknown, status: RefusalStatus = {}) {
    super(message, { cause });
    this.code = code;
    this.reason = reason;
    this.details = status.details ?? {};
    this.continue = status.metadata?.continue;
  }
}

/** A path from its segments, each escaped. */
export function path(...segments: string[]): string {
  return `/${segments.map(encodeURIComponent).join("/")}`;
}

export function isNotFound(error: unknown): boolean {
  return error instanceof KubeError && error.code === 404;
}

const TIMEOUT = 10_000;
/** Certificates in files and plugins' credentials change; connections made with the old ones go after a while. */
const POOL_LIFETIME = 10 * 60_000;

type Dispatcher = NonNullable<ReturnType<Request["getDispatcher"]>>;

/** Connects as a kubeconfig file says or, without one, as the ServiceAccount of the pod we run in. */
export function connect(kubeconfigFile?: string): Client {
  const config = new KubeConfig();
  if (kubeconfigFile === undefined) config.loadFromCluster();
  else config.loadFromFile(kubeconfigFile);
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error(`${kubeconfigFile}: its current context names no cluster`);
  const server = cluster.server.replace(/\/$/, "");
  const pool = connectionPool();
  const closed = new AbortController();
  const transport = createConfiguration().httpApi;

  async function prepared(call: Call): Promise<Request> {
    const method = HttpMethod[call.method ?? "GET"];
    const request = new RequestContext(`${server}${call.path}`, method);
    for (const [name, value] of Object.entries(call.query ?? {})) request.setQueryParam(name, value);
    request.setHeaderParam("Accept", "application/json");
    request.setHeaderParam("User-Agent", "hoop.dev");
    for (const [name, value] of Object.entries(call.headers ?? {})) request.setHeaderParam(name, value);
    if (call.body !== undefined) {
      request.setHeaderParam("Content-Type", call.contentType ?? "application/json");
      request.setBody(JSON.stringify(call.body));
    }
    await config.applySecurityAuthentication(request);
    pool.use(request);
    return request;
  }

  async function send(call: Call, signal: AbortSignal): Promise<ResponseContext> {
    const request = await prepared(call);
    request.setSignal(signal);
    const response = await transport.send(request).toPromise();
    if (response.httpStatusCode >= 200 && response.httpStatusCode < 300) return response;
    throw refusal(response.httpStatusCode, await response.body.text());
  }

  return {
    server,
    async request<T>(call: Call): Promise<T> {
      const time = limit(call.timeout ?? TIMEOUT);
      const signals = [closed.signal, time.signal, ...(call.signal === undefined ? [] : [call.signal])];
      try {
        const response = await send(call, AbortSignal.any(signals));
        return parsed<T>(call, await response.body.text());
      } catch (error) {
        throw noAnswer(call, error, time.signal.aborted);
      } finally {
        time.off();
      }
    },
    async stream(call) {
      const time = limit(call.timeout ?? Number.POSITIVE_INFINITY);
      try {
        const signal = AbortSignal.any([closed.signal, time.signal, call.signal]);
        const request = await prepared(call);
        const dispatcher = request.getDispatcher();
        if (dispatcher !== undefined) return await body(request, dispatcher, signal);
        return (await send(call, signal)).body.stream() ?? new ReadableStream();
      } catch (error) {
        throw noAnswer(call, error, time.signal.aborted);
      } finally {
        time.off();
      }
    },
    async close() {
      closed.abort(new Error("the client was closed"));
      await pool.close();
    },
  };
}

/** The body of a 2xx answer. Not by `fetch`: its streams cost more, and end where nothing comes for five minutes. */
async function body(
  request: Request,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const { origin, pathname, search } = new URL(request.getUrl());
  const answer = await dispatcher.request({
    ...{ origin, path: pathname + search, method: request.getHttpMethod(), headers: request.getHeaders() },
    ...{ signal, bodyTimeout: 0 },
  });
  const { statusCode } = answer;
  if (statusCode >= 200 && statusCode < 300) {
    // Whoever reads it is told; where nobody does, it is no failure of the process.
    answer.body.on("error", () => {});
    return answer.body;
  }
  throw refusal(statusCode, await answer.body.text());
}

/** A signal that aborts after so many milliseconds, unless it is switched off before. */
function limit(milliseconds: number): { signal: AbortSignal; off: () => void } {
  const over = new AbortController();
  if (milliseconds === Number.POSITIVE_INFINITY) return { signal: over.signal, off: () => {} };
  const timer = setTimeout(() => over.abort(), milliseconds);
  timer.unref();
  return { signal: over.signal, off: () => clearTimeout(timer) };
}

/** The client library opens a new connection for each request: this keeps one pool of them for all requests. */
function connectionPool() {
  let current: { dispatcher: Dispatcher; since: number } | undefined;
  return {
    use(request: Request): void {
      const fresh = request.getDispatcher();
      if (fresh === undefined) return;
      const now = performance.now();
      if (current !== undefined && now - current.since < POOL_LIFETIME) {
        request.setDispatcher(current.dispatcher);
        return;
      }
      // Requests under way on the old one are finished first, so nobody waits for this.
      void current?.dispatcher.close();
      current = { dispatcher: fresh, since: now };
    },
    async close(): Promise<void> {
      await current?.dispatcher.destroy();
    },
  };
}

function refusal(code: number, body: string): KubeError {
  try {
    const status = JSON.parse(body) as { reason?: string; message?: string } & RefusalStatus;
    const { reason = "Unknown", message = `HTTP ${code}` } = status;
    return new KubeError(code, reason, message, undefined, status);
  } catch {
    return new KubeError(code, "Unknown", `HTTP ${code}: ${body.slice(0, 200)}`);
  }
}

/** The engine's own message quotes what it could not read, which may be a Secret. */
function parsed<T>(call: Call, body: string): T {
  try {
    return (call.parse ?? JSON.parse)(body) as T;
  } catch {
    throw new KubeError(0, "Unreachable", `${call.method ?? "GET"} ${call.path}: the answer is not JSON`);
  }
}

function noAnswer(call: Call, error: unknown, timedOut: boolean): KubeError {
  if (error instanceof KubeError) return error;
  const what = `${call.method ?? "GET"} ${call.path}`;
  if (timedOut) return new KubeError(0, "Timeout", `${what}: no answer in time`, error);
  const why =
    error instanceof Error ? (error.cause instanceof Error ? error.cause : error).message : String(error);
  return new KubeError(0, "Unreachable", `${what}: ${why}`, error);
}
