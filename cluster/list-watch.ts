/**
 * A collection of Kubernetes objects, followed as it changes: list, watch from there, again and again. What keeps it
 * from stopping unnoticed: every watch is bounded in time on both sides, and every end leads to the next one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#core/ports.ts";
import { type Client, isNotFound, KubeError } from "./client.ts";

/** What of an object the loop itself reads. */
export interface Listed {
  metadata: { name: string; uid: string; resourceVersion: string };
}

export interface Followed<T extends Listed> {
  /** Path of the collection. */
  path: string;
  /** Only objects that match, such as `metadata.name=x`. */
  fieldSelector?: string;
  /**
   * The path of the CustomResourceDefinition of a kind that need not be there: without it there are no objects. That the
   * API server does not serve the kind says nothing: it may not have come so far.
   */
  definition?: string;
  /** Only the metadata of objects is asked for. */
  metadataOnly?: boolean;
  /** In place of JSON.parse, which rounds large integers. */
  parse?: (text: string) => unknown;
  /** A list comes in parts of so many objects; left out, it comes whole. */
  page?: number;
  /** Everything there is, at first and whenever the thread was lost. */
  replace(objects: T[]): void;
  put(object: T): void;
  remove(object: T): void;
  /** Each time the thread is lost; it is taken up again all the same. */
  lost?(error: unknown): void;
  /** Each time a watch that was live is so no more, for whatever reason. */
  ended?(): void;
}

export interface Following {
  /** Resolves when the first list is in. Never rejects; stays open when stopped before. */
  ready(): Promise<void>;
  /** Whether changes are coming in right now. Where not, what is known may be old. */
  live(): boolean;
  stop(): Promise<void>;
}

const WATCH_SECONDS = 60;
/** The API server ends a watch itself; one that is still there this long after is dead. */
const GRACE_SECONDS = 10;
/** A watch that ends sooner than this counts as a failure, lest a server that is going down is asked in a busy loop. */
const TOO_SHORT = 1000;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 15_000;
/** A resourceVersion that keeps failing (a restored etcd, for one) is given up for a new list. */
const FAILURES_BEFORE_LIST = 3;

export function follow<T extends Listed>(client: Client, followed: Followed<T>, log: Log): Following {
  const stopped = new AbortController();
  const ready = Promise.withResolvers<void>();
  let live = false;

  let since: string | undefined;
  let failures = 0;

  /** One watch, after a list where there is nothing to go on from. */
  async function round(): Promise<void> {
    if (since === undefined) {
      since = await listed(client, followed, stopped.signal);
      ready.resolve();
    }
    if (since === undefined) return pause(FAILURES_BEFORE_LIST, stopped.signal);
    const started = performance.now();
    const connected = () => {
      live = true;
    };
    for await (const event of watch(client, followed, since, stopped.signal, connected)) {
      since = event.object.metadata.resourceVersion;
      failures = 0;
      apply(followed, event);
    }
    if (performance.now() - started < TOO_SHORT) throw new Error("the watch ended at once");
    failures = 0;
  }

  async function recover(error: unknown): Promise<void> {
    if (stopped.signal.aborted) return;
    followed.lost?.(error);
    failures++;
    if (isGone(error) || failures >= FAILURES_BEFORE_LIST) since = undefined;
    // What this API server does not serve it may serve after an upgrade; to say so once is enough.
    if (failures === 1 || !isNotFound(error))
      log.warn({ path: followed.path, failures, error: String(error) }, "watch lost, starting it again");
    await pause(failures, stopped.signal);
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        await round();
        down();
      } catch (error) {
        down();
        await recover(error);
      }
    }
  }

  function down(): void {
    if (live) followed.ended?.();
    live = false;
  }

  const running = run();
  return {
    ready: () => ready.promise,
    live: () => live,
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

async function pause(failures: number, signal: AbortSignal): Promise<void> {
  const milliseconds = Math.min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE);
  // Rejects only when the signal aborts, which the loop sees by itself.
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}

/** The version of the list; undefined: there is no such kind. */
async function listed<T extends Listed>(
  client: Client,
  followed: Followed<T>,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return await list(client, followed, signal);
  } catch (error) {
    if (followed.definition === undefined || !isNotFound(error)) throw error;
    if (await isThere(client, followed.definition, signal)) throw error;
    followed.replace([]);
    return undefined;
  }
}

async function isThere(client: Client, path: string, signal: AbortSignal): Promise<boolean> {
  try {
    await client.request({ path, signal });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

interface List<T> {
  metadata: { resourceVersion: string; continue?: string };
  items?: T[];
}

async function list<T extends Listed>(
  client: Client,
  followed: Followed<T>,
  signal: AbortSignal,
): Promise<string> {
  const query = selector(followed);
  const headers = accepted(followed, "PartialObjectMetadataList");
  const { parse = JSON.parse, page } = followed;
  const limit = page === undefined ? {} : { limit: String(page) };
  const all: T[] = [];
  let rest = "";
  for (;;) {
    const part = { ...query, ...limit, ...(rest === "" ? {} : { continue: rest }) };
    const call = { path: followed.path, query: part, headers, signal, parse };
    const { metadata, items } = await client.request<List<T>>(call);
    all.push(...(items ?? []));
    rest = metadata.continue ?? "";
    if (rest !== "") continue;
    followed.replace(all);
    return metadata.resourceVersion;
  }
}

type Event<T> = { type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK"; object: T };
type Line<T> = Event<T> | { type: "ERROR"; object: { code?: number; reason?: string; message?: string } };

/** The events of one watch; returns when the API server ends it, throws when it breaks. */
async function* watch<T extends Listed>(
  client: Client,
  followed: Followed<T>,
  since: string,
  stop: AbortSignal,
  connected: () => void,
): AsyncGenerator<Event<T>> {
  const overdue = AbortSignal.timeout((WATCH_SECONDS + GRACE_SECONDS) * 1000);
  const body = await client.stream({
    path: followed.path,
    headers: accepted(followed, "PartialObjectMetadata"),
    query: {
      ...selector(followed),
      watch: "true",
      resourceVersion: since,
      allowWatchBookmarks: "true",
      timeoutSeconds: String(WATCH_SECONDS),
    },
    signal: AbortSignal.any([stop, overdue]),
  });
  connected();
  for await (const text of lines(body)) {
    const line = (followed.parse ?? JSON.parse)(text) as Line<T>;
    if (line.type === "ERROR") {
      const { code = 500, reason = "Unknown", message = "the watch failed" } = line.object;
      throw new KubeError(code, reason, message);
    }
    yield line;
  }
}

async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((part) => part !== "");
  }
}

function apply<T extends Listed>(followed: Followed<T>, event: Event<T>): void {
  if (event.type === "BOOKMARK") return;
  if (event.type === "DELETED") followed.remove(event.object);
  else followed.put(event.object);
}

function isGone(error: unknown): boolean {
  return error instanceof KubeError && error.code === 410;
}

function accepted({ metadataOnly = false }: { metadataOnly?: boolean }, as: string): Record<string, string> {
  return metadataOnly ? { Accept: `application/json;as=${as};g=meta.k8s.io;v=v1` } : {};
}

function selector(followed: { fieldSelector?: string }): Record<string, string> {
  return followed.fieldSelector === undefined ? {} : { fieldSelector: followed.fieldSelector };
}
