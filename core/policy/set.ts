/** All policies that judge, ready for requests. Made anew at each change; cheap, as nothing is compiled here. */
import type { Catalogue } from "./catalogue.ts";
import type { CompiledEntry, CompiledPolicy, CompiledRule } from "./compile.ts";
import type { Matcher, RequestTest, Route } from "./match.ts";
import { type Loosened, loosenedOf } from "./reach.ts";

/** A policy, and its rules that could be about such a request; where `matches` is left out, they are. */
export interface Candidate {
  policy: CompiledPolicy;
  matches?: RequestTest;
  rules: readonly CandidateRule[];
  /** Whether one of them is enforced. */
  enforces: boolean;
}

export interface CandidateRule {
  rule: CompiledRule;
  matches?: RequestTest;
}

export interface PolicySet {
  /** The names of all rules. */
  readonly rules: readonly string[];
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
    rules: all.flatMap(({ rules }) => rules.map(({ name }) => name)),
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
    .map((policy) => {
      const own = policy.rules.filter(({ match }) => match.mayMatch(route));
      const rules = own.map((rule) => ({ rule, ...tested(rule.match, route) }));
      const enforces = own.some(({ mode }) => mode === "Enforce");
      return { policy, rules, enforces, ...tested(policy.match, route) };
    })
    .filter(({ rules }) => rules.length > 0);
}

function tested(match: Matcher, route: Route): { matches?: RequestTest } {
  const matches = match.onRoute(route);
  return matches === undefined ? {} : { matches };
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
