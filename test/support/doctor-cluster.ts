/** A cluster for doctor, in memory: its objects by path, and RBAC as its authorizer. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import type { Configuration, MutatingPolicy, Webhook } from "#core/doctor/facts.ts";
import type { Answer, DoctorPort, Look, Question } from "#core/doctor/port.ts";
import {
  allowing,
  type Binding,
  type Policy,
  type PolicyRule,
  type Role,
  rbacOf,
} from "#core/doctor/rbac.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const ADMISSION = "/apis/admissionregistration.k8s.io/v1";

export interface FakeCluster {
  policy: Policy;
  /** By path; one that is not there is absent. */
  objects: Map<string, Look<unknown>>;
  /** Before RBAC; undefined: no opinion. */
  authorizer: (question: Question) => Answer | undefined;
  /** Thrown by whatever is asked. */
  fails?: Error | undefined;
  port: DoctorPort;
}

/** With Hoop installed as deploy/base has it, and its authorization webhook in force for hoop:agents. */
export function fakeCluster(policy: Partial<Policy> = {}): FakeCluster {
  const { validating, config, mutatingPolicies, mutatingPolicyBindings } = installed();
  const list = (items: readonly unknown[]) => ({ kind: "found" as const, value: { items } });
  const objects = new Map<string, Look<unknown>>([
    [`${ADMISSION}/validatingwebhookconfigurations`, list([validating, config])],
    [`${ADMISSION}/mutatingadmissionpolicies`, list(mutatingPolicies)],
    [`${ADMISSION}/mutatingadmissionpolicybindings`, list(mutatingPolicyBindings)],
    ["/apis", { kind: "found", value: { groups: [] } }],
    [
      "/api/v1",
      {
        kind: "found",
        value: { resources: [{ name: "secrets", namespaced: true, verbs: ["get", "list"] }] },
      },
    ],
  ]);
  const cluster: FakeCluster = {
    policy: { roles: [], clusterRoles: [], roleBindings: [], clusterRoleBindings: [], ...policy },
    objects,
    authorizer: hoopsAuthorizer,
    port: {
      progress: () => undefined,
      look: async <T>(path: string): Promise<Look<T>> => {
        if (cluster.fails !== undefined) throw cluster.fails;
        return (objects.get(path) ?? ofRbac(cluster.policy, path) ?? { kind: "absent" }) as Look<T>;
      },
      ask: async (questions) => {
        if (cluster.fails !== undefined) throw cluster.fails;
        const rbac = rbacOf(cluster.policy);
        return questions.map((question) => {
          const told = cluster.authorizer(question);
          if (told !== undefined) return told;
          const [grant] = allowing(rbac.grantsOf(question), question);
          return { allowed: grant !== undefined, denied: false, reason: "RBAC" };
        });
      },
    },
  };
  return cluster;
}

function ofRbac(policy: Policy, path: string): Look<unknown> | undefined {
  const lists: Record<string, readonly unknown[]> = {
    [`${RBAC}/roles`]: policy.roles,
    [`${RBAC}/clusterroles`]: policy.clusterRoles,
    [`${RBAC}/rolebindings`]: policy.roleBindings,
    [`${RBAC}/clusterrolebindings`]: policy.clusterRoleBindings,
  };
  const items = lists[path];
  return items && { kind: "found", value: { items } };
}

/** The reads of Secrets alone: enough to tell that it is there. */
function hoopsAuthorizer({ groups, resourceAttributes: at }: Question): Answer | undefined {
  if (!groups.includes("hoop:agents") || at?.resource !== "secrets" || at.verb === "create") return undefined;
  return { allowed: false, denied: true, reason: "hoop: agents do not read Secrets (rule secrets)" };
}

export interface Installed {
  validating: Configuration & { webhooks: Webhook[] };
  /** What checks what people write. */
  config: Configuration;
  mutatingPolicies: MutatingPolicy[];
  mutatingPolicyBindings: MutatingPolicy[];
}

/** From the files people apply, with what Hoop itself puts in. */
export function installed(): Installed {
  const read = (name: string) =>
    readFileSync(join(import.meta.dirname, "..", "..", "deploy", "base", name), "utf8");
  const validating = parse(read("registrations.yaml")) as Installed["validating"];
  const config = parse(read("config-registration.yaml")) as Configuration;
  const [policy, binding] = parseAllDocuments(read("stamp-policy.yaml")).map(
    (one) => one.toJS() as MutatingPolicy,
  );
  const webhooks = validating.webhooks.map((webhook) => ({
    ...webhook,
    clientConfig: { ...webhook.clientConfig, caBundle: "Y2E=" },
    namespaceSelector: {},
    objectSelector: {},
  }));
  return {
    validating: { ...validating, webhooks },
    config,
    mutatingPolicies: policy === undefined ? [] : [policy],
    mutatingPolicyBindings: binding === undefined ? [] : [binding],
  };
}

/** A role of these rules, and who has it; everywhere, or in a namespace. */
export function granted(
  name: string,
  rules: readonly PolicyRule[],
  subjects: Binding["subjects"],
  namespace?: string,
): Policy {
  const role: Role = { metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, rules };
  const kind = namespace === undefined ? "ClusterRole" : "Role";
  const binding: Binding = { metadata: role.metadata, roleRef: { kind, name }, subjects: subjects ?? [] };
  const empty = { roles: [], clusterRoles: [], roleBindings: [], clusterRoleBindings: [] };
  return namespace === undefined
    ? { ...empty, clusterRoles: [role], clusterRoleBindings: [binding] }
    : { ...empty, roles: [role], roleBindings: [binding] };
}

export function together(...policies: readonly Policy[]): Policy {
  return {
    roles: policies.flatMap(({ roles }) => roles),
    clusterRoles: policies.flatMap(({ clusterRoles }) => clusterRoles),
    roleBindings: policies.flatMap(({ roleBindings }) => roleBindings),
    clusterRoleBindings: policies.flatMap(({ clusterRoleBindings }) => clusterRoleBindings),
  };
}

export const AGENTS = { kind: "Group", name: "hoop:agents" };
