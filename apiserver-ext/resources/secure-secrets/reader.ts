/** Reads of Secrets, each masked as it comes in: nothing behind this has a value. */
import type { BackendEvent, BackendQuery, Listed, SecretsBackend } from "#core/secrets/backend.ts";
import { type ViewOptions, valuesOf } from "#core/secrets/view.ts";
import type {
  ListRequest,
  Reader,
  Selection,
  VersionMatch,
  WatchEvent,
  WatchRequest,
} from "#kit/resource.ts";
import { parseVersion } from "#kit/resource-version.ts";
import { type SecureSecret, secureSecret } from "./object.ts";
import { readRefused } from "./refusals.ts";

type View = (listed: Listed) => SecureSecret;

export function secretsReader(backend: SecretsBackend, options: ViewOptions): Reader<SecureSecret> {
  const view: View = (listed) => secureSecret(listed, options);
  return {
    async get(namespace, name, version) {
      if (version.kind === "notOlderThan") parseVersion(version.version);
      const signal = new AbortController().signal;
      const secret = await told(backend.get(namespace, name, versionOf(version), signal));
      return secret && view({ secret, keys: valuesOf(secret).length });
    },
    async list(request) {
      const { detail = "whole", signal } = request;
      const page = await told(backend.list(request.namespace, listQuery(request), detail, signal));
      const { items, remainingItemCount, ...place } = page;
      const isTold = remainingItemCount !== undefined && !request.guarded;
      return {
        ...place,
        ...(isTold ? { remainingItemCount } : {}),
        items: viewed(items, request, view),
      };
    },
    watch: (request, signal) => watched(backend, request, signal, view),
  };
}

async function told<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw readRefused(error);
  }
}

async function* viewed(
  parts: AsyncIterable<readonly Listed[]>,
  { accepts }: Selection<SecureSecret>,
  view: View,
): AsyncGenerator<readonly SecureSecret[]> {
  try {
    for await (const part of parts) yield part.map(view).filter(accepts);
  } catch (error) {
    throw readRefused(error);
  }
}

async function* watched(
  backend: SecretsBackend,
  request: WatchRequest<SecureSecret>,
  signal: AbortSignal,
  view: View,
): AsyncGenerator<readonly WatchEvent<SecureSecret>[]> {
  try {
    for await (const events of backend.watch(request.namespace, watchQuery(request), signal))
      yield events.flatMap((event) => eventOf(event, request, view));
  } catch (error) {
    if (!signal.aborted) throw readRefused(error);
  }
}

function eventOf(
  event: BackendEvent,
  { accepts }: Selection<SecureSecret>,
  view: View,
): WatchEvent<SecureSecret>[] {
  if (event.type === "BOOKMARK") return [event];
  const { type, secret } = event;
  const object = view({ secret, keys: valuesOf(secret).length });
  return accepts(object) ? [{ type, object }] : [];
}

function selectors({ labelSelector, fieldSelector }: Selection<SecureSecret>): BackendQuery {
  return {
    ...(labelSelector === "" ? {} : { labelSelector }),
    ...(fieldSelector === "" ? {} : { fieldSelector }),
  };
}

function versionOf(version: VersionMatch): string {
  return version.kind === "latest" ? "" : version.kind === "any" ? "0" : version.version;
}

function listQuery(request: ListRequest<SecureSecret>): BackendQuery {
  const { limit, continue: token, version } = request;
  const at = versionOf(version);
  return {
    ...selectors(request),
    ...(limit === undefined ? {} : { limit: String(limit) }),
    ...(token === undefined ? {} : { continue: token }),
    ...(at === "" ? {} : { resourceVersion: at }),
    ...(version.kind === "exact" ? { resourceVersionMatch: "Exact" } : {}),
    ...(version.kind === "notOlderThan" ? { resourceVersionMatch: "NotOlderThan" } : {}),
  };
}

function watchQuery(request: WatchRequest<SecureSecret>): BackendQuery {
  const { version, sendInitialEvents, bookmarks, timeout } = request;
  const at = versionOf(version);
  return {
    ...selectors(request),
    watch: "true",
    timeoutSeconds: String(Math.ceil(timeout / 1000)),
    ...(at === "" ? {} : { resourceVersion: at }),
    ...(bookmarks ? { allowWatchBookmarks: "true" } : {}),
    // Without bookmarks a watch from anywhere begins with what is there by itself.
    ...(sendInitialEvents && bookmarks
      ? { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan" }
      : {}),
  };
}
