/** Reads of Secrets, each masked as it comes in: nothing behind this has a value. */
import type {
  BackendEvent,
  BackendQuery,
  CoreSecret,
  Listed,
  SecretsBackend,
} from "#core/secrets/backend.ts";
import type { ViewOptions } from "#core/secrets/view.ts";
import type {
  ListRequest,
  Reader,
  Selection,
  VersionMatch,
  WatchEvent,
  WatchRequest,
} from "#kit/resource.ts";
import { parseVersion } from "#kit/resource-version.ts";
import { type SecureSecret, secureSecret, wholeSecret } from "./object.ts";
import { readRefused, told } from "./refusals.ts";

type View = (listed: Listed) => SecureSecret;

/** @param guarded the namespace whose Secrets some callers do not see: it is left out of their lists from the start. */
export function secretsReader(
  backend: SecretsBackend,
  options: ViewOptions,
  guarded: string,
): Reader<SecureSecret> {
  const view: View = (listed) => secureSecret(listed, options);
  // Many watches are told of the same Secret; what they see of it is made once.
  const views = new WeakMap<CoreSecret, SecureSecret>();
  const seen = (secret: CoreSecret): SecureSecret => {
    const known = views.get(secret) ?? wholeSecret(secret, options);
    views.set(secret, known);
    return known;
  };
  return {
    async get(namespace, name, version) {
      if (version.kind === "notOlderThan") parseVersion(version.version);
      const signal = new AbortController().signal;
      const secret = await told(backend.get(namespace, name, versionOf(version), signal));
      return secret && wholeSecret(secret, options);
    },
    async list(request) {
      const { detail = "whole", signal } = request;
      const page = await told(backend.list(request.namespace, listQuery(request, guarded), detail, signal));
      const { items, remainingItemCount, ...place } = page;
      const isTold = remainingItemCount !== undefined && !request.guarded;
      return {
        ...place,
        ...(isTold ? { remainingItemCount } : {}),
        items: viewed(items, request, view),
      };
    },
    watch: (request, signal) => watched(backend, request, watchQuery(request, guarded), signal, seen),
  };
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
  query: BackendQuery,
  signal: AbortSignal,
  seen: (secret: CoreSecret) => SecureSecret,
): AsyncGenerator<readonly WatchEvent<SecureSecret>[]> {
  try {
    for await (const events of backend.watch(request.namespace, query, signal))
      yield events.flatMap((event) => eventOf(event, request, seen));
  } catch (error) {
    if (!signal.aborted) throw readRefused(error);
  }
}

function eventOf(
  event: BackendEvent,
  { accepts }: Selection<SecureSecret>,
  seen: (secret: CoreSecret) => SecureSecret,
): WatchEvent<SecureSecret>[] {
  if (event.type === "BOOKMARK") return [event];
  const { type, secret } = event;
  const object = seen(secret);
  return accepts(object) ? [{ type, object }] : [];
}

/** A continue token names an object, and how many pages there are tells how many. */
function selectors(request: Selection<SecureSecret>, guarded: string): BackendQuery {
  const { namespace, labelSelector } = request;
  const hidden = request.guarded && namespace === "" ? [`metadata.namespace!=${guarded}`] : [];
  const fields = [request.fieldSelector, ...hidden].filter((term) => term !== "");
  return {
    ...(labelSelector === "" ? {} : { labelSelector }),
    ...(fields.length === 0 ? {} : { fieldSelector: fields.join(",") }),
  };
}

function versionOf(version: VersionMatch): string {
  return version.kind === "latest" ? "" : version.kind === "any" ? "0" : version.version;
}

function listQuery(request: ListRequest<SecureSecret>, guarded: string): BackendQuery {
  const { limit, continue: token, version } = request;
  const at = versionOf(version);
  return {
    ...selectors(request, guarded),
    ...(limit === undefined ? {} : { limit: String(limit) }),
    ...(token === undefined ? {} : { continue: token }),
    ...(at === "" ? {} : { resourceVersion: at }),
    ...(version.kind === "exact" ? { resourceVersionMatch: "Exact" } : {}),
    ...(version.kind === "notOlderThan" ? { resourceVersionMatch: "NotOlderThan" } : {}),
  };
}

function watchQuery(request: WatchRequest<SecureSecret>, guarded: string): BackendQuery {
  const { version, sendInitialEvents, bookmarks, timeout } = request;
  const at = versionOf(version);
  return {
    ...selectors(request, guarded),
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
