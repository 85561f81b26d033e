/** Who decides, and for how long things hold: settings, what a rule says instead, and several rules together. */
import type { ApprovalTerms } from "./spec.ts";
import type { HoldTerms, Requirement } from "./verdict.ts";

const UNITS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

/** Whole seconds, rounded up. `text` is such as `1h30m`. */
function seconds(text: string): number {
  const parts = [...text.matchAll(/([0-9.]+)(ms|s|m|h)/g)];
  return Math.ceil(
    parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ""] ?? 0), 0),
  );
}

/** A rule's own terms; what it leaves out comes from `given`. */
export function termsOver(given: HoldTerms, own: ApprovalTerms | undefined): HoldTerms {
  if (own === undefined) return given;
  const [first = { groups: [], count: 1 }] = given.approvers;
  const says = own.groups !== undefined || own.count !== undefined;
  return {
    approvers: says
      ? [{ groups: own.groups ?? first.groups, count: own.count ?? first.count }]
      : given.approvers,
    maxWaitSeconds: own.maxWait === undefined ? given.maxWaitSeconds : seconds(own.maxWait),
    pendingSeconds: own.expiresIn === undefined ? given.pendingSeconds : seconds(own.expiresIn),
    approvedSeconds: own.validFor === undefined ? given.approvedSeconds : seconds(own.validFor),
  };
}

/** Of everything that holds: every requirement is to be met, once; the shortest times. `more`: requirements beside. */
export function together(
  all: readonly [HoldTerms, ...HoldTerms[]],
  more: readonly Requirement[] = [],
): HoldTerms {
  if (all.length === 1 && more.length === 0) return all[0];
  const shortest = (of: (terms: HoldTerms) => number) => Math.min(...all.map(of));
  return {
    approvers: merged([...all.flatMap(({ approvers }) => approvers), ...more]),
    maxWaitSeconds: shortest(({ maxWaitSeconds }) => maxWaitSeconds),
    pendingSeconds: shortest(({ pendingSeconds }) => pendingSeconds),
    approvedSeconds: shortest(({ approvedSeconds }) => approvedSeconds),
  };
}

/** Sorted, of the same groups the greatest count alone. */
function merged(all: readonly Requirement[]): Requirement[] {
  const counts = new Map<string, Requirement>();
  for (const { groups, count } of all) {
    const sorted = [...new Set(groups)].sort();
    const key = JSON.stringify(sorted);
    counts.set(key, { groups: sorted, count: Math.max(count, counts.get(key)?.count ?? 0) });
  }
  const kept = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, requirement]) => requirement);
  // Anybody at all is in no group: whoever of a group decides, counts for that as well.
  return kept.filter(
    ({ groups, count }) =>
      groups.length > 0 || !kept.some((other) => other.groups.length > 0 && other.count >= count),
  );
}
