/** All policies that judge, ready for requests. Made anew at each change; cheap, as nothing is compiled here. */
import type { Catalogue } from "./catalogue.ts";
import type { CompiledEntry, CompiledPolicy, CompiledRule } from "./compile.ts";
import type { Route } from "./match.ts";
import { type Loosened, loosenedOf } from "./reach.ts";

/** A policy, and its rules that could be about such a request. */
export interface Candidate {
  policy: CompiledPolicy;
  rules: readonly CompiledRule[];
}

export interface PolicySet {
  /** How many rules there are. */
  readonly size: number;
  /** What could be about a request, the catalogue first, then by name: whatever order they were given in. */
  candidates(route: Route): readonly Candidate[];
  /** What policies say of a rule of the catalogue. */
  entries(rule: string): readonly { policy: CompiledPolicy; entry: CompiledEntry }[];
  /** Which policies of the cluster a request could take something out of reach of. */
  readonly loosened: Loosened;
}

/** Kinds of requests whose candidates are kept. A cluster serves some hundred. */
const KEPT = 2_000;

export function policySet(catalogue: Catalogue, policies: readonly CompiledPolicy[]): PolicySet {
  const sorted = policies.toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  const all = [...catalogue.bundles, ...sorted];
  const entries = entriesByRule(catalogue, sorted);
  const known = new Map<string, readonly Candidate[]>();
  return {
    size: all.reduce((sum, { rules }) => sum + rules.length, 0),
    entries: (rule) => entries.get(rule) ?? [],
    loosened: loosenedOf(sorted),
    candidates: (route) => {
      const { group, resource } = route.resource;
      const key = `${route.operation} ${group}/${resource}/${route.subresource}`;
      let found = known.get(key);
      if (found === undefined) {
        found = candidatesOf(all, route);
        if (known.size >= KEPT) known.clear();
        known.set(key, found);
      }
      return found;
    },
  };
}

function candidatesOf(all: readonly CompiledPolicy[], route: Route): Candidate[] {
  return all
    .filter(({ match }) => match.mayMatch(route))
    .map((policy) => ({ policy, rules: policy.rules.filter(({ match }) => match.mayMatch(route)) }))
    .filter(({ rules }) => rules.length > 0);
}

function entriesByRule(catalogue: Catalogue, policies: readonly CompiledPolicy[]) {
  const byRule = new Map<string, { policy: CompiledPolicy; entry: CompiledEntry }[]>();
  for (const policy of policies)
    for (const entry of policy.entries) {
      if (catalogue.rules.get(entry.rule)?.switchable !== true) continue;
      const others = byRule.get(entry.rule);
      if (others === undefined) byRule.set(entry.rule, [{ policy, entry }]);
      else others.push({ policy, entry });
    }
  return byRule;
}
