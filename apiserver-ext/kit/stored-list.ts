/** Lists of a stored resource: whole or in pages of one snapshot. */

import { type FieldRequirement, fieldRequirements } from "./field-selectors.ts";
import type { KubeObject, ListPage, PageRequest } from "./resource.ts";
import {
  encodeToken,
  expiredList,
  expiredToken,
  parseVersion,
  reached,
  tokenOf,
  tooLarge,
} from "./resource-version.ts";
import type { ListOutcome, Revision, Store } from "./storage.ts";
import type { Rows } from "./stored-rows.ts";

/** Where few rows are selected, so many of them are read at once at most. */
const LARGEST_PART = 10_000;

type Part = Extract<ListOutcome, { outcome: "ok" }>;

/** Where a part begins: after a key (relative to the prefix), in the state of a revision or the newest. */
interface Place {
  at: Revision | undefined;
  after: string;
}

/** With its key, relative to the prefix. */
interface Found<T> {
  object: T;
  key: string;
}

export async function listStored<T extends KubeObject>(
  store: Store,
  rows: Rows<T>,
  request: PageRequest<T>,
): Promise<ListPage<T>> {
  const { namespace } = request;
  const name = onlyName(request);
  if (name !== undefined && rows.isOnePlace(namespace)) return listOne(store, rows, request, name);
  const prefix = await rows.prefix(namespace);
  // A namespace that is not there has an empty list, of the same revisions as any other.
  if (prefix === undefined) {
    return { items: [], resourceVersion: String(await reached(store, request.version)) };
  }
  const { items, left, place } = await pageOf(store, rows, prefix, request);
  if (!rows.isByName && namespace === "") items.sort(byNamespaceAndName);
  const isCountable = !request.narrowed && !rows.isFiltered(namespace);
  return {
    items,
    resourceVersion: String(place.at),
    ...(left > 0 ? { continue: encodeToken({ revision: place.at, start: place.after }) } : {}),
    ...(left > 0 && isCountable ? { remainingItemCount: left } : {}),
  };
}

/** A page that may be empty of everything but its end: `place` is where the next one begins, if there is any `left`. */
async function pageOf<T extends KubeObject>(
  store: Store,
  rows: Rows<T>,
  prefix: string,
  request: PageRequest<T>,
): Promise<{ items: T[]; left: number; place: Place }> {
  const { namespace, guarded } = request;
  // Where something may be hidden, only another object that is not may say that there is a next page.
  const limit = request.limit && guarded ? request.limit + 1 : request.limit;
  const place = placeOf(request);
  const found: Found<T>[] = [];
  let left = 0;
  for (let size = limit; ; size = size && Math.min(size * 2, LARGEST_PART)) {
    const part = await partOf(store, prefix, place, size, request);
    place.at = part.revision;
    left = part.remaining + fill(found, part, place);
    if (left === 0 || found.length === limit) break;
  }
  if (limit !== request.limit && found.length === limit) {
    found.pop();
    left = 1;
    place.after = found.at(-1)?.key ?? place.after;
  }
  return { items: found.map(({ object }) => object), left, place };

  /** Takes what is selected until the page is full; gives how many rows of the part were not looked at. */
  function fill(page: Found<T>[], part: Part, reachedPlace: Place): number {
    for (const [index, row] of part.rows.entries()) {
      if (page.length === limit) return part.rows.length - index;
      const key = row.key.slice(prefix.length);
      reachedPlace.after = key;
      if (!rows.counts(namespace, row.key)) continue;
      const object = rows.objectOf(row);
      if (request.accepts(object)) page.push({ object, key });
    }
    return 0;
  }
}

/** The name that is selected, where no other can be. */
function onlyName({ fieldSelector }: PageRequest<never>): string | undefined {
  const isName = ({ field, operator }: FieldRequirement) => field === "metadata.name" && operator === "=";
  return fieldRequirements(fieldSelector).find(isName)?.value;
}

/** One object is one row: it is a list without further pages, whatever lies beside it. */
async function listOne<T extends KubeObject>(
  store: Store,
  rows: Rows<T>,
  request: PageRequest<T>,
  name: string,
): Promise<ListPage<T>> {
  const { version } = request;
  // None is ever given here; one of another list tells from where on.
  const token = tokenOf(request);
  const key = await rows.key(request.namespace, name);
  if (key === undefined) return { items: [], resourceVersion: String(await reached(store, version)) };
  const at = version.kind === "exact" ? parseVersion(version.version) : undefined;
  // Of the keys that begin with this one, it is the first.
  const { rows: found, revision } = await partOf(store, key, { at, after: "" }, 1, request);
  const isBehind = token !== undefined && token.start >= name;
  const items = found.filter((row) => row.key === key && !isBehind).map((row) => rows.objectOf(row));
  return { items: items.filter(request.accepts), resourceVersion: String(revision) };
}

function placeOf(request: PageRequest<never>): Place {
  const token = tokenOf(request);
  if (token) return { at: token.revision, after: token.start };
  const { version } = request;
  return { at: version.kind === "exact" ? parseVersion(version.version) : undefined, after: "" };
}

async function partOf(
  store: Store,
  prefix: string,
  { at, after }: Place,
  limit: number | undefined,
  { version, continue: token }: PageRequest<never>,
): Promise<Part> {
  // No store has so many revisions.
  if (at !== undefined && !Number.isSafeInteger(at)) throw tooLarge(at, await store.revision());
  const part = await store.listPart(prefix, {
    ...(at === undefined ? {} : { at }),
    ...(after === "" ? {} : { after: `${prefix}${after}` }),
    ...(limit === undefined ? {} : { limit }),
  });
  if (part.outcome === "expired") {
    const revision = await store.revision();
    if (at !== undefined && at > revision) throw tooLarge(at, revision);
    throw token === undefined ? expiredList() : expiredToken(after);
  }
  if (version.kind === "notOlderThan" && part.revision < parseVersion(version.version)) {
    throw tooLarge(parseVersion(version.version), part.revision);
  }
  return part;
}

function byNamespaceAndName(a: KubeObject, b: KubeObject): number {
  return (
    compare(a.metadata.namespace ?? "", b.metadata.namespace ?? "") ||
    compare(a.metadata.name, b.metadata.name)
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
