/**
 * What is told of an admission afterwards. One small row an outcome, `outcomes/of/INDEX`, is written in the commit of the
 * outcome's line: so that nothing is told twice, and the line is found. It says the line's place among those of the commit.
 */
import type { Put, Row, Store } from "#kit/storage.ts";
import type { Entry, OutcomeEntry } from "../ledger/entry.ts";

/** The outcome entry and its index. */
export interface Told {
  index: number;
  entry: OutcomeEntry;
}

interface Place {
  /** The how manieth line of its commit. */
  at: number;
  source: OutcomeEntry["source"];
}

const PREFIX = "outcomes/of/";

/** What came of the admission entry of that index; undefined: nothing is told of it, or not yet. */
export async function outcomeOf(
  store: Pick<Store, "get" | "firstLineAfter" | "lines">,
  index: number,
): Promise<Told | undefined> {
  const row = await store.get(`${PREFIX}${index}`);
  if (row === undefined) return undefined;
  const first = await store.firstLineAfter(row.revision - 1);
  const [line] = await store.lines(first + placeIn(row).at, 1);
  const entry = line === undefined ? undefined : (JSON.parse(line.line) as Entry);
  return line !== undefined && entry?.kind === "outcome" ? { index: line.index, entry } : undefined;
}

/**
 * The row to write with the outcome that is the `at`th line of its commit. Undefined: it is told already. What an audit
 * event says takes the place of what was made out by looking.
 */
export async function toldBy(
  store: Pick<Store, "get">,
  { of, source }: OutcomeEntry,
  at: number,
): Promise<Put | undefined> {
  const key = `${PREFIX}${of}`;
  const row = await store.get(key);
  if (row !== undefined && (source === "object" || placeIn(row).source === "audit")) return undefined;
  const place: Place = { at, source };
  return { key, value: JSON.stringify(place), expect: row?.revision ?? 0 };
}

function placeIn({ value }: Row): Place {
  return JSON.parse(value) as Place;
}
