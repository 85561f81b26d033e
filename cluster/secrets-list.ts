/** A list of the cluster's Secrets, in parts as it comes in. */
import {
  type BackendList,
  type BackendQuery,
  BackendRefusal,
  type CoreSecret,
  type Detail,
  type Listed,
} from "#core/secrets/backend.ts";
import { JsonList, type Piece } from "./json-list.ts";
import { type OpenStream, refusal } from "./secrets-refusal.ts";

const ACCEPT: Readonly<Record<Detail, string>> = {
  whole: "application/json",
  // Where no Table can be had, a plain list will do.
  summary: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
};

const TOGETHER = 64 * 1024;

type Pieces = AsyncGenerator<readonly Piece[], void>;

/** `patience`: milliseconds that each part of the answer may take. */
export async function listSecrets(
  open: OpenStream,
  { path, query }: { path: string; query: BackendQuery },
  detail: Detail,
  signal: AbortSignal,
  patience: number,
): Promise<BackendList> {
  const left = new AbortController();
  const call = { path, query, headers: { Accept: ACCEPT[detail] } };
  const body = await open({ ...call, signal: AbortSignal.any([signal, left.signal]) });
  const pieces = piecesOf(body, left, patience);
  const head = new Head(detail);
  const early: unknown[] = [];
  for (let known = head.known(); ; known = head.known()) {
    if (known !== undefined) return { ...known.metadata, items: itemsOf(known.read, early, pieces) };
    const { done, value } = await pieces.next();
    if (done === true) throw unreadable();
    for (const piece of value) {
      if (piece.type === "member") head.take(piece.name, piece.value);
      else for (const element of piece.values) early.push(element);
    }
  }
}

async function* itemsOf(
  read: (element: unknown) => Listed,
  early: readonly unknown[],
  pieces: Pieces,
): AsyncGenerator<readonly Listed[]> {
  try {
    if (early.length > 0) yield early.map(read);
    for await (const some of pieces)
      for (const piece of some) if (piece.type === "elements") yield piece.values.map(read);
  } finally {
    // Also where the reader leaves before the first part.
    await pieces.return();
  }
}

/** Takes the answer apart as it comes, as fast as it is read. Leaving it ends the call. */
async function* piecesOf(
  body: AsyncIterable<Uint8Array>,
  left: AbortController,
  patience: number,
): AsyncGenerator<readonly Piece[], void> {
  const json = new JsonList(["items", "rows"]);
  try {
    for await (const bytes of together(body, patience)) {
      const pieces = json.push(bytes);
      if (pieces.length > 0) yield pieces;
    }
    json.end();
  } catch (error) {
    throw refusal(error);
  } finally {
    left.abort();
  }
}

/** Bytes come in by a few KiB; to take each few apart by themselves, and pass them on, costs more than the parsing. */
async function* together(body: AsyncIterable<Uint8Array>, patience: number): AsyncGenerator<Uint8Array> {
  const parts = body[Symbol.asyncIterator]();
  let waiting: Uint8Array[] = [];
  let size = 0;
  for (let part = await inTime(parts.next(), patience); part.done !== true; ) {
    waiting.push(part.value);
    size += part.value.length;
    if (size >= TOGETHER) {
      yield Buffer.concat(waiting);
      [waiting, size] = [[], 0];
    }
    part = await inTime(parts.next(), patience);
  }
  yield Buffer.concat(waiting);
}

async function inTime<T>(promise: Promise<T>, milliseconds: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new BackendRefusal(0, "Timeout", "the list did not go on in time"));
  }, milliseconds);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

type Metadata = Omit<BackendList, "items">;

/** What an answer says beside its items. Usually all of it comes before them. */
class Head {
  readonly #detail: Detail;
  readonly #members = new Map<string, unknown>();

  constructor(detail: Detail) {
    this.#detail = detail;
  }

  take(name: string, value: unknown): void {
    this.#members.set(name, value);
  }

  /** The metadata, and how an element becomes what is listed; undefined while more must come for that. */
  known(): { metadata: Metadata; read: (element: unknown) => Listed } | undefined {
    const kind = this.#members.get("kind");
    const metadata = this.#members.get("metadata");
    const columns = this.#members.get("columnDefinitions");
    if (kind === undefined || metadata === undefined || (kind === "Table" && columns === undefined))
      return undefined;
    const read = kind === "Table" ? rowReader(columns) : this.#detail === "whole" ? wholeItem : summary;
    return { metadata: metadataOf(metadata), read };
  }
}

/** ListMeta of meta/v1. */
function metadataOf(metadata: unknown): Metadata {
  const given = metadata as { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  const { resourceVersion = "", continue: token = "", remainingItemCount } = given;
  return {
    resourceVersion,
    ...(token === "" ? {} : { continue: token }),
    ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
  };
}

function wholeItem(item: unknown): Listed {
  const secret = item as CoreSecret;
  return { secret, keys: Object.keys(secret["data"] ?? {}).length };
}

function summary(item: unknown): Listed {
  const { secret, keys } = wholeItem(item);
  const { data: _, ...rest } = secret;
  return { secret: rest, keys };
}

/** By the columns that kube-apiserver prints of Secrets. */
function rowReader(columns: unknown): (row: unknown) => Listed {
  const names = (columns as { name: string }[]).map(({ name }) => name);
  const [type, data] = [names.indexOf("Type"), names.indexOf("Data")];
  if (type < 0 || data < 0) throw unreadable();
  return (row) => {
    const { cells, object } = row as { cells: (string | number)[]; object: { metadata: CoreSecret } };
    const secret = { metadata: object.metadata, type: cells[type] ?? "" };
    return { secret, keys: Number(cells[data]) };
  };
}

function unreadable(): BackendRefusal {
  return new BackendRefusal(0, "Unreachable", "the answer is no list of Secrets");
}
