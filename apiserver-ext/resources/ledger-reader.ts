/** Reads of the ledger: one object a line, named by its index. Lines are only added, so every earlier list can be told. */
import { type Asker, isNarrow, type Query, type Search } from "#core/ledger/search.ts";
import { bookmark, follow, type Source } from "#kit/follow.ts";
import type {
  KubeObject,
  ListPage,
  ListRequest,
  PageRequest,
  Selection,
  WatchEvent,
  WatchRequest,
  WholeReader,
} from "#kit/resource.ts";
import { encodeToken, parseVersion, reached, tokenOf, tooLarge } from "#kit/resource-version.ts";
import { Sleepers } from "#kit/sleepers.ts";
import type { Line, Revision, Span, Store } from "#kit/storage.ts";
import { fittingLines, fittingOf, PART } from "./ledger-lines.ts";
import { Searches } from "./searches.ts";

/** How more can be selected by than the kit knows. */
export interface Selecting {
  search: Search;
  /** What a request asks for. Throws StatusError BadRequest for what cannot be asked. */
  query(selection: Selection<never>): LinesQuery;
}

export interface LinesQuery extends Query {
  /** The one line that it can be. */
  index?: number;
  /** Only so many, the last ones. */
  newest?: number;
}

/** What a request is answered from. */
interface From<T> {
  store: Store;
  decode: (line: Line) => T;
  search: Search;
  query: LinesQuery;
  asker: Asker;
}

const EVERYTHING: Selecting = {
  search: { find: async () => ({ outcome: "unavailable" }) },
  query: () => ({ conditions: [], terms: [] }),
};

export function ledgerReader<T extends KubeObject>(
  store: Store,
  decode: (line: Line) => T,
  { search, query }: Selecting = EVERYTHING,
): WholeReader<T> {
  const from = (selection: Selection<T>, signal?: AbortSignal): From<T> => ({
    ...{ store, decode, search, query: query(selection) },
    asker: { name: selection.caller.username, ...(signal && { signal }) },
  });
  const searches = new Searches();
  return {
    async get(namespace, name, version) {
      const index = indexOf(name);
      const [line] = index === undefined ? [] : await store.lines(index, 1);
      await reached(store, version);
      if (line === undefined || line.index !== index) return undefined;
      const object = decode(line);
      return isIn(namespace, object) ? object : undefined;
    },
    async list(request: PageRequest<T> & Partial<Pick<ListRequest<T>, "signal">>) {
      const source = from(request, request.signal);
      const list = () => listLines(source, request);
      return isNarrow(source.query) ? searches.during(source.asker.name, list) : list();
    },
    watch: (request, signal) => watchLines(from(request, signal), request, signal),
  };
}

function indexOf(name: string): number | undefined {
  return /^(0|[1-9]\d{0,14})$/.test(name) ? Number(name) : undefined;
}

function isIn(namespace: string, { metadata }: KubeObject): boolean {
  return namespace === "" || metadata.namespace === namespace;
}

function isSelected<T extends KubeObject>({ namespace, accepts }: Selection<T>, object: T): boolean {
  return isIn(namespace, object) && accepts(object);
}

async function listLines<T extends KubeObject>(
  source: From<T>,
  request: PageRequest<T>,
): Promise<ListPage<T>> {
  const { store } = source;
  const { revision, from } = await placeOf(store, request);
  const end = await store.firstLineAfter(revision);
  const span = await spanOf(source, request, { from, to: end });
  const { items, next } = await pageOf(source, request, span);
  const left = next < span.to ? end - next : 0;
  const isCountable = !request.narrowed && request.namespace === "";
  return {
    items,
    resourceVersion: String(revision),
    ...(left > 0 ? { continue: encodeToken({ revision, start: String(next - 1) }) } : {}),
    ...(left > 0 && isCountable ? { remainingItemCount: left } : {}),
  };
}

/** Where the selected lines are. */
async function spanOf<T extends KubeObject>(
  source: From<T>,
  request: PageRequest<T>,
  { from, to }: Span,
): Promise<Span> {
  const { index, newest } = source.query;
  const span =
    index === undefined ? { from, to } : { from: Math.max(from, index), to: Math.min(to, index + 1) };
  if (newest === undefined || request.continue !== undefined) return span;
  let left = newest;
  for await (const lines of fittingLines(source, span, { newest: true, few: newest }))
    for (const line of lines) {
      if (!isSelected(request, source.decode(line))) continue;
      left -= 1;
      if (left === 0) return { ...span, from: line.index };
    }
  return span;
}

/** The selected records of a span, and the line that the next page begins with: its end where there is none. */
async function pageOf<T extends KubeObject>(
  source: From<T>,
  request: PageRequest<T>,
  span: Span,
): Promise<{ items: T[]; next: number }> {
  const { limit, guarded } = request;
  const items: T[] = [];
  const few = limit === undefined ? {} : { few: limit + 1 };
  for await (const lines of fittingLines(source, span, few)) {
    for (const line of lines) {
      // Where something may be hidden, only another record that is not may say that there is a next page.
      if (items.length === limit && !guarded) return { items, next: line.index };
      const object = source.decode(line);
      const isOne = isSelected(request, object);
      if (isOne && items.length === limit) return { items, next: line.index };
      if (isOne) items.push(object);
    }
  }
  return { items, next: span.to };
}

/** Which lines a list is of: those up to a revision, from an index on. */
async function placeOf(
  store: Store,
  request: PageRequest<never>,
): Promise<{ revision: Revision; from: number }> {
  const token = tokenOf(request);
  const { version } = request;
  const newest = await reached(store, version);
  if (!token) return { revision: version.kind === "exact" ? parseVersion(version.version) : newest, from: 0 };
  const { revision = newest, start } = token;
  if (revision > newest) throw tooLarge(revision, newest);
  return { revision, from: (indexOf(start) ?? -1) + 1 };
}

async function* watchLines<T extends KubeObject>(
  source: From<T>,
  request: WatchRequest<T>,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>[], void, undefined> {
  const { store, decode, query } = source;
  const newest = await reached(store, request.version);
  let since = newest;
  if (request.sendInitialEvents) since = yield* present(source, request);
  else if (request.version.kind === "notOlderThan") since = parseVersion(request.version.version);
  const tail = new LedgerTail(store, since, await store.firstLineAfter(since));
  try {
    yield* follow(tail, request, signal, async (lines) => {
      const selected = lines
        .map((line) => ({ line, object: decode(line) }))
        .filter(
          ({ line, object }) => isSelected(request, object) && (query.index ?? line.index) === line.index,
        );
      const fitting = await fittingOf(
        source,
        selected.map(({ line }) => line),
      );
      return selected
        .filter(({ line }) => fitting.has(line))
        .map(({ object }): WatchEvent<T> => ({ type: "ADDED", object }));
    });
  } finally {
    tail.close();
  }
}

async function* present<T extends KubeObject>(
  source: From<T>,
  request: WatchRequest<T>,
): AsyncGenerator<WatchEvent<T>[], Revision, undefined> {
  let page: ListPage<T> | undefined;
  do {
    page = await listLines(source, { ...request, limit: PART, continue: page?.continue });
    if (page.items.length > 0) yield page.items.map((object) => ({ type: "ADDED", object }));
  } while (page.continue !== undefined);
  const revision = Number(page.resourceVersion);
  if (request.bookmarks) yield [bookmark(revision, true)];
  return revision;
}

/** The lines after a revision, as they come. */
class LedgerTail implements Source<Line> {
  revision: Revision;
  readonly close: () => void;
  readonly #store: Store;
  readonly #sleepers = new Sleepers();
  #next: number;
  #isTold = false;

  constructor(store: Store, since: Revision, next: number) {
    this.#store = store;
    this.revision = since;
    this.#next = next;
    this.close = store.onCommit(() => {
      this.#isTold = true;
      this.#sleepers.wake();
    });
  }

  async next(within: number, signal: AbortSignal): Promise<readonly Line[]> {
    const lines = await this.#take();
    if (lines.length > 0) return lines;
    if (!this.#isTold) await this.#sleepers.sleep(within, signal);
    return this.#take();
  }

  async #take(): Promise<readonly Line[]> {
    this.#isTold = false;
    // Before the lines are read, so that none of this revision is still to come.
    const revision = await this.#store.revision();
    const lines = await this.#store.lines(this.#next, PART);
    const last = lines.at(-1);
    if (last !== undefined) this.#next = last.index + 1;
    // A full part may end within a revision.
    const isWhole = last === undefined || lines.length < PART;
    this.revision = Math.max(this.revision, isWhole ? revision : last.revision - 1);
    return lines;
  }
}
