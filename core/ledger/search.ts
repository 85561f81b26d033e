/** Finding entries: what can be asked, which entries fit, and the port of an index that finds them. */
import type { JsonObject } from "../admission.ts";
import { unsealPayload } from "../log/payload.ts";
import { entryWords, type Facet, facetValues, microseconds, namespaceOf, usernameOf } from "./facets.ts";
import { hasTerm, type Term, wordsOfJson } from "./words.ts";

/** What a facet has to be, or must not be. */
export interface Condition {
  facet: Facet;
  /** As facetValue makes it. */
  value: string;
  is: boolean;
}

/** All of it has to fit. */
export interface Query {
  conditions: readonly Condition[];
  /** The namespace that the record has to lie in; "": that of the installation. Several: one of them. */
  within?: readonly string[];
  /** It has to be about one of these entries, as an outcome is. */
  of?: readonly number[];
  /** The user name that the agent has to have: all that an agent may see. */
  agent?: string;
  /** Microseconds since the epoch: not before, and before. */
  since?: number;
  until?: number;
  /** Each has to stand in the entry or in what lies beside it. */
  terms: readonly Term[];
}

/** Which of those that fit: at most `limit`, in the order of the ledger; or with `newest` the last ones first. */
export interface Window {
  /** Indexes from one up to, and without, the other. */
  from: number;
  end: number;
  limit: number;
  newest: boolean;
}

export type Found =
  /** Exactly those; fewer than the limit: all. */
  | { outcome: "found"; indexes: readonly number[] }
  /** The index is being made: as many entries of so many are in it. */
  | { outcome: "behind"; entries: number; of: number }
  /** There is none for now: look through the entries themselves. */
  | { outcome: "unavailable" };

/** Who searches. */
export interface Asker {
  /** However much those of one name ask for, others are not kept waiting by it. */
  name: string;
  /** Aborts when nobody waits for the answer any more: there is none then. */
  signal?: AbortSignal;
}

export interface Search {
  /** Everything that is in the ledger when it is called is looked at. */
  find(query: Query, window: Window, asker?: Asker): Promise<Found>;
}

/** Whether anything narrows. */
export function isNarrow({ conditions, within, of, agent, since, until, terms }: Query): boolean {
  const has = [within, of, agent, since, until].some((one) => one !== undefined);
  return has || conditions.length > 0 || terms.length > 0;
}

/** Whether an entry fits, but for the terms. */
export function fitsEntry(
  { conditions, within, of, agent, since, until }: Query,
  entry: JsonObject,
): boolean {
  const time = microseconds(entry["time"]) ?? Number.NaN;
  return (
    (within === undefined || within.includes(namespaceOf(entry) ?? "")) &&
    (of === undefined || of.some((index) => entry["of"] === index)) &&
    (agent === undefined || usernameOf(entry) === agent) &&
    (since === undefined || time >= since) &&
    (until === undefined || time < until) &&
    conditions.every(({ facet, value, is }) => facetValues[facet](entry).includes(value) === is)
  );
}

/** Whether the terms stand in an entry, or in what lies beside it. @param payload as it is kept. */
export function fitsTerms(
  { terms }: Query,
  entry: JsonObject,
  payload: Uint8Array | "erased" | undefined,
): boolean {
  const [said, beside] = [entryWords(entry), payloadWords(payload)];
  return terms.every((term) => hasTerm(said, term) || hasTerm(beside, term));
}

/** Of a payload as it is kept. */
export function payloadWords(payload: Uint8Array | "erased" | undefined): string[] {
  if (payload === undefined || payload === "erased") return [];
  return wordsOfJson(unsealPayload(payload)?.toString() ?? "");
}
