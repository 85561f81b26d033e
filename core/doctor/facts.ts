/** Everything doctor reads of a cluster before it asks anything. */

import type { AuditFeed } from "./audit-feed.ts";
import type { Served } from "./check.ts";
import type { NotChecked } from "./finding.ts";
import { FRONT_PROXY } from "./front-proxy.ts";
import type { DoctorPort, Look } from "./port.ts";
import type { Binding, Policy, Role } from "./rbac.ts";

export interface MatchCondition {
  name: string;
  expression: string;
}

export interface Webhook {
  name: string;
  clientConfig: {
    caBundle?: string;
    url?: string;
    service?: { namespace: string; name: string; path?: string };
  };
  failurePolicy?: string;
  matchPolicy?: string;
  matchConditions?: readonly MatchCondition[];
  namespaceSelector?: object;
  objectSelector?: object;
  rules?: readonly WebhookRule[];
}

export interface WebhookRule {
  apiGroups: readonly string[];
  apiVersions: readonly string[];
  resources: readonly string[];
  operations: readonly string[];
  scope?: string;
}

export interface Configuration {
  metadata: { name: string };
  webhooks?: readonly Webhook[];
}

export interface MutatingPolicy {
  metadata: { name: string };
  spec?: { matchConditions?: readonly MatchCondition[]; failurePolicy?: string; policyName?: string };
}

export interface ApiService {
  metadata: { name: string };
  spec: {
    group?: string;
    service?: { namespace: string; name: string };
    insecureSkipTLSVerify?: boolean;
    caBundle?: string;
  };
}

/** A list that is undefined could not be read; why is in `notChecked`. */
export interface Facts {
  policy: Policy;
  validating: readonly Configuration[] | undefined;
  mutating: readonly Configuration[] | undefined;
  mutatingPolicies: readonly MutatingPolicy[] | undefined;
  mutatingPolicyBindings: readonly MutatingPolicy[] | undefined;
  apiServices: readonly ApiService[] | undefined;
  served: readonly Served[];
  /** What Hoop hears of the audit log; undefined where it does not tell. */
  audit: { feed: AuditFeed | undefined } | undefined;
  /** What the API server says of those that speak for others, by key; undefined where it does not tell. */
  frontProxy: Readonly<Record<string, string>> | undefined;
  notChecked: readonly NotChecked[];
}

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const ADMISSION = "/apis/admissionregistration.k8s.io/v1";

export async function gathered(port: DoctorPort): Promise<Facts> {
  const notChecked: NotChecked[] = [];
  const listed = async <T>(path: string): Promise<readonly T[] | undefined> => {
    port.progress(`reading ${path}`);
    const found = await port.look<{ items?: readonly T[] }>(path);
    if (found.kind === "found") return found.value.items ?? [];
    if (found.kind === "absent") return [];
    notChecked.push({ what: path, why: found.why, could: true });
    return undefined;
  };
  const [roles, clusterRoles, roleBindings, clusterRoleBindings] = await Promise.all([
    listed<Role>(`${RBAC}/roles`),
    listed<Role>(`${RBAC}/clusterroles`),
    listed<Binding>(`${RBAC}/rolebindings`),
    listed<Binding>(`${RBAC}/clusterrolebindings`),
  ]);
  const [validating, mutating, mutatingPolicies, mutatingPolicyBindings, apiServices] = await Promise.all([
    listed<Configuration>(`${ADMISSION}/validatingwebhookconfigurations`),
    listed<Configuration>(`${ADMISSION}/mutatingwebhookconfigurations`),
    listed<MutatingPolicy>(`${ADMISSION}/mutatingadmissionpolicies`),
    listed<MutatingPolicy>(`${ADMISSION}/mutatingadmissionpolicybindings`),
    listed<ApiService>("/apis/apiregistration.k8s.io/v1/apiservices"),
  ]);
  const served = await discovered(port, notChecked);
  const audit = await heard(port, notChecked);
  const proxy = await port.look<{ data?: Record<string, string> }>(FRONT_PROXY);
  if (proxy.kind === "refused") notChecked.push({ what: FRONT_PROXY, why: proxy.why, could: true });
  return {
    policy: {
      roles: roles ?? [],
      clusterRoles: clusterRoles ?? [],
      roleBindings: roleBindings ?? [],
      clusterRoleBindings: clusterRoleBindings ?? [],
    },
    validating,
    mutating,
    mutatingPolicies,
    mutatingPolicyBindings,
    apiServices,
    served,
    audit,
    frontProxy: proxy.kind === "found" ? proxy.value.data : undefined,
    notChecked,
  };
}

const LEDGER = "/apis/hoop.dev/v1alpha1/ledgers/hoop";

async function heard(port: DoctorPort, notChecked: NotChecked[]): Promise<Facts["audit"]> {
  type Ledger = { status?: { audit?: AuditFeed } };
  const found: Look<Ledger> = await port
    .look<Ledger>(LEDGER)
    .catch((error: unknown) => ({ kind: "refused" as const, why: String(error) }));
  if (found.kind === "refused")
    notChecked.push({ what: "whether audit events come to Hoop", why: found.why, could: true });
  const status = found.kind === "found" ? found.value.status : undefined;
  return status && { feed: status.audit };
}

interface GroupList {
  groups?: readonly { preferredVersion?: { groupVersion: string } }[];
}
interface ResourceList {
  resources?: readonly { name: string; namespaced: boolean; verbs?: readonly string[] }[];
}

/** The preferred version of each group. One that does not answer is said to be so. */
async function discovered(port: DoctorPort, notChecked: NotChecked[]): Promise<Served[]> {
  port.progress("reading what the API serves");
  const groups = await port.look<GroupList>("/apis");
  if (groups.kind === "refused") notChecked.push({ what: "/apis", why: groups.why, could: true });
  const versions = groups.kind === "found" ? (groups.value.groups ?? []) : [];
  const paths = [
    { group: "", path: "/api/v1" },
    ...versions.flatMap(({ preferredVersion }) => {
      const groupVersion = preferredVersion?.groupVersion;
      return groupVersion === undefined
        ? []
        : [{ group: groupVersion.replace(/\/.*$/, ""), path: `/apis/${groupVersion}` }];
    }),
  ];
  const lists = await Promise.all(
    paths.map(async ({ group, path }): Promise<Served[]> => {
      const found = await port
        .look<ResourceList>(path)
        .catch((error: unknown) => ({ kind: "refused" as const, why: String(error) }));
      if (found.kind === "refused") notChecked.push({ what: path, why: found.why, could: true });
      if (found.kind !== "found") return [];
      return (found.value.resources ?? []).map(({ name, namespaced, verbs = [] }) => ({
        ...{ group, resource: name, namespaced, verbs },
      }));
    }),
  );
  return lists.flat();
}
