/** What came of requests that were let through, beside their records: as of the moment that a list is of. */

import type { Entry } from "#core/ledger/entry.ts";
import type { Asker, Query, Search } from "#core/ledger/search.ts";
import { outcomeOf, type Told } from "#core/outcome/told.ts";
import type { Revision, Store } from "#kit/storage.ts";
import { linesAt } from "./ledger-lines.ts";
import type { RecordObject } from "./records.ts";

interface OutcomePorts {
  store: Store;
  search: Search;
}

/** Records that are asked about together. */
const AT_ONCE = 100;
/** Mostly one, and a second where an event corrected what was made out before. */
const EACH = 3;

export async function withOutcomes(
  ports: OutcomePorts,
  records: readonly RecordObject[],
  revision: Revision,
  asker?: Asker,
): Promise<RecordObject[]> {
  const open = records.flatMap(({ metadata, spec }) =>
    "effect" in spec && spec.effect === "open" ? [Number(metadata.name)] : [],
  );
  if (open.length === 0) return [...records];
  const told = await toldOf(ports, open, await ports.store.firstLineAfter(revision), asker);
  return records.map((record) => {
    const found = told.get(Number(record.metadata.name));
    if (found === undefined) return record;
    const { schema: _, kind: __, of: ___, ...outcome } = found.entry;
    return { ...record, status: { outcome: { record: String(found.index), ...outcome } } };
  });
}

/** Of each of these entries the last outcome before `end`. */
async function toldOf(
  ports: OutcomePorts,
  indexes: readonly number[],
  end: number,
  asker: Asker | undefined,
): Promise<Map<number, Told>> {
  const told = new Map<number, Told>();
  for (let at = 0; at < indexes.length; at += AT_ONCE) {
    const all = await lastOf(ports.store, indexes.slice(at, at + AT_ONCE));
    // What was told since has taken the place of what was told before, if anything was: only a search finds that.
    const since = all.filter(({ index, entry }) => index >= end && entry.source === "audit");
    const before = since.length === 0 ? [] : await byIndex(ports, since.map(ofEntry), end, asker);
    for (const one of [...all.filter(({ index }) => index < end), ...before]) told.set(ofEntry(one), one);
  }
  return told;
}

function ofEntry({ entry }: Told): number {
  return entry.of;
}

/** In the order of the ledger; none where the index cannot tell. */
async function byIndex(
  { store, search }: OutcomePorts,
  of: readonly number[],
  end: number,
  asker: Asker | undefined,
): Promise<Told[]> {
  const query: Query = { conditions: [{ facet: "kind", value: "outcome", is: true }], terms: [], of };
  const limit = of.length * EACH;
  const found: number[] = [];
  for (let from = Math.min(...of) + 1; ; ) {
    const part = await search.find(query, { from, end, limit, newest: false }, asker);
    if (part.outcome !== "found") return [];
    found.push(...part.indexes);
    const last = part.indexes.at(-1);
    if (last === undefined || part.indexes.length < limit) break;
    from = last + 1;
  }
  const lines = await linesAt(store, found);
  return lines.flatMap(({ index, line }) => {
    const entry = JSON.parse(line) as Entry;
    return entry.kind === "outcome" ? [{ index, entry }] : [];
  });
}

/** The last one of each that has one, whenever it was told. */
async function lastOf(store: Store, of: readonly number[]): Promise<Told[]> {
  const told = await Promise.all(of.map((index) => outcomeOf(store, index)));
  return told.flatMap((one) => one ?? []);
}
