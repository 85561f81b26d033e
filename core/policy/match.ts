/**
 * Which requests a policy or a rule is about: MatchResources of admissionregistration.k8s.io/v1 as the API server
 * applies it. Where it cannot be told, more is matched rather than less.
 */
import { type AdmissionRequest, type Json, type JsonObject, member, targetName } from "../admission.ts";
import { type LabelTest, labelTest } from "./selector.ts";
import type { MatchConstraints, ResourceRule } from "./spec.ts";

/** What of a request is the same for many: requests alike in it have the same candidates. */
export type Route = Pick<AdmissionRequest, "operation" | "resource" | "subresource">;

/** Whether a request is matched. `namespace` is the target's, null for cluster-scoped ones. */
export type RequestTest = (request: AdmissionRequest, namespace: JsonObject | null) => boolean;

export interface Matcher {
  /** Whether some request of the kind could match. */
  mayMatch(route: Route): boolean;
  /** Whether this one does; only asked where {@link mayMatch}. */
  matches: RequestTest;
  /** The same for requests of one kind, with no more to look at than they differ in; left out: all of them. */
  onRoute(route: Route): RequestTest | undefined;
  /** What is wrong with it; it then matches whatever the wrong part would narrow. */
  readonly problems: readonly { path: string; message: string }[];
}

const OPERATIONS = new Set(["*", "CREATE", "UPDATE", "DELETE", "CONNECT"]);

/** `constraints` left out: every request. `path` is where they stand, for problems. */
export function matcher(constraints: MatchConstraints | undefined, path = "matchConstraints"): Matcher {
  const {
    resourceRules = [],
    excludeResourceRules = [],
    namespaceSelector,
    objectSelector,
  } = constraints ?? {};
  const ofNamespace = labelTest(namespaceSelector);
  const ofObject = labelTest(objectSelector);
  const problems = [
    ...problemsOf(resourceRules, `${path}.resourceRules`),
    ...problemsOf(excludeResourceRules, `${path}.excludeResourceRules`),
    ...told(`${path}.namespaceSelector`, ofNamespace.problem),
    ...told(`${path}.objectSelector`, ofObject.problem),
  ];
  const onRoute = (route: Route): RequestTest | undefined => {
    const tests = [
      resourceRules.length === 0 ? undefined : included(resourceRules.filter((rule) => routes(rule, route))),
      excluded(excludeResourceRules.filter((rule) => routes(rule, route))),
      namespaceSelected(ofNamespace.test),
      objectSelected(ofObject.test),
    ].filter((test) => test !== undefined);
    const [only] = tests;
    if (tests.length < 2) return only;
    return (request, namespace) => tests.every((test) => test(request, namespace));
  };
  return {
    problems,
    mayMatch: (route) => resourceRules.length === 0 || resourceRules.some((rule) => routes(rule, route)),
    matches: (request, namespace) => onRoute(request)?.(request, namespace) ?? true,
    onRoute,
  };
}

/** Whether one of these rules, all of them about the request's route, includes it; undefined: always. */
function included(rules: readonly ResourceRule[]): RequestTest | undefined {
  const isWide = ({ scope = "*", resourceNames = [] }: ResourceRule) =>
    scope === "*" && resourceNames.length === 0;
  if (rules.some(isWide)) return undefined;
  return (request) => rules.some((rule) => scoped(rule, request) && named(rule, targetName(request)));
}

/** What is left out must be named exactly: an item of a deletecollection has no name, as in Kubernetes. */
function excluded(rules: readonly ResourceRule[]): RequestTest | undefined {
  if (rules.length === 0) return undefined;
  return (request) =>
    !rules.some(
      (rule) =>
        holds(rule.apiVersions ?? ["*"], request.resource.version) &&
        scoped(rule, request) &&
        named(rule, request.name),
    );
}

const told = (path: string, message: string | undefined) =>
  message === undefined ? [] : [{ path, message }];

function problemsOf(rules: readonly ResourceRule[], path: string) {
  return rules.flatMap(({ apiGroups, operations, resources }, i) => [
    ...told(`${path}[${i}].apiGroups`, apiGroups.length === 0 ? "must not be empty" : undefined),
    ...told(`${path}[${i}].resources`, resources.length === 0 ? "must not be empty" : undefined),
    ...told(
      `${path}[${i}].operations`,
      operations.length === 0 || !operations.every((operation) => OPERATIONS.has(operation))
        ? "must be some of *, CREATE, UPDATE, DELETE, CONNECT"
        : undefined,
    ),
  ]);
}

const holds = (items: readonly string[], value: string): boolean =>
  items.includes("*") || items.includes(value);

/** Every version of a resource stands for every other, as with matchPolicy Equivalent. */
function routes({ apiGroups, operations, resources }: ResourceRule, route: Route): boolean {
  return (
    holds(operations, route.operation) &&
    holds(apiGroups, route.resource.group) &&
    resources.some((pattern) => isResource(pattern, route))
  );
}

/** `pods/*` are the pods, too; `*` is no subresource. */
function isResource(pattern: string, { resource, subresource }: Route): boolean {
  const slash = pattern.indexOf("/");
  const [name, sub] = slash < 0 ? [pattern, ""] : [pattern.slice(0, slash), pattern.slice(slash + 1)];
  return (name === "*" || name === resource.resource) && (sub === "*" || sub === subresource);
}

const isNamespace = ({ resource }: Route): boolean =>
  resource.group === "" && resource.resource === "namespaces";

function scoped({ scope = "*" }: ResourceRule, request: AdmissionRequest): boolean {
  if (scope === "*") return true;
  // A Namespace object has its own name for a namespace.
  const isCluster = isNamespace(request) || request.namespace === "";
  return isCluster === (scope === "Cluster");
}

const named = ({ resourceNames = [] }: ResourceRule, name: string): boolean =>
  resourceNames.length === 0 || resourceNames.includes(name);

const labelsOf = (object: Json): Json | undefined => member(object, "metadata")["labels"];

/**
 * What is cluster-scoped is never selected away. A Namespace is by its own labels, those it has and those it gets: it
 * cannot leave a selector by being relabelled.
 */
function namespaceSelected(test: LabelTest | undefined): RequestTest | undefined {
  if (test === undefined) return undefined;
  return (request, namespace) =>
    isNamespace(request) ? either(test, request) : namespace === null || test(labelsOf(namespace));
}

/** As in Kubernetes: the labels that the object has, or those that it gets. */
function objectSelected(test: LabelTest | undefined): RequestTest | undefined {
  return test === undefined ? undefined : (request) => either(test, request);
}

const either = (test: LabelTest, { object, oldObject }: AdmissionRequest): boolean =>
  [object, oldObject].some((one) => one !== null && test(labelsOf(one)));
