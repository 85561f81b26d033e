/**
 * On what other objects it depends whom a policy is about: its params, the labels that it selects by. Who may change
 * those, may take what it wants to do out of the policy's reach.
 */
import { type AdmissionRequest, type Json, type JsonObject, member, targetName } from "../admission.ts";
import type { CompiledPolicy, Params } from "./compile.ts";
import { same } from "./facts/same.ts";
import type { Matcher } from "./match.ts";
import { type LabelTest, labelTest } from "./selector.ts";
import type { AgentPolicySpec, MatchConstraints } from "./spec.ts";

/** Of one policy. */
export interface Reach {
  namespaces: readonly LabelTest[];
  objects: readonly { match: Matcher; test: LabelTest }[];
  /** Whether an expression looks at the target's Namespace. */
  looksAtNamespace: boolean;
}

/** `matchers` are those of the policy and of its rules, in their order. */
export function reachOf(spec: AgentPolicySpec, matchers: readonly Matcher[]): Reach {
  const all: (MatchConstraints | undefined)[] = [
    spec.matchConstraints,
    ...(spec.rules ?? []).map((rule) => rule.matchConstraints),
  ];
  const namespaces = all.flatMap((one) => labelTest(one?.namespaceSelector).test ?? []);
  const objects = all.flatMap((one, i) => {
    const { test } = labelTest(one?.objectSelector);
    const match = matchers[i];
    return test === undefined || match === undefined ? [] : [{ match, test }];
  });
  return { namespaces, objects, looksAtNamespace: textsOf(spec).some((text) => NAMESPACE.test(text)) };
}

const NAMESPACE = /\bnamespaceObject\b/;

function textsOf({ matchConditions = [], variables = [], rules = [], catalogue = [] }: AgentPolicySpec) {
  const named = [...matchConditions, ...variables].map(({ expression }) => expression);
  return [...named, ...[...rules, ...catalogue].map(({ when = "" }) => when)];
}

/** Which of the policies a request takes something out of reach of, or could; their names. */
export type Loosened = (request: AdmissionRequest) => string[];

const OPERATIONS = ["CREATE", "UPDATE", "DELETE", "CONNECT"] as const;

export function loosenedOf(policies: readonly CompiledPolicy[]): Loosened {
  const params = byParams(policies);
  const byNamespace = policies.filter(
    ({ reach }) => reach !== undefined && (reach.namespaces.length > 0 || reach.looksAtNamespace),
  );
  const byObject = policies.filter(({ reach }) => reach !== undefined && reach.objects.length > 0);
  return (request) => {
    if (request.operation === "CONNECT") return [];
    const bound = params.get(keyOf(request.resource.group, request.kind.kind, targetName(request))) ?? [];
    const found = bound.filter(({ params: own }) => isIn(own, request));
    const { object, oldObject, operation } = request;
    if (operation === "UPDATE" && object !== null && oldObject !== null) {
      const [before, now] = [labelsOf(oldObject), labelsOf(object)];
      if (!same(before, now))
        found.push(...byObject.filter((policy) => leavesObjects(policy, request, before, now)));
    }
    if (isNamespace(request))
      found.push(...byNamespace.filter((policy) => leavesNamespaces(policy, request)));
    const own = isNamespace(request) && relabelsItself(request) ? [`namespace ${targetName(request)}`] : [];
    return [...new Set([...own, ...found.map(({ name }) => name)])];
  };
}

function byParams(policies: readonly CompiledPolicy[]): ReadonlyMap<string, readonly CompiledPolicy[]> {
  const found = new Map<string, CompiledPolicy[]>();
  for (const policy of policies) {
    if (policy.params === undefined) continue;
    const { kind, name } = policy.params;
    const [group = "", version] = kind.apiVersion.split("/");
    const key = keyOf(version === undefined ? "" : group, kind.kind, name);
    const others = found.get(key);
    if (others === undefined) found.set(key, [policy]);
    else others.push(policy);
  }
  return found;
}

const keyOf = (group: string, kind: string, name: string): string => `${group}/${kind}/${name}`;

const isIn = (params: Params | undefined, { namespace }: AdmissionRequest): boolean =>
  params?.namespace === undefined || params.namespace === namespace;

const isNamespace = ({ resource }: AdmissionRequest): boolean =>
  resource.group === "" && resource.resource === "namespaces";

const labelsOf = (object: JsonObject): JsonObject => member(member(object, "metadata"), "labels");

const leaves = (test: LabelTest, before: Json | undefined, now: Json | undefined): boolean =>
  test(before) && !test(now);

/** Rules: out of their reach. What says that rules of the catalogue do not count: into its reach as well. */
function leavesNamespaces({ reach, entries }: CompiledPolicy, request: AdmissionRequest): boolean {
  const { operation, object, oldObject } = request;
  if (reach === undefined || object === null || operation === "DELETE") return false;
  const [before, now] = [oldObject === null ? undefined : labelsOf(oldObject), labelsOf(object)];
  const isNew = oldObject === null;
  const moves = (test: LabelTest) =>
    entries.length > 0 ? (!isNew && test(before)) !== test(now) : !isNew && leaves(test, before, now);
  if (reach.namespaces.some(moves)) return true;
  if (!reach.looksAtNamespace) return false;
  return isNew ? entries.length > 0 : !same(seenOf(oldObject), seenOf(object));
}

/** Its own annotations may look at its labels. */
function relabelsItself({ operation, object, oldObject }: AdmissionRequest): boolean {
  if (operation !== "UPDATE" || oldObject === null) return false;
  const annotations = member(member(oldObject, "metadata"), "annotations");
  const looks = Object.entries(annotations).some(
    ([key, value]) => key.startsWith("hoop.dev/") && typeof value === "string" && NAMESPACE.test(value),
  );
  return looks && !same(seenOf(oldObject), seenOf(object));
}

/** What of a Namespace an agent can change, and expressions can see. */
function seenOf(namespace: JsonObject | null): Json {
  const metadata = member(namespace ?? {}, "metadata");
  const [labels, annotations] = [member(metadata, "labels"), member(metadata, "annotations")];
  // Ours say who wrote last; others of that prefix no agent writes.
  const own = Object.entries(annotations).filter(([key]) => !key.startsWith("hoop.dev/"));
  return { labels, annotations: Object.fromEntries(own) };
}

function leavesObjects(
  { reach }: CompiledPolicy,
  { resource }: AdmissionRequest,
  before: Json,
  now: Json,
): boolean {
  const mayBeAbout = (match: Matcher) =>
    OPERATIONS.some((operation) => match.mayMatch({ operation, resource, subresource: "" }));
  return reach?.objects.some(({ match, test }) => leaves(test, before, now) && mayBeAbout(match)) === true;
}
