/** Watches of a stored resource. */
import type { FeedEvent } from "./feed-event.ts";
import { bookmark, follow } from "./follow.ts";
import type { KubeObject, WatchEvent, WatchRequest } from "./resource.ts";
import { parseVersion } from "./resource-version.ts";
import type { Revision, Store } from "./storage.ts";
import { listStored } from "./stored-list.ts";
import type { Rows } from "./stored-rows.ts";

/** So many of the present objects in one batch. */
const PART = 500;

export async function* watchStored<T extends KubeObject>(
  store: Store,
  rows: Rows<T>,
  request: WatchRequest<T>,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>[], void, undefined> {
  const since = request.sendInitialEvents ? yield* presentState(store, rows, request) : sinceOf(request);
  const cursor = await rows.feed.open(since);
  try {
    yield* follow(cursor, request, signal, async (events) => {
      // A namespace may come while it is watched, or come anew as another one.
      const prefix = await rows.prefix(request.namespace);
      return events.flatMap((event) => told(event, prefix, rows, request) ?? []);
    });
  } finally {
    cursor.close();
  }
}

async function* presentState<T extends KubeObject>(
  store: Store,
  rows: Rows<T>,
  request: WatchRequest<T>,
): AsyncGenerator<WatchEvent<T>[], Revision, undefined> {
  const ask = { ...request, limit: PART };
  const first = await listStored(store, rows, { ...ask, continue: undefined });
  for (let page = first; ; page = await listStored(store, rows, { ...ask, continue: page.continue })) {
    if (page.items.length > 0) yield page.items.map((object) => ({ type: "ADDED", object }));
    if (page.continue === undefined) break;
  }
  const revision = Number(first.resourceVersion);
  if (request.bookmarks) yield [bookmark(revision, true)];
  return revision;
}

function sinceOf({ version }: WatchRequest<never>): Revision | undefined {
  return version.kind === "latest" || version.kind === "any" ? undefined : parseVersion(version.version);
}

/** Entering the selection is ADDED; leaving it is DELETED, with the last state that was in it. */
function told<T extends KubeObject>(
  event: FeedEvent<T>,
  prefix: string | undefined,
  rows: Rows<T>,
  { namespace, narrowed, accepts }: WatchRequest<T>,
): WatchEvent<T> | undefined {
  const { key, existed } = event;
  if (prefix === undefined || !key.startsWith(prefix) || !rows.counts(namespace, key)) return undefined;
  // Without a selection the state before need not be decoded to know that it was in it.
  const wasIn = existed && (!narrowed || (event.before !== undefined && accepts(event.before)));
  const { after } = event;
  if (after && accepts(after)) return { type: wasIn ? "MODIFIED" : "ADDED", object: after };
  return wasIn && event.before ? { type: "DELETED", object: event.before } : undefined;
}
