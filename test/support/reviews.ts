/** Admission requests and the ports of a review over the memory store, for tests that need no API server. */
import { randomUUID } from "node:crypto";
import type { AdmissionRequest, JsonObject, UserInfo } from "#core/admission.ts";
import { agentMatcher } from "#core/agents.ts";
import { Streaks } from "#core/hold/streaks.ts";
import { Waiters } from "#core/hold/waiters.ts";
import type { HoldTerms } from "#core/policy/verdict.ts";
import type { Clock, Lookup } from "#core/ports.ts";
import type { ReviewPorts } from "#core/review.ts";
import type { Store } from "#kit/storage.ts";
import { CATALOGUE, policyPorts } from "./policies.ts";

export const AGENT = "ci-bot";

export function user(
  username: string,
  groups: readonly string[] = [],
  credential = `${username}-cert`,
): UserInfo {
  return {
    username,
    uid: "",
    groups: [...groups, "system:authenticated"],
    extra: new Map([["authentication.kubernetes.io/credential-id", [credential]]]),
  };
}

export const agentUser = (credential?: string) => user(AGENT, ["hoop:agents"], credential);

/** The request of an agent; what is left out is a delete of the namespace `prod`. */
export function request(given: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    uid: randomUUID(),
    kind: { group: "", version: "v1", kind: "Namespace" },
    resource: { group: "", version: "v1", resource: "namespaces" },
    subresource: "",
    name: "prod",
    namespace: "prod",
    operation: "DELETE",
    userInfo: agentUser(),
    object: null,
    oldObject: null,
    options: { apiVersion: "meta.k8s.io/v1", kind: "DeleteOptions", propagationPolicy: "Background" },
    dryRun: false,
    ...given,
  };
}

/** The delete of a pod of namespace `demo`. */
export function podDelete(name: string, uid = `uid-${name}`): AdmissionRequest {
  const oldObject = { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "demo", uid }, spec: {} };
  return request({
    kind: { group: "", version: "v1", kind: "Pod" },
    resource: { group: "", version: "v1", resource: "pods" },
    name,
    namespace: "demo",
    oldObject,
  });
}

/** The creation of a privileged pod in namespace `demo`. */
export function podCreate(name: string, spec: JsonObject = {}, metadata: JsonObject = {}): AdmissionRequest {
  const object = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "demo",
      uid: randomUUID(),
      creationTimestamp: "2030-01-01T00:00:00Z",
      ...metadata,
    },
    spec: {
      automountServiceAccountToken: false,
      containers: [{ name: "main", image: "app:1", securityContext: { privileged: true } }],
      ...spec,
    },
  };
  return request({
    kind: { group: "", version: "v1", kind: "Pod" },
    resource: { group: "", version: "v1", resource: "pods" },
    name,
    namespace: "demo",
    operation: "CREATE",
    object,
    options: { apiVersion: "meta.k8s.io/v1", kind: "CreateOptions" },
  });
}

/** A command run in the pod `web` of namespace `demo`. */
export function podExec(command = "id"): AdmissionRequest {
  return request({
    kind: { group: "", version: "v1", kind: "PodExecOptions" },
    resource: { group: "", version: "v1", resource: "pods" },
    subresource: "exec",
    operation: "CONNECT",
    name: "web",
    namespace: "demo",
    object: { apiVersion: "v1", kind: "PodExecOptions", command: [command], container: "main" },
    options: null,
  });
}

export const TERMS: HoldTerms = {
  approvers: [{ groups: [], count: 1 }],
  maxWaitSeconds: 100,
  pendingSeconds: 3600,
  approvedSeconds: 600,
};

/** `namespaces`: those that exist, name → uid. */
export async function reviewPorts(
  store: Store,
  clock: Clock,
  given: Partial<ReviewPorts> & { namespaces?: Map<string, string>; maxWaiters?: number } = {},
): Promise<ReviewPorts> {
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const waiters = new Waiters(store, log, given.maxWaiters ?? 1000);
  await waiters.start();
  const namespaces =
    given.namespaces ??
    new Map([
      ["hoop-system", "ns-0"],
      ["demo", "ns-1"],
    ]);
  let counter = 0;
  return {
    store,
    clock,
    log,
    waiters,
    streaks: new Streaks(),
    random: {
      uuid: () => randomUUID(),
      suffix: () => String(counter++).padStart(4, "0"),
      bytes: (count) => Buffer.alloc(count, counter++),
    },
    cluster: {
      namespaceUid: async (name): Promise<Lookup> => {
        const uid = namespaces.get(name);
        return uid === undefined ? { known: false, why: `no namespace ${name}` } : { known: true, uid };
      },
      referent: async () => ({ known: true, state: { kind: "absent" } }),
    },
    maxPendingPerAgent: 100,
    agents: agentMatcher({ groups: ["hoop:agents"], users: [], serviceAccounts: [], extras: {} }, ""),
    policies: policyPorts(CATALOGUE, [], {
      target: ({ name }) => ({ known: true, object: { metadata: { name, uid: `uid-${name}` } } }),
    }),
    terms: TERMS,
    installationNamespace: "hoop-system",
    volatilePaths: [],
    installationKey: "a key for tests",
    meter: { admission: () => {}, hold: () => {}, notRecorded: () => {} },
    ...given,
  };
}
