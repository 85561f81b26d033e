/** A watch over any log of changes: batches, bookmarks, and an end in time. */
import type { WatchEvent, WatchRequest } from "./resource.ts";

/** A place in a log of changes. */
export interface Source<E> {
  /** Everything up to here has been handed out. */
  readonly revision: number;
  /** What comes next within the milliseconds; may be nothing. */
  next(within: number, signal: AbortSignal): Promise<readonly E[]>;
}

const BOOKMARK_EVERY = 60_000;
/** A last bookmark this long before the end, so that the client can go on from there. */
const BOOKMARK_BEFORE_END = 2_000;

/** Follows until the time of the request is over or the signal aborts. `told` gives what the watcher is told. */
export async function* follow<T, E>(
  source: Source<E>,
  request: WatchRequest<T>,
  signal: AbortSignal,
  told: (events: readonly E[]) => Promise<WatchEvent<T>[]> | WatchEvent<T>[],
): AsyncGenerator<WatchEvent<T>[], void, undefined> {
  const end = performance.now() + request.timeout;
  const last = end - BOOKMARK_BEFORE_END;
  const bookmarkAfter = (now: number) =>
    request.bookmarks && now < last ? Math.min(now + BOOKMARK_EVERY, last) : Number.POSITIVE_INFINITY;
  let bookmarkAt = bookmarkAfter(performance.now());
  while (!signal.aborted && performance.now() < end) {
    const found = await source.next(Math.min(end, bookmarkAt) - performance.now(), signal);
    const events = found.length === 0 ? [] : await told(found);
    if (performance.now() >= bookmarkAt && !signal.aborted) {
      bookmarkAt = bookmarkAfter(performance.now());
      events.push(bookmark(source.revision));
    }
    if (events.length > 0) yield events;
  }
}

export function bookmark(revision: number, initialEventsEnd = false) {
  return { type: "BOOKMARK", resourceVersion: String(revision), initialEventsEnd } as const;
}
