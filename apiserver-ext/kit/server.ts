/** A generic extension API server: declared resources in, a request handler out. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { Authenticate, Authenticated } from "./authn.ts";
import { type Authorize, forbidden } from "./authz.ts";
import { asUpgrade, connectionOf, hangUp, refusalOf, type Upgrade } from "./connect.ts";
import { vouchFor } from "./connections.ts";
import { type Documents, documents, type VersionInfo } from "./documents.ts";
import { type Answer, openFrames, send, sendStatus } from "./encode.ts";
import { describe, type Load, LongRunning, labelsOf, type RequestEvent, usersOf } from "./events.ts";
import { type Checks, health, isHealthPath } from "./health.ts";
import { impersonated } from "./impersonation.ts";
import { InFlight, LIMITS, type Limits, timeFor, withDeadline } from "./limits.ts";
import type { Namespaces } from "./namespaces.ts";
import type { ApiRequest, ApiResponse } from "./request.ts";
import { parseRequestInfo, type RequestInfo } from "./request-info.ts";
import type { AnyResource } from "./resource.ts";
import { isLongRunning, offeredVerb, type Routes, routes, type Target } from "./routes.ts";
import { breakOff } from "./send-parts.ts";
import { type ServedConnect, serveResource } from "./served.ts";
import { methodNotAllowed, methodNotSupported, noSuchResource, StatusError, statusOf } from "./status.ts";
import type { Call } from "./verbs/call.ts";
import { custom, STATUS, VERBS } from "./verbs/table.ts";
import type { Watch } from "./verbs/watch.ts";
import { Watchers } from "./watchers.ts";

export interface ApiOptions {
  /** Shown in the OpenAPI documents. */
  title: string;
  resources: readonly AnyResource[];
  authenticate: Authenticate;
  authorize: Authorize;
  namespaces: Namespaces;
  version: VersionInfo;
  log: { error(fields: object, message: string): void };
  /** What `/readyz` asks beside whether this is draining. */
  checks?: Checks;
  /** Those that differ from the usual ones. */
  limits?: Partial<Limits>;
  /** Told of each request that has ended, watches and connections too. */
  onRequest?: (event: RequestEvent) => void;
}

export interface ApiHandler {
  /** Never rejects. */
  (request: ApiRequest, response: ApiResponse): Promise<void>;
  /** For the `upgrade` event of an HTTP/1.1 server. Never rejects; the socket is closed when it resolves, or soon. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  /** How many requests run now. */
  load(): Load;
  /**
   * Turns `/readyz` down and goes on serving everything for so many milliseconds, while those who choose a server
   * notice. The first step of ending; GOAWAY and `close` are the next ones.
   */
  drain(milliseconds: number): Promise<void>;
  /** Refuses new watches and ends the running ones cleanly; resolves when they and all connections have ended. */
  close(): Promise<void>;
}

export function createApi(options: ApiOptions): ApiHandler {
  const api = new Api(options);
  return Object.assign((request: ApiRequest, response: ApiResponse) => api.handle(request, response), {
    upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => api.upgrade(request, socket, head),
    load: () => api.load(),
    drain: (milliseconds: number) => api.drain(milliseconds),
    close: () => api.close(),
  });
}

/** One request and what was found out of it so far. */
interface Exchange {
  request: ApiRequest;
  response: ApiResponse;
  upgrade: Upgrade | undefined;
  /** Whether somebody has answered a request to upgrade other than by the response. */
  hasSwitched: () => boolean;
  started: number;
  /** Aborts when its time is over or the client has gone. */
  over: AbortController;
  /** When its time is over, milliseconds since the epoch. */
  deadline?: number;
  info?: RequestInfo;
  target?: Target | undefined;
  who?: Authenticated;
}

/** A connect subresource whose caller may use it. */
interface Connecting {
  connect: () => Promise<void>;
}

/** Why the work for a response that is closed is over. Made once: with its stack it costs as much as a good part of a small request. */
const GONE = new DOMException("This operation was aborted", "AbortError");

class Api {
  readonly #options: ApiOptions;
  readonly #limits: Limits;
  readonly #documents: Documents;
  readonly #routes: Routes;
  readonly #inFlight: InFlight;
  readonly #watchers: Watchers;
  readonly #longRunning = new LongRunning();
  readonly #closing = new AbortController();
  readonly #lasting = new Set<Promise<void>>();
  #draining = false;

  constructor(options: ApiOptions) {
    const served = options.resources.map(serveResource);
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#documents = documents(options.title, options.version, served);
    this.#routes = routes(served);
    this.#inFlight = new InFlight(this.#limits);
    this.#watchers = new Watchers(this.#limits.watches);
  }

  load(): Load {
    const { reading, writing } = this.#inFlight;
    return { reading, writing, longRunning: this.#longRunning.counts };
  }

  async drain(milliseconds: number): Promise<void> {
    this.#draining = true;
    await delay(milliseconds);
  }

  async close(): Promise<void> {
    this.#draining = true;
    this.#closing.abort();
    await Promise.all(this.#lasting);
  }

  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Whose connection breaks has gone; there is nobody to tell.
    socket.on("error", () => socket.destroy());
    const response = refusalOf(request);
    if (response) await this.handle(request, response, { socket, head });
    hangUp(socket);
  }

  async handle(request: ApiRequest, response: ApiResponse, upgrade?: Upgrade): Promise<void> {
    const over = new AbortController();
    response.once("close", () => over.abort(GONE));
    const hasSwitched = upgrade ? writesTo(request.socket) : () => false;
    const exchange = { request, response, upgrade, hasSwitched, over, started: performance.now() };
    try {
      await this.#serve(exchange);
    } catch (error) {
      await this.#fail(exchange, error);
    }
    this.#tell(exchange);
  }

  async #serve(exchange: Exchange): Promise<void> {
    const { request, response, over, upgrade } = exchange;
    const asked = parseRequestInfo(request.method ?? "", request.url ?? "");
    const info = upgrade ? asUpgrade(asked) : asked;
    exchange.info = info;
    const target = this.#routes.find(info);
    exchange.target = target;
    if (upgrade && target?.subresource?.type !== "connect") throw notUpgradable();
    const time = timeFor(info, this.#limits);
    exchange.deadline = Date.now() + time;
    const answer = await withDeadline(time, over, (late) => this.#answer(exchange, info, target, late));
    if ("run" in answer) await this.#last(exchange, () => this.#watch(answer, response));
    else if ("connect" in answer) await this.#last(exchange, answer.connect);
    else await send(request, response, answer);
  }

  async #answer(
    exchange: Exchange,
    info: RequestInfo,
    target: Target | undefined,
    late: Promise<never>,
  ): Promise<Answer | Watch | Connecting> {
    const who = await this.#authenticated(exchange, info);
    if (isHealthPath(info.path)) return this.#health(info);
    // Without a caller there is health alone.
    if (!who) throw unauthorized();
    exchange.who = who;
    const authorized = async () => {
      await this.#authorized(who, info);
      if (!info.isResource) return this.#document(exchange.request, info);
      if (!target) throw this.#routes.missing(info);
      return this.#resource(exchange, info, target, who);
    };
    if (isLongRunning(target, info)) return authorized();
    const isExempt = who.caller.groups.includes("system:masters");
    // Work that never ends does not keep its place; one whose client has left does, until it ends.
    return this.#inFlight.during(info, isExempt, () => Promise.race([authorized(), late]));
  }

  async #authorized(who: Authenticated, info: RequestInfo): Promise<void> {
    const decision = await this.#options.authorize(who, info);
    if (!decision.allowed) throw forbidden(who, info, decision.reason);
  }

  async #authenticated({ request }: Exchange, info: RequestInfo): Promise<Authenticated | undefined> {
    const result = await this.#options.authenticate(request);
    switch (result.outcome) {
      case "authenticated":
        // Whoever comes by himself, with a token, is served, and stays a stranger: there are many of those.
        if (result.frontProxied) vouchFor(request);
        return impersonated(result, request, this.#options.authorize);
      case "refused":
        throw unauthorized();
      case "anonymous":
        if (!isHealthPath(info.path)) throw unauthorized();
        return undefined;
    }
  }

  #health({ path, query }: RequestInfo): Answer {
    // Only readiness depends on anything: a restart heals nothing of it.
    const checks = path === "/readyz" ? { ...this.#options.checks, shutdown: () => !this.#draining } : {};
    return health(path, query, checks);
  }

  #document(request: ApiRequest, info: RequestInfo): Answer {
    const found = this.#documents(request, info);
    if (!found) throw noSuchResource();
    if (request.method !== "GET" && request.method !== "HEAD") throw methodNotAllowed();
    return found;
  }

  async #resource(
    exchange: Exchange,
    info: RequestInfo,
    target: Target,
    who: Authenticated,
  ): Promise<Answer | Watch | Connecting> {
    const { served, subresource } = target;
    const { caller } = who;
    const { definition } = served;
    const { request, over, deadline = Infinity } = exchange;
    const { namespaces } = this.#options;
    const { signal } = over;
    const mayAlso = (verb: string) => this.#authorized(who, { ...info, verb });
    const call: Call = { request, info, caller, definition, served, namespaces, signal, deadline, mayAlso };
    if (!subresource) return this.#verb(call, target);
    if (!subresource.verbs.has(info.verb)) throw methodNotSupported(definition, info.verb);
    switch (subresource.type) {
      case "status":
        return statusHandler(call)(call);
      case "custom":
        return custom(call, subresource);
      case "connect":
        return { connect: () => this.#connect(exchange, call, subresource) };
    }
  }

  async #verb(call: Call, target: Target): Promise<Answer | Watch> {
    const verb = offeredVerb(target, call.info);
    const handler = VERBS[verb];
    if (!handler) throw methodNotSupported(call.definition, verb);
    if (verb === "watch" && this.#closing.signal.aborted) throw shuttingDown();
    const answer = await handler(call);
    return "run" in answer ? this.#watchers.counted(call.caller.username, answer) : answer;
  }

  async #watch(started: Watch, response: ApiResponse): Promise<void> {
    const frames = openFrames(response);
    try {
      await started.run(frames, this.#closing.signal);
    } catch (error) {
      await frames.send([{ type: "ERROR", object: statusOf(this.#statusError(error)) }]);
      frames.end();
    }
  }

  async #connect(exchange: Exchange, { info, caller }: Call, { subresource }: ServedConnect): Promise<void> {
    const { request, response, upgrade, over } = exchange;
    if (this.#closing.signal.aborted) throw shuttingDown();
    const closing = AbortSignal.any([this.#closing.signal, over.signal]);
    await subresource.connect(connectionOf({ request, response, upgrade, info, caller, closing }));
    if (!upgrade && !response.writableEnded) response.end();
  }

  /** Runs without a deadline, and is waited for when this closes. */
  async #last(exchange: Exchange, run: () => Promise<void>): Promise<void> {
    const end = this.#longRunning.begin(labelsOf(exchange.info, servedAs(exchange)));
    const running = run();
    const settled = running.catch(() => {});
    this.#lasting.add(settled);
    try {
      await running;
    } finally {
      this.#lasting.delete(settled);
      end();
    }
  }

  async #fail({ request, response, hasSwitched }: Exchange, error: unknown): Promise<void> {
    // Breaking off is what clients do, and no failure of ours.
    if (response.destroyed || response.writableEnded) return;
    const status = this.#statusError(error);
    // What has begun cannot become an error; breaking it off tells that it is not whole.
    if (response.headersSent || hasSwitched()) breakOff(response);
    else await sendStatus(request, response, status).catch(() => response.destroy());
  }

  #statusError(error: unknown): StatusError {
    if (error instanceof StatusError) return error;
    this.#options.log.error({ err: error }, "a request failed");
    return new StatusError(
      "InternalError",
      "an error on the server has prevented the request from succeeding",
    );
  }

  #tell(exchange: Exchange): void {
    const { request, info, started, who } = exchange;
    const code = codeOf(exchange);
    try {
      this.#options.onRequest?.({
        ...labelsOf(info, servedAs(exchange)),
        ...describe(request),
        ...usersOf(who?.caller, who?.impersonator),
        code,
        seconds: (performance.now() - started) / 1000,
      });
    } catch (error) {
      this.#options.log.error({ err: error }, "a request could not be told of");
    }
  }
}

function statusHandler({ info, definition }: Call) {
  const handler = STATUS[info.verb];
  if (!handler) throw methodNotSupported(definition, info.verb);
  return handler;
}

function servedAs({ target }: Exchange): "no" | "verb" | "connection" {
  if (!target) return "no";
  return target.subresource?.type === "connect" ? "connection" : "verb";
}

/** Whether anything is written to the socket from now on. A connection may have carried other answers before. */
function writesTo(socket: Pick<Socket, "bytesWritten">): () => boolean {
  const before = socket.bytesWritten;
  return () => socket.bytesWritten > before;
}

/** 0 where nothing was answered. */
function codeOf({ response, hasSwitched }: Exchange): number {
  if (response.headersSent) return response.statusCode;
  return hasSwitched() ? 101 : 0;
}

function notUpgradable(): StatusError {
  return new StatusError("BadRequest", "the connection cannot be upgraded for this");
}

function unauthorized(): StatusError {
  return new StatusError("Unauthorized", "Unauthorized");
}

function shuttingDown(): StatusError {
  return new StatusError("ServiceUnavailable", "the server is shutting down", { retryAfterSeconds: 1 });
}
