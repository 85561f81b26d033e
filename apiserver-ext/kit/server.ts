/** A generic extension API server: declared resources in, a request handler out. */
import type { Authenticate, Authenticated } from "./authn.ts";
import { type Authorize, forbidden, isHealthPath } from "./authz.ts";
import { vouchFor } from "./connections.ts";
import { type Documents, documents, type VersionInfo } from "./documents.ts";
import { type Answer, openFrames, send, sendStatus } from "./encode.ts";
import type { ApiRequest, ApiResponse } from "./request.ts";
import { parseRequestInfo, type RequestInfo } from "./request-info.ts";
import type { AnyResource, KubeObject } from "./resource.ts";
import { type ServedResource, serveResource } from "./served.ts";
import { methodNotAllowed, noSuchResource, StatusError, statusOf } from "./status.ts";
import type { Call } from "./verbs/call.ts";
import { get } from "./verbs/get.ts";
import { list } from "./verbs/list.ts";
import { callSubresource } from "./verbs/subresource.ts";
import { type Watch, watch } from "./verbs/watch.ts";

export interface ApiOptions {
  /** Shown in the OpenAPI documents. */
  title: string;
  resources: readonly AnyResource[];
  authenticate: Authenticate;
  authorize: Authorize;
  version: VersionInfo;
  log: { error(fields: object, message: string): void };
  /** What `/readyz` asks beside whether this is closing; false: not ready. Default: ready at once. */
  ready?: () => boolean;
}

export interface ApiHandler {
  /** Never rejects. */
  (request: ApiRequest, response: ApiResponse): Promise<void>;
  /** Turns `/readyz` down, refuses new watches and ends the running ones cleanly; resolves when they have ended. */
  close(): Promise<void>;
}

export function createApi(options: ApiOptions): ApiHandler {
  const api = new Api(options);
  return Object.assign((request: ApiRequest, response: ApiResponse) => api.handle(request, response), {
    close: () => api.close(),
  });
}

class Api {
  readonly #options: ApiOptions;
  readonly #documents: Documents;
  readonly #resources: ReadonlyMap<string, ServedResource>;
  readonly #closing = new AbortController();
  readonly #watches = new Set<Promise<void>>();

  constructor(options: ApiOptions) {
    const served = options.resources.map(serveResource);
    this.#options = options;
    this.#documents = documents(options.title, options.version, served);
    this.#resources = new Map(served.map((each) => [keyOf(each.definition, each.definition.plural), each]));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#watches);
  }

  async handle(request: ApiRequest, response: ApiResponse): Promise<void> {
    try {
      const info = parseRequestInfo(request.method ?? "", request.url ?? "");
      const answer = await this.#answer(request, info);
      if ("run" in answer) await this.#watch(answer, response);
      else await send(request, response, answer);
    } catch (error) {
      if (response.destroyed || response.writableEnded) return;
      if (response.headersSent) response.destroy();
      else await sendStatus(request, response, this.#statusError(error));
    }
  }

  async #answer(request: ApiRequest, info: RequestInfo): Promise<Answer | Watch> {
    const who = await this.#authenticated(request, info);
    if (who) {
      const decision = await this.#options.authorize(who, info);
      if (!decision.allowed) throw forbidden(who, info, decision.reason);
    }
    if (isHealthPath(info.path)) return this.#health(info);
    // Without a caller there is health alone.
    if (!who) throw unauthorized();
    return info.isResource ? this.#resource(request, info, who) : this.#document(request, info);
  }

  async #authenticated(request: ApiRequest, info: RequestInfo): Promise<Authenticated | undefined> {
    const result = await this.#options.authenticate(request);
    switch (result.outcome) {
      case "authenticated":
        // Whoever comes by himself, with a token, is served, and stays a stranger: there are many of those.
        if (result.frontProxied) vouchFor(request);
        return result;
      case "refused":
        throw unauthorized();
      case "anonymous":
        if (!isHealthPath(info.path)) throw unauthorized();
        return undefined;
    }
  }

  #health({ path }: RequestInfo): Answer {
    const isReady = !this.#closing.signal.aborted && (this.#options.ready?.() ?? true);
    // Only readiness depends on anything: a restart heals nothing of it.
    const isFine = path !== "/readyz" || isReady;
    return {
      code: isFine ? 200 : 503,
      body: isFine ? "ok" : "not ready",
      contentType: "text/plain; charset=utf-8",
    };
  }

  #document(request: ApiRequest, info: RequestInfo): Answer {
    const found = this.#documents(request, info);
    if (!found) throw noSuchResource();
    if (request.method !== "GET" && request.method !== "HEAD") throw methodNotAllowed();
    return found;
  }

  async #resource(
    request: ApiRequest,
    info: RequestInfo,
    { caller }: Authenticated,
  ): Promise<Answer | Watch> {
    const served = this.#resources.get(keyOf(info, info.resource));
    if (!served || !isInScope(served, info)) throw noSuchResource();
    const call = { request, info, caller, definition: served.definition };
    if (info.subresource === "") return this.#verb(call);
    const subresource = served.subresources.get(info.subresource);
    if (!subresource || info.rest.length > 0) throw noSuchResource();
    return callSubresource(call, subresource);
  }

  async #verb(call: Call<KubeObject>): Promise<Answer | Watch> {
    switch (call.info.verb) {
      case "get":
        return get(call);
      case "list":
        return list(call);
      case "watch":
        if (this.#closing.signal.aborted) throw shuttingDown();
        return watch(call);
      default:
        throw methodNotAllowed();
    }
  }

  async #watch(started: Watch, response: ApiResponse): Promise<void> {
    const frames = openFrames(response);
    const running = started.run(frames, this.#closing.signal).catch(async (error: unknown) => {
      await frames.send("ERROR", statusOf(this.#statusError(error)));
      frames.end();
    });
    this.#watches.add(running);
    await running;
    this.#watches.delete(running);
  }

  #statusError(error: unknown): StatusError {
    if (error instanceof StatusError) return error;
    this.#options.log.error({ err: error }, "a request failed");
    return new StatusError(
      "InternalError",
      "an error on the server has prevented the request from succeeding",
    );
  }
}

function keyOf({ group, version }: { group: string; version: string }, plural: string): string {
  return `${group}/${version}/${plural}`;
}

/** Namespaced objects have one; cluster-scoped ones have none; all namespaces can only be listed and watched. */
function isInScope({ definition }: ServedResource, { namespace, verb }: RequestInfo): boolean {
  if (definition.scope === "Cluster") return namespace === "";
  return namespace !== "" || verb === "list" || verb === "watch";
}

function unauthorized(): StatusError {
  return new StatusError("Unauthorized", "Unauthorized");
}

function shuttingDown(): StatusError {
  return new StatusError("ServiceUnavailable", "the server is shutting down", { retryAfterSeconds: 1 });
}
