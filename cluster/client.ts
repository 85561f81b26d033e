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
  signal?: AbortSignal;
  /** Milliseconds until the whole answer must be there, 10 s by default. */
  timeout?: number;
}

export interface Client {
  /** The URL of the API server. */
  server: string;
  /**
   * The JSON of a 2xx answer. T is what the API documents for the path: declare every member that may be absent
   * as optional. Rejects with a {@link KubeError}.
   */
  request<T>(call: Call): Promise<T>;
  /** The body of a 2xx answer as it comes in; only the signal (and close) ends it. */
  stream(call: Call & { signal: AbortSignal }): Promise<ReadableStream<Uint8Array>>;
  /** Ends everything under way; later calls fail. */
  close(): Promise<void>;
}

/** A call that did not succeed. */
export class KubeError extends Error {
  /** HTTP status; 0 where there was no answer. */
  readonly code: number;
  /** `reason` of the Status object, such as NotFound; "Timeout" or "Unreachable" where there was no answer. */
  readonly reason: string;
  constructor(code: number, reason: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.reason = reason;
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

  async function send(call: Call, signal: AbortSignal): Promise<ResponseContext> {
    const method = HttpMethod[call.method ?? "GET"];
    const request = new RequestContext(`${server}${call.path}`, method);
    for (const [name, value] of Object.entries(call.query ?? {})) request.setQueryParam(name, value);
    request.setHeaderParam("Accept", "application/json");
    request.setHeaderParam("User-Agent", "hoop.dev");
    if (call.body !== undefined) {
      request.setHeaderParam("Content-Type", call.contentType ?? "application/json");
      request.setBody(JSON.stringify(call.body));
    }
    await config.applySecurityAuthentication(request);
    pool.use(request);
    request.setSignal(signal);
    const response = await transport.send(request).toPromise();
    if (response.httpStatusCode >= 200 && response.httpStatusCode < 300) return response;
    throw refusal(response.httpStatusCode, await response.body.text());
  }

  return {
    server,
    async request<T>(call: Call): Promise<T> {
      const timeout = AbortSignal.timeout(call.timeout ?? TIMEOUT);
      const signals = [closed.signal, timeout, ...(call.signal === undefined ? [] : [call.signal])];
      try {
        const response = await send(call, AbortSignal.any(signals));
        return JSON.parse(await response.body.text()) as T;
      } catch (error) {
        throw noAnswer(call, error, timeout.aborted);
      }
    },
    async stream(call) {
      try {
        const response = await send(call, AbortSignal.any([closed.signal, call.signal]));
        return response.body.stream() ?? new ReadableStream();
      } catch (error) {
        throw noAnswer(call, error, false);
      }
    },
    async close() {
      closed.abort(new Error("the client was closed"));
      await pool.close();
    },
  };
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
    const status = JSON.parse(body) as { reason?: string; message?: string };
    return new KubeError(code, status.reason ?? "Unknown", status.message ?? `HTTP ${code}`);
  } catch {
    return new KubeError(code, "Unknown", `HTTP ${code}: ${body.slice(0, 200)}`);
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
