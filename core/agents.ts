/**
 * Who is an agent. Known by authentication data alone, from one table that also gives the CEL expression by which
 * kube-apiserver picks the requests it sends us: both must always say the same.
 */
import { SESSION_UID, type UserInfo } from "./admission.ts";

/** Who is an agent: any match suffices. ServiceAccounts are given as NAMESPACE/NAME. */
export interface AgentSettings {
  groups: readonly string[];
  users: readonly string[];
  serviceAccounts: readonly string[];
  /** `userInfo.extra` key → values of which one must be there. */
  extras: Readonly<Record<string, readonly string[]>>;
}

/** Whose agent it is: people who may not decide what it asks for. */
export interface Owners {
  users: readonly string[];
  groups: readonly string[];
}

/** Whom a profile names, and who answers for them. */
export interface Owned {
  agents: AgentSettings;
  owners: Owners;
  /** The name of the profile, where whom it names may do nothing but in sessions. */
  requiresSession?: string;
}

export type Actor =
  | { kind: "agent"; user: UserInfo }
  /** A person, a controller, the cluster itself: none of our business. */
  | { kind: "other" };

const NEVER_GROUPS = ["system:masters", "system:nodes"];

const CONTROL_PLANE_USERS = [
  "system:apiserver",
  "system:kube-aggregator",
  "system:aggregator",
  "system:kube-controller-manager",
  "system:kube-scheduler",
];

/** The ServiceAccounts in kube-system that kube-controller-manager runs its controllers as (1.36). */
const CONTROLLERS = [
  "attachdetach-controller",
  "bootstrap-signer",
  "certificate-controller",
  "clusterrole-aggregation-controller",
  "cronjob-controller",
  "daemon-set-controller",
  "deployment-controller",
  "device-taint-eviction-controller",
  "disruption-controller",
  "endpoint-controller",
  "endpointslice-controller",
  "endpointslicemirroring-controller",
  "ephemeral-volume-controller",
  "expand-controller",
  "generic-garbage-collector",
  "horizontal-pod-autoscaler",
  "job-controller",
  "legacy-service-account-token-cleaner",
  "namespace-controller",
  "node-controller",
  "persistent-volume-binder",
  "pod-garbage-collector",
  "podcertificaterequestcleaner-controller",
  "pv-protection-controller",
  "pvc-protection-controller",
  "replicaset-controller",
  "replication-controller",
  "resource-claim-controller",
  "resourcequota-controller",
  "root-ca-cert-publisher",
  "route-controller",
  "selinux-warning-controller",
  "service-account-controller",
  "service-cidrs-controller",
  "service-controller",
  "statefulset-controller",
  "storage-version-migrator-controller",
  "taint-eviction-controller",
  "token-cleaner",
  "ttl-after-finished-controller",
  "ttl-controller",
  "validatingadmissionpolicy-status-controller",
  "volumeattributesclass-protection-controller",
];

export interface AgentMatcher {
  identify(user: UserInfo): Actor;
  /** The owners of whoever this is, by every profile that names them; undefined where none has any. */
  owners(user: UserInfo): Owners | undefined;
  /** The profiles that let this user do nothing directly, but make and use sessions. */
  confinedBy(user: UserInfo): readonly string[];
  /** The same as CEL that never fails: whether what this user asks directly is to be refused; "" where nobody's is. */
  confinedExpression(fields: CelFields): string;
  /**
   * One total CEL expression (it never fails, whatever is absent) that is true for agents; `prefix` is where the
   * user's data is: in an admission review and in a SubjectAccessReview the fields have different names.
   */
  expression(fields: CelFields): string;
}

/** CEL paths of the user's data, and which of them may be absent. */
export interface CelFields {
  username: string;
  groups: string;
  extra: string;
}

export const ADMISSION_FIELDS: CelFields = {
  username: "request.userInfo.username",
  groups: "request.userInfo.groups",
  extra: "request.userInfo.extra",
};

export const AUTHORIZATION_FIELDS: CelFields = {
  username: "request.user",
  groups: "request.groups",
  extra: "request.extra",
};

/** Whoever one of them names. */
export function together(all: readonly AgentSettings[]): AgentSettings {
  const extras = new Map<string, string[]>();
  for (const settings of all)
    for (const [key, values] of Object.entries(settings.extras))
      extras.set(key, [...(extras.get(key) ?? []), ...values]);
  return {
    users: all.flatMap(({ users }) => users),
    groups: all.flatMap(({ groups }) => groups),
    serviceAccounts: all.flatMap(({ serviceAccounts }) => serviceAccounts),
    extras: Object.fromEntries(extras),
  };
}

/** A matcher that asks another one each time: which one, may change. */
export function liveMatcher(current: () => AgentMatcher): AgentMatcher {
  return {
    identify: (user) => current().identify(user),
    owners: (user) => current().owners(user),
    confinedBy: (user) => current().confinedBy(user),
    confinedExpression: (fields) => current().confinedExpression(fields),
    expression: (fields) => current().expression(fields),
  };
}

/** Whether one of the names of a user is among those of the settings. */
export function enrolment(settings: AgentSettings): (user: UserInfo) => boolean {
  const groups = new Set(settings.groups);
  const users = new Set(usersOf(settings));
  const extras = Object.entries(settings.extras);
  return (user) =>
    users.has(user.username) ||
    user.groups.some((group) => groups.has(group)) ||
    extras.some(([key, values]) => user.extra.get(key)?.some((value) => values.includes(value)) === true);
}

function usersOf({ users, serviceAccounts }: AgentSettings): string[] {
  return [...users, ...serviceAccounts.map(serviceAccountUser)];
}

/** `ownUser`: Hoop's own identity, never an agent. `owned`: those of them that belong to somebody. */
export function agentMatcher(
  settings: AgentSettings,
  ownUser: string,
  owned: readonly Owned[] = [],
): AgentMatcher {
  const neverUsers = new Set([
    ...CONTROL_PLANE_USERS,
    ...CONTROLLERS.map((name) => serviceAccountUser(`kube-system/${name}`)),
    ...(ownUser === "" ? [] : [ownUser]),
  ]);
  const never = (user: UserInfo) =>
    neverUsers.has(user.username) || user.groups.some((group) => NEVER_GROUPS.includes(group));
  const enrolled = enrolment(settings);
  const belongings = owned.map(({ agents, owners }) => ({ isTheirs: enrolment(agents), owners }));
  const confining = owned.flatMap(({ agents, requiresSession: name }) =>
    name === undefined ? [] : [{ name, agents, isTheirs: enrolment(agents) }],
  );
  return {
    confinedBy: (user) =>
      confining.length === 0 || never(user)
        ? []
        : confining.filter(({ isTheirs }) => isTheirs(user)).map(({ name }) => name),
    confinedExpression: (at) => {
      const someone = anyOf(at, together(confining.map(({ agents }) => agents)));
      return someone === ""
        ? ""
        : `(${someone}) && !(has(${at.extra}) && ${celString(SESSION_UID)} in ${at.extra})`;
    },
    owners: (user) => {
      const found = belongings.filter(({ isTheirs }) => isTheirs(user)).map(({ owners }) => owners);
      const all = {
        users: found.flatMap((owners) => owners.users),
        groups: found.flatMap((owners) => owners.groups),
      };
      return all.users.length + all.groups.length === 0 ? undefined : all;
    },
    identify: (user) => (enrolled(user) && !never(user) ? { kind: "agent", user } : { kind: "other" }),
    expression: (at) => {
      const someone = anyOf(at, settings) || "false";
      return `(${someone}) && !(${memberOfGroups(at, NEVER_GROUPS)}) && !(${isUser(at, [...neverUsers])})`;
    },
  };
}

/** "" where they name nobody. */
function anyOf(at: CelFields, settings: AgentSettings): string {
  return [
    memberOfGroups(at, [...new Set(settings.groups)]),
    isUser(at, [...new Set(usersOf(settings))]),
    ...Object.entries(settings.extras).map(([key, values]) => hasExtra(at, key, values)),
  ]
    .filter((part) => part !== "")
    .join(" || ");
}

/** The user name of a ServiceAccount that is given as NAMESPACE/NAME. */
export function serviceAccountUser(namespacedName: string): string {
  return `system:serviceaccount:${namespacedName.replace("/", ":")}`;
}

function memberOfGroups(at: CelFields, groups: readonly string[]): string {
  if (groups.length === 0) return "";
  return `(has(${at.groups}) && ${at.groups}.exists(g, g in ${celList(groups)}))`;
}

function isUser(at: CelFields, users: readonly string[]): string {
  return users.length === 0 ? "" : `(has(${at.username}) && ${at.username} in ${celList(users)})`;
}

function hasExtra(at: CelFields, key: string, values: readonly string[]): string {
  const name = celString(key);
  return `(has(${at.extra}) && ${name} in ${at.extra} && ${at.extra}[${name}].exists(v, v in ${celList(values)}))`;
}

function celList(values: readonly string[]): string {
  return `[${values.map(celString).join(", ")}]`;
}

/** JSON's escapes are all CEL escapes. */
function celString(value: string): string {
  return JSON.stringify(value);
}
