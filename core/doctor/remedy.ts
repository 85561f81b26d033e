/** How an opening is closed: what to run, and what else it takes away. */
import { quoted } from "../shell-words.ts";
import type { Access, Fix, Opening } from "./finding.ts";
import type { Grant, ObjectName, PolicyRule } from "./rbac.ts";

/** For all openings of one finding together: a rule that is taken out moves those behind it. */
export function remedies(openings: readonly Opening[]): Fix[] {
  const granted = openings.flatMap(({ grant, access, namespaces }) => {
    if (grant === undefined) return [];
    // It is open in one namespace because it is open everywhere: elsewhere the rule may be right.
    const tooWide = namespaces !== undefined && grant.binding.namespace === "";
    return [{ grant, tooWide, cut: tooWide ? undefined : cutOf(grant, access) }];
  });
  const foreign = openings
    .filter(({ grant }) => grant === undefined)
    .map(({ reason }) => reason || "nothing");
  const cuts = granted.flatMap(({ cut }) => cut ?? []);
  const roles = new Map(cuts.map((cut) => [phrase(cut.role), cut.role]));
  const bindings = new Map<string, Fix>();
  // What can only be taken away as a whole comes first, and is no alternative.
  for (const { grant, cut, tooWide } of granted.toSorted(
    (a, b) => Number(a.cut !== undefined) - Number(b.cut !== undefined),
  ))
    if (!bindings.has(phrase(grant.binding)))
      bindings.set(phrase(grant.binding), unbinding(grant, cut !== undefined, tooWide));
  return [
    ...[...new Set(foreign)].map((reason) => ({
      says: `no rule of RBAC that could be read allows it; the API server says: ${reason}`,
    })),
    ...[...roles.values()].map((role) =>
      narrowing(
        role,
        cuts.filter((cut) => phrase(cut.role) === phrase(role)),
      ),
    ),
    ...bindings.values(),
  ];
}

/** What is to be taken out of one rule of a role. */
interface Cut {
  role: ObjectName;
  ruleIndex: number;
  rule: PolicyRule;
  /** As the rule spells resources. */
  access: readonly Access[];
}

/** Undefined where the rule does not name what it allows, or would come back. */
function cutOf(grant: Grant, access: readonly Access[]): Cut | undefined {
  const { rule } = grant;
  const target = editable(grant);
  const named = [...rule.verbs, ...(rule.apiGroups ?? []), ...(rule.resources ?? [])];
  if (target === undefined || named.includes("*")) return undefined;
  if (rule.resources?.some((resource) => resource.startsWith("*/"))) return undefined;
  const spelled = ({ resource, verbs }: Access) => ({
    resource: resource.startsWith("/") ? resource : resource.replace(/\..*$/, ""),
    verbs,
  });
  return { ...target, rule, access: access.map(spelled) };
}

function narrowing(role: ObjectName, cuts: readonly Cut[]): Fix {
  const merged = new Map<number, Cut>();
  for (const cut of cuts) {
    const before = merged.get(cut.ruleIndex)?.access ?? [];
    merged.set(cut.ruleIndex, { ...cut, access: [...before, ...cut.access] });
  }
  const parts = [...merged.values()].map((cut) => ({
    at: `/rules/${cut.ruleIndex}`,
    left: without(cut),
    cut,
  }));
  const patch = [
    ...parts.map(({ at, cut }) => ({ op: "test", path: at, value: cut.rule })),
    ...parts.flatMap(({ at, left: [first] }) =>
      first === undefined ? [] : [{ op: "replace", path: at, value: first }],
    ),
    ...parts.flatMap(({ left }) => left.slice(1).map((value) => ({ op: "add", path: "/rules/-", value }))),
    // From behind, so that the places of the others stay.
    ...parts
      .filter(({ left }) => left.length === 0)
      .toSorted((a, b) => b.cut.ruleIndex - a.cut.ruleIndex)
      .map(({ at }) => ({ op: "remove", path: at })),
  ];
  return {
    says: `take it out of ${phrase(role)}, from everybody bound to it`,
    command: `kubectl patch ${reference(role)} --type=json -p ${quoted(JSON.stringify(patch))}`,
  };
}

/** Where the rule can be changed and stays so: the role itself, or what it is aggregated from. */
function editable({
  role,
  ruleIndex,
  from,
  bootstrap,
}: Grant): { role: ObjectName; ruleIndex: number } | undefined {
  const [source, ...more] = from;
  if (source === undefined) return bootstrap ? undefined : { role, ruleIndex };
  if (source.bootstrap || more.length > 0) return undefined;
  return { role: { kind: "ClusterRole", namespace: "", name: source.name }, ruleIndex: source.ruleIndex };
}

/** What is left of a rule: one rule for all resources that keep the same verbs. */
function without({ rule, access }: Cut): PolicyRule[] {
  const urls = rule.nonResourceURLs ?? [];
  if (urls.length > 0) {
    const isOpen = (url: string) => url.endsWith("*") || access.some(({ resource }) => resource === url);
    const rest = urls.filter((url) => !isOpen(url));
    return rest.length === 0 ? [] : [{ ...rule, nonResourceURLs: rest }];
  }
  const kept = (resource: string) => {
    const taken = access.filter((one) => one.resource === resource).flatMap(({ verbs }) => verbs);
    return rule.verbs.filter((verb) => !taken.includes(verb));
  };
  const groups = Map.groupBy(rule.resources ?? [], (resource) => JSON.stringify(kept(resource)));
  return [...groups.values()]
    .map((resources) => ({ ...rule, resources, verbs: kept(resources[0] ?? "") }))
    .filter(({ verbs }) => verbs.length > 0);
}

function unbinding(
  { binding, subject, subjectIndex, subjects, role }: Grant,
  isAlternative: boolean,
  tooWide: boolean,
): Fix {
  const common = isAlternative ? { alternative: true as const } : {};
  const then = tooWide ? ", and bind it only in the namespaces where it is needed" : "";
  const says = `take all of ${phrase(role)} from ${subject.kind} ${subject.name}, with ${phrase(binding)}${then}`;
  if (subjects === 1) return { ...common, says, command: `kubectl delete ${reference(binding)}` };
  const at = `/subjects/${subjectIndex}`;
  const patch = [
    { op: "test", path: `${at}/name`, value: subject.name },
    { op: "remove", path: at },
  ];
  const command = `kubectl patch ${reference(binding)} --type=json -p ${quoted(JSON.stringify(patch))}`;
  return { ...common, says, command };
}

export function phrase({ kind, namespace, name }: ObjectName): string {
  return namespace === "" ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

function reference({ kind, namespace, name }: ObjectName): string {
  const where = namespace === "" ? "" : ` -n ${quoted(namespace)}`;
  // As one word, so that a name like --all is no flag.
  return `${quoted(`${kind.toLowerCase()}/${name}`)}${where}`;
}
