/**
 * Which requests a policy or a rule is about: MatchResources of admissionregistration.k8s.io/v1 as the API server
 * applies it. Where it cannot be told, more is matched rather than less.
 */
import { type AdmissionRequest, type Json, type JsonObject, member, targetName } from "../admission.ts";
import { type LabelTest, labelTest } from "./selector.ts";
import type { MatchConstraints, ResourceRule } from "./spec.ts";

/** What of a request is the same for many: requests alike in it have the same candidates. */
export type Route = Pick<AdmissionRequest, "operation" | "resource" | "subresource">;

export interface Matcher {
  /** Whether some request of the kind could match. */
  mayMatch(route: Route): boolean;
  /** Whether this one does; only asked where {@link mayMatch}. `namespace` is the target's, null for cluster-scoped ones. */
  matches(request: AdmissionRequest, namespace: JsonObject | null): boolean;
  /** What is wrong with it; it then matches whatever the wrong part would narrow. */
  readonly problems: readonly { path: string; message: string }[];
  /** Nothing beside the route counts. */
  readonly isPlain: boolean;
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
  const included = (request: AdmissionRequest) =>
    resourceRules.length === 0 ||
    resourceRules.some(
      (rule) => routes(rule, request) && scoped(rule, request) && named(rule, targetName(request)),
    );
  // What is left out must be named exactly: an item of a deletecollection has no name, as in Kubernetes.
  const excluded = (request: AdmissionRequest) =>
    excludeResourceRules.some(
      (rule) =>
        routes(rule, request) &&
        holds(rule.apiVersions ?? ["*"], request.resource.version) &&
        scoped(rule, request) &&
        named(rule, request.name),
    );
  return {
    problems,
    isPlain: constraints === undefined,
    mayMatch: (route) => resourceRules.length === 0 || resourceRules.some((rule) => routes(rule, route)),
    matches: (request, namespace) =>
      included(request) &&
      !excluded(request) &&
      selectsNamespace(ofNamespace.test, request, namespace) &&
      selectsObject(ofObject.test, request),
  };
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
function selectsNamespace(
  test: LabelTest | undefined,
  request: AdmissionRequest,
  namespace: JsonObject | null,
): boolean {
  if (test === undefined) return true;
  if (isNamespace(request)) return either(test, request);
  return namespace === null || test(labelsOf(namespace));
}

/** As in Kubernetes: the labels that the object has, or those that it gets. */
function selectsObject(test: LabelTest | undefined, request: AdmissionRequest): boolean {
  return test === undefined || either(test, request);
}

const either = (test: LabelTest, { object, oldObject }: AdmissionRequest): boolean =>
  [object, oldObject].some((one) => one !== null && test(labelsOf(one)));
