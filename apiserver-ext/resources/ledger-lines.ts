/** Lines of the ledger that fit a query: by the index, and where there is none, by looking at each. */
import type { JsonObject } from "#core/admission.ts";
import {
  type Asker,
  type Found,
  fitsEntry,
  fitsTerms,
  isNarrow,
  type Query,
  type Search,
} from "#core/ledger/search.ts";
import { StatusError } from "#kit/status.ts";
import type { Line, Span, Store } from "#kit/storage.ts";

/** So many lines at once: what one reader makes us keep. */
export const PART = 500;

/** Lines that are fetched along so that those around them need no call of their own. */
const BETWEEN = 2;

export interface Looking {
  store: Store;
  search: Search;
  query: Query;
  asker: Asker;
}

/**
 * In their order, or with `newest` the last ones first; in parts, the first ones of at most `few`.
 * @throws {StatusError} ServiceUnavailable while the index is being looked through or made.
 */
export async function* fittingLines(
  looking: Looking,
  span: Span,
  { newest = false, few = PART }: { newest?: boolean; few?: number } = {},
): AsyncGenerator<readonly Line[], void, undefined> {
  const { store, search, query, asker } = looking;
  if (!isNarrow(query)) return yield* everyLine(store, span, newest);
  let { from, to } = span;
  for (let limit = Math.min(few, PART); from < to; limit = PART) {
    const found = await search.find(query, { from, end: to, limit, newest }, asker);
    if (found.outcome === "behind") throw behind(found);
    if (found.outcome === "unavailable") return yield* byLooking(looking, { from, to }, newest);
    const last = found.indexes.at(-1);
    if (last === undefined) return;
    yield await linesAt(store, found.indexes);
    if (found.indexes.length < limit) return;
    if (newest) to = last;
    else from = last + 1;
  }
}

/** Which of these lines, in their order, fit. Their words are looked at where nothing else waits for it, if that can be. */
export async function fittingOf(looking: Looking, lines: readonly Line[]): Promise<ReadonlySet<Line>> {
  const { search, query, asker } = looking;
  const [first, last] = [lines[0], lines.at(-1)];
  if (first === undefined || last === undefined) return new Set();
  if (query.terms.length > 0) {
    const end = last.index + 1;
    const window = { from: first.index, end, limit: end - first.index, newest: false };
    const found = await search.find(query, window, asker);
    if (found.outcome === "found") {
      const indexes = new Set(found.indexes);
      return new Set(lines.filter(({ index }) => indexes.has(index)));
    }
  }
  const fitting = new Set<Line>();
  for (const line of lines) if (await isFitting(looking, line)) fitting.add(line);
  return fitting;
}

async function isFitting({ store, query }: Pick<Looking, "store" | "query">, line: Line): Promise<boolean> {
  if (!isNarrow(query)) return true;
  const entry = JSON.parse(line.line) as JsonObject;
  if (!fitsEntry(query, entry)) return false;
  return query.terms.length === 0 || fitsTerms(query, entry, await store.payload(line.index));
}

async function* byLooking(looking: Looking, span: Span, newest: boolean) {
  for await (const lines of everyLine(looking.store, span, newest)) {
    if (looking.asker.signal?.aborted) return;
    const fitting: Line[] = [];
    for (const line of lines) if (await isFitting(looking, line)) fitting.push(line);
    yield fitting;
  }
}

async function* everyLine(store: Store, { from, to }: Span, newest: boolean) {
  for (let [low, high] = [from, to]; low < high; ) {
    const size = Math.min(PART, high - low);
    const lines = await store.lines(newest ? high - size : low, size);
    yield newest ? lines.toReversed() : lines;
    if (newest) high -= size;
    else low += size;
  }
}

/** Those, in that order. */
export async function linesAt(store: Store, indexes: readonly number[]): Promise<Line[]> {
  const spans: Span[] = [];
  for (const index of indexes.toSorted((one, other) => one - other)) {
    const last = spans.at(-1);
    if (last !== undefined && index <= last.to + BETWEEN) last.to = index + 1;
    else spans.push({ from: index, to: index + 1 });
  }
  const parts = await Promise.all(spans.map(({ from, to }) => store.lines(from, to - from)));
  const lines = new Map(parts.flat().map((line) => [line.index, line]));
  return indexes.flatMap((index) => lines.get(index) ?? []);
}

function behind({ entries, of }: Extract<Found, { outcome: "behind" }>): StatusError {
  const message = `the search index is not ready: ${entries} of ${of} entries are in it; records can be read without selectors`;
  return new StatusError("ServiceUnavailable", message, { retryAfterSeconds: 5 });
}
