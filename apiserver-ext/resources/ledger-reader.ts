/** Reads of the ledger: one object a line, named by its index. Lines are only added, so every earlier list can be told. */
import { bookmark, follow, type Source } from "#kit/follow.ts";
import type {
  KubeObject,
  ListPage,
  PageRequest,
  Selection,
  WatchEvent,
  WatchRequest,
  WholeReader,
} from "#kit/resource.ts";
import { encodeToken, parseVersion, reached, tokenOf, tooLarge } from "#kit/resource-version.ts";
import { Sleepers } from "#kit/sleepers.ts";
import type { Line, Revision, Store } from "#kit/storage.ts";

/** So many lines at once: what one reader makes us keep. */
const PART = 500;

export function ledgerReader<T extends KubeObject>(store: Store, decode: (line: Line) => T): WholeReader<T> {
  return {
    async get(namespace, name, version) {
      const index = indexOf(name);
      const [line] = index === undefined ? [] : await store.lines(index, 1);
      await reached(store, version);
      if (line === undefined || line.index !== index) return undefined;
      const object = decode(line);
      return isIn(namespace, object) ? object : undefined;
    },
    list: (request) => listLines(store, decode, request),
    watch: (request, signal) => watchLines(store, decode, request, signal),
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
  store: Store,
  decode: (line: Line) => T,
  request: PageRequest<T>,
): Promise<ListPage<T>> {
  const { revision, from } = await placeOf(store, request);
  const end = await store.firstLineAfter(revision);
  const { items, next } = await pageOf(store, decode, request, { from, end });
  const left = end - next;
  const isCountable = !request.narrowed && request.namespace === "";
  return {
    items,
    resourceVersion: String(revision),
    ...(left > 0 ? { continue: encodeToken({ revision, start: String(next - 1) }) } : {}),
    ...(left > 0 && isCountable ? { remainingItemCount: left } : {}),
  };
}

/** The selected records from a line on, and the line that the next page begins with: `end` where there is none. */
async function pageOf<T extends KubeObject>(
  store: Store,
  decode: (line: Line) => T,
  request: PageRequest<T>,
  { from, end }: { from: number; end: number },
): Promise<{ items: T[]; next: number }> {
  const { limit, guarded } = request;
  const items: T[] = [];
  for (let next = from; next < end; ) {
    for (const line of await store.lines(next, Math.min(PART, end - next))) {
      // Where something may be hidden, only another record that is not may say that there is a next page.
      if (items.length === limit && !guarded) return { items, next };
      const object = decode(line);
      const isOne = isSelected(request, object);
      if (isOne && items.length === limit) return { items, next: line.index };
      if (isOne) items.push(object);
      next = line.index + 1;
    }
  }
  return { items, next: end };
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
  store: Store,
  decode: (line: Line) => T,
  request: WatchRequest<T>,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>[], void, undefined> {
  const newest = await reached(store, request.version);
  let since = newest;
  if (request.sendInitialEvents) since = yield* present(store, decode, request);
  else if (request.version.kind === "notOlderThan") since = parseVersion(request.version.version);
  const tail = new LedgerTail(store, since, await store.firstLineAfter(since));
  try {
    yield* follow(tail, request, signal, (lines) =>
      lines.map(decode).flatMap((object) => (isSelected(request, object) ? { type: "ADDED", object } : [])),
    );
  } finally {
    tail.close();
  }
}

async function* present<T extends KubeObject>(
  store: Store,
  decode: (line: Line) => T,
  request: WatchRequest<T>,
): AsyncGenerator<WatchEvent<T>[], Revision, undefined> {
  let page: ListPage<T> | undefined;
  do {
    page = await listLines(store, decode, { ...request, limit: PART, continue: page?.continue });
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
