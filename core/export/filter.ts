/** Which entries are wanted. */
import { isObject, type Json, type JsonObject } from "../admission.ts";
import { type About, aboutOf, isAgent } from "./about.ts";

/** All that is given has to fit. Times as entries have them: RFC 3339, UTC, microseconds; `until` is the first left out. */
export interface Filter {
  readonly since?: string;
  readonly until?: string;
  readonly agent?: string;
  readonly namespace?: string;
  readonly kinds?: readonly string[];
  readonly verdict?: string;
  readonly answer?: string;
  readonly approval?: string;
  readonly rule?: string;
  readonly resource?: string;
}

type Name = keyof Filter;

const MATCHES: Readonly<Record<Name, (about: About, wanted: Filter) => boolean>> = {
  since: ({ time }, { since = "" }) => time >= since,
  until: ({ time }, { until }) => until === undefined || time < until,
  agent: (about, { agent }) => agent === undefined || isAgent(about.agent.username, agent),
  namespace: ({ target }, { namespace = target.namespace }) => target.namespace === namespace,
  kinds: ({ kind }, { kinds }) => kinds === undefined || kinds.includes(kind),
  verdict: (about, { verdict = about.verdict }) => about.verdict === verdict,
  answer: (about, { answer = about.answer }) => about.answer === answer,
  approval: (about, { approval = about.approval.name }) => about.approval.name === approval,
  rule: ({ rules }, { rule }) => rule === undefined || rules.includes(rule),
  resource: ({ target }, { resource = target.resource }) => target.resource === resource,
};

const NAMES = Object.keys(MATCHES) as Name[];
/** What an outcome takes over from the entry it completes is all but these. */
const OF_OUTCOMES: readonly Name[] = ["since", "until", "kinds"];
const OF_COMPLETED = NAMES.filter((name) => !OF_OUTCOMES.includes(name));

export function isFilter(filter: Filter): boolean {
  return NAMES.some((name) => filter[name] !== undefined);
}

function fits(entry: JsonObject, filter: Filter, names: readonly Name[]): boolean {
  const about = aboutOf(entry);
  return names.every((name) => MATCHES[name](about, filter));
}

/** Along the entries, in their order: an outcome goes with what it is the outcome of. */
export class Selection {
  readonly #filter: Filter;
  readonly #isNarrow: boolean;
  /** Entries that were wanted and wait for their outcomes. */
  readonly #open: Set<number>;

  constructor(filter: Filter, open: Iterable<number> = []) {
    this.#filter = filter;
    this.#isNarrow = isFilter(filter);
    this.#open = new Set(open);
  }

  get open(): number[] {
    return [...this.#open];
  }

  accepts(index: number, entry: JsonObject): boolean {
    if (!this.#isNarrow) return true;
    const { kind, of, effect } = entry;
    if (kind === "outcome" && typeof of === "number")
      return this.#open.delete(of) && fits(entry, this.#filter, OF_OUTCOMES);
    if (effect === "open" && fits(entry, this.#filter, OF_COMPLETED)) this.#open.add(index);
    return fits(entry, this.#filter, NAMES);
  }
}

/** As an export tells it; undefined for anything else. */
export function parseFilter(value: Json | undefined): Filter | undefined {
  if (!isObject(value)) return undefined;
  const isKnown = Object.entries(value).every(([name, wanted]) =>
    name === "kinds"
      ? Array.isArray(wanted) && wanted.every((kind) => typeof kind === "string")
      : NAMES.some((known) => known === name) && typeof wanted === "string",
  );
  return isKnown ? (value as Filter) : undefined;
}
