/** What an agent may do by RBAC now, held against what it has used. */
import {
  coversKind,
  type Grant,
  type Identity,
  type ObjectName,
  type Policy,
  rbacOf,
} from "../doctor/rbac.ts";
import type { Right, RightUse, Used } from "./review.ts";

/** Reads, which admission never sees. */
export const READS: ReadonlySet<string> = new Set(["get", "list", "watch"]);

/** The verbs of RBAC that what was seen may have needed. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  update: ["update", "patch"],
  delete: ["delete", "deletecollection"],
  connect: ["create", "get"],
};

export function rightsOf(
  policy: Policy,
  identity: Identity,
  used: readonly Used[],
  readsRecorded: boolean,
): Right[] {
  return rbacOf(policy)
    .grantsOf(identity)
    .map((grant) => rightOf(grant, used, readsRecorded));
}

function rightOf(grant: Grant, used: readonly Used[], readsRecorded: boolean): Right {
  const { rule, binding, subject, role } = grant;
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const here = used.filter(
    ({ namespace, actingAs }) =>
      actingAs === "" && (binding.namespace === "" || binding.namespace === namespace),
  );
  const uses = resources.flatMap((resource) =>
    apiGroups.flatMap((group) => verbs.map((verb) => useOf({ verb, group, resource }, here, readsRecorded))),
  );
  return {
    verbs: [...verbs],
    groups: [...apiGroups],
    resources: [...resources],
    names: [...resourceNames],
    urls: [...nonResourceURLs],
    namespace: binding.namespace,
    by: `${nameOf(binding)}, to ${subject.kind} ${subject.name}: ${nameOf(role)}`,
    use: uses,
  };
}

function nameOf({ kind, namespace, name }: ObjectName): string {
  return `${kind} ${namespace === "" ? "" : `${namespace}/`}${name}`;
}

function useOf(
  one: Pick<RightUse, "verb" | "group" | "resource">,
  used: readonly Used[],
  readsRecorded: boolean,
): RightUse {
  const rule = { verbs: [one.verb], apiGroups: [one.group], resources: [one.resource] };
  const newest = used.filter((place) => isGiven(place, rule)).map((place) => place.newest);
  const isWide = [one.verb, one.group, one.resource].some((part) => part === "*" || part.startsWith("*/"));
  if (newest.length > 0)
    return { ...one, state: isWide ? "partly-used" : "used", newest: Math.max(...newest) };
  const isRead = READS.has(one.verb) || one.verb === "*";
  return { ...one, state: isRead && !readsRecorded ? "cannot-tell" : "never-used" };
}

function isGiven(place: Used, rule: Grant["rule"]): boolean {
  const { verb, group, resource, subresource } = place;
  return (NEEDED[verb] ?? [verb]).some((needed) =>
    coversKind(rule, { verb: needed, group, resource, subresource }),
  );
}

/** Says of each use whether some rule gives it now; of those in a session nothing, whose rights are another's. */
export function given(policy: Policy, identity: Identity, used: readonly Used[]): Used[] {
  const grants = rbacOf(policy).grantsOf(identity);
  return used.map((place) => {
    if (place.actingAs !== "") return place;
    const isGivenNow = grants.some(
      ({ binding, rule }) =>
        (binding.namespace === "" || binding.namespace === place.namespace) &&
        (isGiven(place, rule) || isUrl(place, rule)),
    );
    return { ...place, given: isGivenNow };
  });
}

function isUrl({ resource, verb }: Used, { nonResourceURLs = [], verbs }: Grant["rule"]): boolean {
  const fits = (url: string) =>
    url === resource || (url.endsWith("*") && resource.startsWith(url.slice(0, -1)));
  return (
    resource.startsWith("/") && (verbs.includes("*") || verbs.includes(verb)) && nonResourceURLs.some(fits)
  );
}
