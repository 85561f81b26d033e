/** What field selectors of records ask for, as a query. */
import type { AgentMatcher } from "#core/agents.ts";
import { FACETS, type Facet, facetValue, microseconds } from "#core/ledger/facets.ts";
import type { Condition, Query } from "#core/ledger/search.ts";
import { termsOf } from "#core/ledger/words.ts";
import { ownName } from "#core/session/extras.ts";
import { type FieldRequirement, fieldRequirements } from "#kit/field-selectors.ts";
import type { Selection } from "#kit/resource.ts";
import { StatusError } from "#kit/status.ts";

/** Of a list or watch of records. */
export interface RecordQuery extends Query {
  /** The one record that it can be. */
  index?: number;
  /** Only so many, the last ones. */
  newest?: number;
}

/** What one requirement adds. */
type Part = Partial<Omit<RecordQuery, "conditions" | "within" | "agent">> & {
  conditions?: readonly Condition[];
};

type Reading = (requirement: FieldRequirement) => Part;

const facets = Object.fromEntries(FACETS.map((facet): [Facet, Reading] => [facet, reading(facet)]));

/** Selectors that are no field of a record, by their names. */
const READINGS: Readonly<Record<string, Reading>> = {
  ...facets,
  since: (requirement) => ({ since: timeOf(requirement) }),
  until: (requirement) => ({ until: timeOf(requirement) }),
  text: (requirement) => {
    const terms = termsOf(onlyEqual(requirement).value);
    if (typeof terms === "string") throw bad(requirement, terms);
    return { terms };
  },
  newest: (requirement) => {
    const { value } = onlyEqual(requirement);
    if (!/^[1-9]\d{0,8}$/.test(value)) throw bad(requirement, "a number above 0 is wanted");
    return { newest: Number(value) };
  },
};

/** Fields of a record by which fewer have to be looked at; that they fit is found out by looking. */
const FIELDS: Readonly<Record<string, Facet>> = {
  "spec.agent.username": "agent",
  "spec.kind": "kind",
  "spec.answer": "answer",
  "spec.approval.name": "approval",
};

/** As the kit has them looked at. */
export const RECORD_CONDITIONS: Readonly<Record<string, (requirement: FieldRequirement) => void>> =
  Object.fromEntries(
    Object.entries(READINGS).map(([field, read]) => [field, (requirement) => void read(requirement)]),
  );

/** Each is looked at for each entry that comes. */
const MOST_REQUIREMENTS = 100;

/** @throws {StatusError} BadRequest for what the conditions refuse. */
export function recordQuery(
  { namespace, caller, fieldSelector }: Selection<never>,
  { agents, installationNamespace }: { agents: AgentMatcher; installationNamespace: string },
): RecordQuery {
  const requirements = fieldRequirements(fieldSelector);
  if (requirements.length > MOST_REQUIREMENTS)
    throw new StatusError(
      "BadRequest",
      `invalid field selector: more than ${MOST_REQUIREMENTS} requirements`,
    );
  const parts = requirements.map(partOf);
  const numbers = (of: (part: Part) => number | undefined) => parts.flatMap((part) => of(part) ?? []);
  const since = numbers((part) => part.since);
  const until = numbers((part) => part.until);
  const newest = numbers((part) => part.newest);
  const [index] = numbers((part) => part.index);
  return {
    conditions: parts.flatMap(({ conditions = [] }) => conditions),
    terms: parts.flatMap(({ terms = [] }) => terms),
    ...(namespace === ""
      ? {}
      : { within: namespace === installationNamespace ? [namespace, ""] : [namespace] }),
    // What others did is not looked at in the first place.
    ...(agents.identify(caller).kind === "agent" ? { agent: ownName(caller) } : {}),
    ...(since.length === 0 ? {} : { since: Math.max(...since) }),
    ...(until.length === 0 ? {} : { until: Math.min(...until) }),
    ...(newest.length === 0 ? {} : { newest: Math.min(...newest) }),
    ...(index === undefined ? {} : { index }),
  };
}

function partOf(requirement: FieldRequirement): Part {
  const { field, operator, value } = requirement;
  if (Object.hasOwn(READINGS, field)) return READINGS[field]?.(requirement) ?? {};
  if (operator !== "=" || value === "") return {};
  if (field === "metadata.name") return /^(0|[1-9]\d{0,14})$/.test(value) ? { index: Number(value) } : {};
  const facet = Object.hasOwn(FIELDS, field) ? FIELDS[field] : undefined;
  return facet === undefined ? {} : { conditions: [{ facet, value, is: true }] };
}

function reading(facet: Facet): Reading {
  return (requirement) => {
    const { value, operator } = requirement;
    if (value === "") throw bad(requirement, "a value is wanted");
    return { conditions: [{ facet, value: facetValue(facet, value), is: operator === "=" }] };
  };
}

function timeOf(requirement: FieldRequirement): number {
  const time = microseconds(onlyEqual(requirement).value);
  if (time === undefined) throw bad(requirement, "a time such as 2026-11-21T09:30:00Z is wanted");
  return time;
}

function onlyEqual(requirement: FieldRequirement): FieldRequirement {
  if (requirement.operator === "=") return requirement;
  throw bad(requirement, "it cannot be selected by !=");
}

function bad({ field }: FieldRequirement, why: string): StatusError {
  return new StatusError("BadRequest", `invalid field selector: ${field}: ${why}`);
}
