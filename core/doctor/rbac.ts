/**
 * Which rule allows what: RBAC resolved from the live objects as the RBAC authorizer of kube-apiserver does it
 * (pkg/registry/rbac/validation, pkg/apis/rbac/v1/evaluation_helpers.go).
 */
import type { Question } from "./port.ts";

export interface PolicyRule {
  verbs: readonly string[];
  apiGroups?: readonly string[];
  resources?: readonly string[];
  resourceNames?: readonly string[];
  nonResourceURLs?: readonly string[];
}

export interface Subject {
  kind: string;
  name: string;
  namespace?: string;
}

interface Named {
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
}

export interface Role extends Named {
  rules?: readonly PolicyRule[] | null;
  /** ClusterRoles only. */
  aggregationRule?: { clusterRoleSelectors?: readonly LabelSelector[] };
}

interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[];
}

export interface Binding extends Named {
  roleRef: { kind: string; name: string };
  subjects?: readonly Subject[] | null;
}

/** All of a cluster's RBAC. */
export interface Policy {
  roles: readonly Role[];
  clusterRoles: readonly Role[];
  roleBindings: readonly Binding[];
  clusterRoleBindings: readonly Binding[];
}

export interface ObjectName {
  kind: "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding";
  /** "" for cluster-scoped ones. */
  namespace: string;
  name: string;
}

/** One rule as somebody has it. */
export interface Grant {
  binding: ObjectName;
  /** The first subject of the binding that fits, and where it stands in the list. */
  subject: Subject;
  subjectIndex: number;
  subjects: number;
  role: ObjectName;
  /** Where the rule stands in the role. */
  ruleIndex: number;
  rule: PolicyRule;
  /** Of an aggregated ClusterRole: the ClusterRoles that bring this rule, and where it stands in them. */
  from: readonly Source[];
  /** Comes with Kubernetes, which restores it. */
  bootstrap: boolean;
}

export interface Source {
  name: string;
  ruleIndex: number;
  bootstrap: boolean;
}

export interface Identity {
  user: string;
  groups: readonly string[];
}

export interface Rbac {
  /** Every rule somebody has: everywhere, or (`binding.namespace`) in one namespace. */
  grantsOf(identity: Identity): readonly Grant[];
}

export function rbacOf(policy: Policy): Rbac {
  const roles = new Map([
    ...policy.roles.map(
      (role) => [keyOf("Role", role.metadata.namespace ?? "", role.metadata.name), role] as const,
    ),
    ...policy.clusterRoles.map((role) => [keyOf("ClusterRole", "", role.metadata.name), role] as const),
  ]);
  const bound: Bound[] = [
    ...policy.clusterRoleBindings.map((binding) => resolved(binding, "", roles)),
    ...policy.roleBindings.map((binding) => resolved(binding, binding.metadata.namespace ?? "", roles)),
  ].filter((one) => one !== undefined);
  const sources = sourceFinder(policy.clusterRoles);
  const bindingsOf = bySubject(bound);
  return {
    grantsOf: (identity) =>
      bindingsOf(identity).flatMap((one) => {
        const subjects = one.binding.subjects ?? [];
        const subjectIndex = subjects.findIndex((subject) => isSubject(identity, subject, one.namespace));
        const subject = subjects[subjectIndex];
        if (subject === undefined) return [];
        return (one.role.rules ?? []).map((rule, ruleIndex) => ({
          binding: {
            kind: one.namespace === "" ? ("ClusterRoleBinding" as const) : ("RoleBinding" as const),
            namespace: one.namespace,
            name: one.binding.metadata.name,
          },
          subject,
          subjectIndex,
          subjects: subjects.length,
          role: one.roleName,
          ruleIndex,
          rule,
          from: sources(one.role, rule),
          bootstrap: isBootstrap(one.role),
        }));
      }),
  };
}

function isBootstrap({ metadata }: Role): boolean {
  return metadata.labels?.["kubernetes.io/bootstrapping"] !== undefined;
}

interface Bound {
  binding: Binding;
  namespace: string;
  role: Role;
  roleName: ObjectName;
}

function keyOf(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

/** Undefined where the role is not there: such a binding gives nothing. */
function resolved(binding: Binding, namespace: string, roles: ReadonlyMap<string, Role>): Bound | undefined {
  const { kind, name } = binding.roleRef;
  if (kind !== "ClusterRole" && (kind !== "Role" || namespace === "")) return undefined;
  const roleNamespace = kind === "Role" ? namespace : "";
  const role = roles.get(keyOf(kind, roleNamespace, name));
  return role && { binding, namespace, role, roleName: { kind, namespace: roleNamespace, name } };
}

/** Large clusters have thousands of bindings, and hundreds of agents. */
function bySubject(bound: readonly Bound[]): (identity: Identity) => Bound[] {
  const named = bound.flatMap((one) =>
    [...new Set((one.binding.subjects ?? []).map(({ kind, name }) => `${kind}/${name}`))].map((key) => ({
      key,
      one,
    })),
  );
  const known = Map.groupBy(named, ({ key }) => key);
  return ({ user, groups }) => {
    const account = user.split(":")[3] ?? "";
    const keys = [`User/${user}`, `ServiceAccount/${account}`, ...groups.map((group) => `Group/${group}`)];
    return [...new Set(keys.flatMap((key) => known.get(key) ?? []).map(({ one }) => one))];
  };
}

function isSubject({ user, groups }: Identity, subject: Subject, bindingNamespace: string): boolean {
  switch (subject.kind) {
    case "User":
      return user === subject.name;
    case "Group":
      return groups.includes(subject.name);
    case "ServiceAccount": {
      const namespace = subject.namespace || bindingNamespace;
      return namespace !== "" && user === `system:serviceaccount:${namespace}:${subject.name}`;
    }
    default:
      return false;
  }
}

/** The rules among these that allow what is asked. */
export function allowing(grants: readonly Grant[], asked: Question): Grant[] {
  const { resourceAttributes: at, nonResourceAttributes: url } = asked;
  if (url !== undefined)
    return grants.filter((one) => isEverywhere(one) && coversUrl(one.rule, url.verb, url.path));
  if (at === undefined) return [];
  return grants.filter(
    (one) => (isEverywhere(one) || one.binding.namespace === at.namespace) && covers(one.rule, at),
  );
}

function isEverywhere({ binding }: Grant): boolean {
  return binding.kind === "ClusterRoleBinding";
}

export interface Attributes {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
  /** "" where a request names no object: such are not covered by a rule with resourceNames. */
  name?: string;
}

function covers(rule: PolicyRule, at: Attributes): boolean {
  const { resourceNames = [] } = rule;
  return coversKind(rule, at) && (resourceNames.length === 0 || resourceNames.includes(at.name ?? ""));
}

/** As `covers`, for some name at least. */
export function coversKind(rule: PolicyRule, at: Attributes): boolean {
  const { verbs, apiGroups = [], resources = [] } = rule;
  const { subresource = "" } = at;
  const combined = subresource === "" ? at.resource : `${at.resource}/${subresource}`;
  const wanted = ["*", combined, ...(subresource === "" ? [] : [`*/${subresource}`])];
  return (
    holds(verbs, at.verb) &&
    holds(apiGroups, at.group) &&
    wanted.some((resource) => resources.includes(resource))
  );
}

function coversUrl({ verbs, nonResourceURLs = [] }: PolicyRule, verb: string, path: string): boolean {
  const fits = (url: string) =>
    url === "*" || url === path || (url.endsWith("*") && path.startsWith(url.replace(/\*+$/, "")));
  return holds(verbs, verb) && nonResourceURLs.some(fits);
}

function holds(list: readonly string[], wanted: string): boolean {
  return list.includes("*") || list.includes(wanted);
}

/** The controller that aggregates copies each rule as it is, so equal rules tell where one came from. */
function sourceFinder(clusterRoles: readonly Role[]): (role: Role, rule: PolicyRule) => Source[] {
  const known = new Map<PolicyRule, Source[]>();
  const found = (role: Role, rule: PolicyRule): Source[] => {
    const selectors = role.aggregationRule?.clusterRoleSelectors ?? [];
    if (selectors.length === 0) return [];
    const text = JSON.stringify(rule);
    return clusterRoles
      .filter(
        (one) => one !== role && selectors.some((selector) => selects(selector, one.metadata.labels ?? {})),
      )
      .map((one) => ({
        name: one.metadata.name,
        ruleIndex: one.rules?.findIndex((other) => JSON.stringify(other) === text) ?? -1,
        bootstrap: isBootstrap(one),
      }))
      .filter(({ ruleIndex }) => ruleIndex >= 0);
  };
  return (role, rule) => {
    const sources = known.get(rule) ?? found(role, rule);
    known.set(rule, sources);
    return sources;
  };
}

function selects(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  labels: Record<string, string>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case "In":
          return value !== undefined && values.includes(value);
        case "NotIn":
          return value === undefined || !values.includes(value);
        case "Exists":
          return value !== undefined;
        default:
          return operator === "DoesNotExist" && value === undefined;
      }
    })
  );
}
