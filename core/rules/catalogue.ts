/**
 * The shipped risk catalogue: what agents may not do, and what waits for a human. Each rule is a row; the most
 * restrictive row that fires wins (`judge`). Everything no row names is allowed and recorded.
 */
import { type AdmissionRequest, type JsonObject, list, member, targetName, text } from "../admission.ts";
import { canonical } from "../canonical.ts";
import { writesOwnAnnotations } from "./own-annotations.ts";
import {
  addsCapabilities,
  escalates,
  gainsSecrets,
  gainsServiceAccount,
  inContainers,
  inPodSpec,
  mountsHostPath,
  POD_WRITES,
  privileged,
  sharesHostNamespaces,
  WORKLOADS,
} from "./pod-template.ts";
import type { Rule, RuleContext } from "./rule.ts";

const RBAC = "rbac.authorization.k8s.io";
const WRITES = ["CREATE", "UPDATE", "DELETE"] as const;

const DENIED: readonly Rule[] = [
  {
    name: "hoop-itself",
    action: "deny",
    why: "Hoop's own namespace, workloads, roles and priority levels are not for agents",
    match: [{ resources: ["*"] }],
    finds: partOfHoop,
  },
  {
    name: "hoop-annotations",
    action: "deny",
    why: "annotations under hoop.dev/ are set by people and by Hoop; an agent may set only hoop.dev/reason",
    match: [{ operations: ["CREATE", "UPDATE"], resources: ["*"] }],
    finds: writesOwnAnnotations,
  },
  {
    name: "hoop-policies",
    action: "deny",
    why: "who is an agent, and what agents may do, is for people to say",
    match: [{ operations: WRITES, groups: ["policy.hoop.dev"], resources: ["*"] }],
  },
  {
    name: "hoop-apis",
    action: "deny",
    why: "the API group hoop.dev is Hoop's",
    match: [
      { operations: WRITES, groups: ["apiextensions.k8s.io"], resources: ["customresourcedefinitions/*"] },
      { operations: WRITES, groups: ["apiregistration.k8s.io"], resources: ["apiservices/*"] },
    ],
    finds: namesOwnGroup,
  },
  {
    name: "secret-update",
    action: "deny",
    why: "the answer to a write of a Secret carries its values; use secure-secrets or ask a person",
    match: [{ operations: ["UPDATE"], groups: [""], resources: ["secrets/*"], through: "admission" }],
  },
  {
    name: "identity-secret",
    action: "deny",
    why: "a Secret of this type is a credential for the API server itself",
    match: [
      { operations: ["CREATE", "UPDATE"], groups: [""], resources: ["secrets"] },
      { operations: ["CONNECT"], groups: [""], resources: ["secrets/reveal"] },
    ],
    finds: isIdentity,
  },
  {
    name: "secret-unsafe-delete",
    action: "deny",
    why: "this way of deleting a Secret answers with its values; delete it with --cascade=background",
    match: [{ operations: ["DELETE"], groups: [""], resources: ["secrets"] }],
    finds: deleteAnswersWithObject,
  },
  {
    name: "token-request",
    action: "deny",
    why: "a token would let the agent act as that ServiceAccount, unseen",
    match: [{ groups: [""], resources: ["serviceaccounts/token"] }],
  },
  {
    name: "csr-approval",
    action: "deny",
    why: "approving or signing a certificate makes identities",
    match: [
      {
        groups: ["certificates.k8s.io"],
        resources: ["certificatesigningrequests/approval", "certificatesigningrequests/status"],
      },
    ],
  },
  {
    name: "node-proxy",
    action: "deny",
    why: "the kubelet's API runs commands in any pod of the node",
    match: [{ operations: ["CONNECT"], groups: [""], resources: ["nodes/*"] }],
  },
];

const HELD: readonly Rule[] = [
  {
    name: "namespace-delete",
    action: "hold",
    why: "deletes everything in the namespace",
    match: [{ operations: ["DELETE"], groups: [""], resources: ["namespaces"] }],
  },
  {
    name: "namespace-finalize",
    action: "hold",
    why: "ends a namespace without its contents being removed",
    match: [{ groups: [""], resources: ["namespaces/finalize"] }],
  },
  {
    name: "namespace-owner",
    action: "hold",
    why: "the garbage collector deletes what has owners of which none exists, here with everything in the namespace",
    match: [{ operations: ["UPDATE"], groups: [""], resources: ["namespaces/*"] }],
    finds: changesOwners,
  },
  {
    name: "rbac-write",
    action: "hold",
    why: "changes who may do what",
    match: [
      {
        operations: WRITES,
        groups: [RBAC],
        resources: ["clusterroles", "clusterrolebindings", "roles", "rolebindings"],
      },
    ],
  },
  {
    name: "pod-connect",
    action: "hold",
    why: "runs commands in a pod, or talks to it past its Service",
    match: [{ operations: ["CONNECT"], resources: ["*"], through: "admission" }],
  },
  {
    name: "ephemeral-container",
    action: "hold",
    why: "adds a container to a running pod",
    match: [{ groups: [""], resources: ["pods/ephemeralcontainers"] }],
  },
  {
    name: "pod-delete",
    action: "hold",
    why: "ends a running pod",
    match: [
      { operations: ["DELETE"], groups: [""], resources: ["pods"] },
      { operations: ["CREATE"], groups: [""], resources: ["pods/eviction"] },
    ],
  },
  {
    name: "privileged-container",
    action: "hold",
    why: "a privileged container owns its node",
    match: WORKLOADS,
    finds: inContainers(privileged),
  },
  {
    name: "privilege-escalation",
    action: "hold",
    why: "processes may gain more privileges than their parent",
    match: WORKLOADS,
    finds: inContainers(escalates),
  },
  {
    name: "added-capabilities",
    action: "hold",
    why: "Linux capabilities beyond the default",
    match: WORKLOADS,
    finds: inContainers(addsCapabilities),
  },
  {
    name: "host-namespaces",
    action: "hold",
    why: "shares the node's network, processes or IPC",
    match: WORKLOADS,
    finds: inPodSpec(sharesHostNamespaces),
  },
  {
    name: "host-path",
    action: "hold",
    why: "mounts the node's file system",
    match: WORKLOADS,
    finds: inPodSpec(mountsHostPath),
  },
  {
    name: "host-path-volume",
    action: "hold",
    why: "gives the node's file system to whoever claims it",
    match: [{ operations: ["CREATE"], groups: [""], resources: ["persistentvolumes"] }],
    finds: onNodeFileSystem,
  },
  {
    name: "service-account",
    action: "hold",
    why: "runs code as a ServiceAccount this object did not already use",
    match: WORKLOADS,
    finds: gainsServiceAccount,
  },
  {
    name: "secret-use",
    action: "hold",
    why: "puts a Secret into a pod, where its values can be read, that this object did not already use",
    match: POD_WRITES,
    finds: gainsSecrets,
  },
  {
    name: "service-account-secrets",
    action: "hold",
    why: "gives a Secret to every pod that runs as this ServiceAccount",
    match: [{ operations: ["CREATE", "UPDATE"], groups: [""], resources: ["serviceaccounts"] }],
    finds: gainsSecretsForPods,
  },
  {
    name: "flow-control",
    action: "hold",
    why: "decides whose requests the API server serves first",
    match: [{ operations: WRITES, groups: ["flowcontrol.apiserver.k8s.io"], resources: ["*"] }],
  },
  {
    name: "secret-create",
    action: "hold",
    why: "brings a new credential into the cluster",
    match: [{ operations: ["CREATE"], groups: [""], resources: ["secrets"] }],
  },
  {
    name: "secret-change",
    action: "hold",
    why: "changes a credential, or what is said of it",
    match: [{ operations: ["UPDATE"], groups: [""], resources: ["secrets"] }],
  },
  {
    name: "secret-reveal",
    action: "hold",
    why: "tells the agent a value of a Secret",
    match: [{ operations: ["CONNECT"], groups: [""], resources: ["secrets/reveal"] }],
  },
  {
    name: "secret-delete",
    action: "hold",
    why: "what uses this Secret stops working",
    match: [{ operations: ["DELETE"], groups: [""], resources: ["secrets"] }],
  },
  {
    name: "csr-create",
    action: "hold",
    why: "asks for a certificate, that is for an identity",
    match: [
      { operations: ["CREATE"], groups: ["certificates.k8s.io"], resources: ["certificatesigningrequests"] },
    ],
  },
  {
    name: "crd-write",
    action: "hold",
    why: "changes an API of the cluster; deleting it deletes all its objects",
    match: [
      { operations: WRITES, groups: ["apiextensions.k8s.io"], resources: ["customresourcedefinitions"] },
    ],
  },
  {
    name: "apiservice-write",
    action: "hold",
    why: "changes which server answers for an API group",
    match: [{ operations: WRITES, groups: ["apiregistration.k8s.io"], resources: ["apiservices"] }],
  },
  {
    name: "node-write",
    action: "hold",
    why: "changes a node for everything that runs on it",
    match: [{ operations: WRITES, groups: [""], resources: ["nodes/*"] }],
  },
  {
    name: "identity-configmap",
    action: "hold",
    why: "this ConfigMap says who is who in the cluster",
    match: [
      {
        operations: WRITES,
        groups: [""],
        resources: ["configmaps"],
        namespaces: ["kube-system"],
        names: ["extension-apiserver-authentication", "aws-auth"],
      },
    ],
  },
];

export const CATALOGUE: readonly Rule[] = [...DENIED, ...HELD];

/** Cluster-scoped things that Hoop consists of are named so. */
const OWN_NAME = /^hoop($|-)/;
const OWN_KINDS: ReadonlySet<string> = new Set([
  "flowcontrol.apiserver.k8s.io/flowschemas",
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations",
  `${RBAC}/clusterroles`,
  `${RBAC}/clusterrolebindings`,
  "scheduling.k8s.io/priorityclasses",
]);

function partOfHoop(request: AdmissionRequest, context: RuleContext): string | undefined {
  const kind = `${request.resource.group}/${request.resource.resource}`;
  const name = targetName(request);
  if (request.namespace === context.installationNamespace) return `namespace ${request.namespace}`;
  if (kind === "/namespaces" && name === context.installationNamespace) return `namespace ${name}`;
  if (OWN_KINDS.has(kind) && OWN_NAME.test(name)) return `${request.resource.resource} ${name}`;
  if (kind === `${RBAC}/rolebindings` && request.namespace === "kube-system" && OWN_NAME.test(name))
    return `rolebinding kube-system/${name}`;
  if (kind !== "/persistentvolumes") return undefined;
  const claimed = [request.object, request.oldObject].some(
    (volume) =>
      volume !== null &&
      text(member(member(volume, "spec"), "claimRef"), "namespace") === context.installationNamespace,
  );
  return claimed ? `volume ${name}` : undefined;
}

function changesOwners({ object, oldObject }: AdmissionRequest): string | undefined {
  const owners = (of: JsonObject | null) => list(member(of ?? {}, "metadata"), "ownerReferences");
  const now = owners(object);
  if (now.length === 0 || canonical(now) === canonical(owners(oldObject))) return undefined;
  return now.map((owner) => `${text(owner, "kind")} ${text(owner, "name")}`).join(", ");
}

function onNodeFileSystem({ object }: AdmissionRequest): string | undefined {
  const spec = member(object ?? {}, "spec");
  return [member(spec, "hostPath"), member(spec, "local")]
    .map((source) => text(source, "path"))
    .find(Boolean);
}

function namesOwnGroup(request: AdmissionRequest): string | undefined {
  const objects = [request.object, request.oldObject].filter((object) => object !== null);
  const groups = objects.map((object) => text(member(object, "spec"), "group"));
  const suffixes = [request.name, ...objects.map((object) => text(member(object, "metadata"), "name"))];
  const own = [...groups, ...suffixes].some((name) => /(^|\.)hoop\.dev$/.test(name));
  return own ? request.name || groups.join(" ") : undefined;
}

/** Whoever makes one of these, or knows its value, authenticates with it. */
const IDENTITIES: ReadonlySet<string> = new Set([
  "kubernetes.io/service-account-token",
  "bootstrap.kubernetes.io/token",
]);

function isIdentity({ object, oldObject }: AdmissionRequest): string | undefined {
  return [object, oldObject].map((secret) => text(secret ?? {}, "type")).find((type) => IDENTITIES.has(type));
}

function gainsSecretsForPods({ object, oldObject }: AdmissionRequest): string | undefined {
  const named = (account: JsonObject | null) =>
    ["secrets", "imagePullSecrets"].flatMap((field) =>
      list(account ?? {}, field).map((secret) => text(secret, "name")),
    );
  const before = new Set(named(oldObject));
  const gained = [...new Set(named(object))].filter((name) => name !== "" && !before.has(name)).sort();
  return gained.length === 0 ? undefined : gained.join(", ");
}

/** The answer to such a delete is the Secret itself, not a Status. */
function deleteAnswersWithObject(request: AdmissionRequest): string | undefined {
  const finalizers = list(member(request.oldObject ?? {}, "metadata"), "finalizers");
  if (finalizers.length > 0) return "it has finalizers";
  const policy = text(request.options ?? {}, "propagationPolicy");
  if (policy !== "" && policy !== "Background") return `propagationPolicy ${policy}`;
  const orphan = request.options?.["orphanDependents"];
  return orphan === true ? "orphanDependents" : undefined;
}
