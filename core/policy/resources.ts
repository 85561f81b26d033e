/** The resources that every cluster has: which kind is served as what, and where. */

export interface KnownResource {
  group: string;
  version: string;
  kind: string;
  resource: string;
  isNamespaced: boolean;
}

/** By group and version, the preferred one first; `!` behind what has no namespace. */
const KINDS: readonly (readonly [apiVersion: string, kinds: string])[] = [
  [
    "v1",
    "Binding ComponentStatus! ConfigMap Endpoints Event LimitRange Namespace! Node! PersistentVolume! " +
      "PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount",
  ],
  ["apps/v1", "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet"],
  ["batch/v1", "CronJob Job"],
  ["rbac.authorization.k8s.io/v1", "ClusterRole! ClusterRoleBinding! Role RoleBinding"],
  ["networking.k8s.io/v1", "Ingress IngressClass! IPAddress! NetworkPolicy ServiceCIDR!"],
  ["networking.k8s.io/v1beta1", "IPAddress! ServiceCIDR!"],
  ["policy/v1", "PodDisruptionBudget"],
  ["autoscaling/v2", "HorizontalPodAutoscaler"],
  ["autoscaling/v1", "HorizontalPodAutoscaler"],
  [
    "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicy! MutatingAdmissionPolicyBinding! MutatingWebhookConfiguration! " +
      "ValidatingAdmissionPolicy! ValidatingAdmissionPolicyBinding! ValidatingWebhookConfiguration!",
  ],
  [
    "admissionregistration.k8s.io/v1beta1",
    "MutatingAdmissionPolicy! MutatingAdmissionPolicyBinding! ValidatingAdmissionPolicy! ValidatingAdmissionPolicyBinding!",
  ],
  ["apiextensions.k8s.io/v1", "CustomResourceDefinition!"],
  ["apiregistration.k8s.io/v1", "APIService!"],
  ["authentication.k8s.io/v1", "SelfSubjectReview! TokenReview!"],
  [
    "authorization.k8s.io/v1",
    "LocalSubjectAccessReview SelfSubjectAccessReview! SelfSubjectRulesReview! SubjectAccessReview!",
  ],
  ["certificates.k8s.io/v1", "CertificateSigningRequest!"],
  ["certificates.k8s.io/v1beta1", "ClusterTrustBundle! PodCertificateRequest"],
  ["coordination.k8s.io/v1", "Lease"],
  ["coordination.k8s.io/v1beta1", "LeaseCandidate"],
  ["discovery.k8s.io/v1", "EndpointSlice"],
  ["events.k8s.io/v1", "Event"],
  ["flowcontrol.apiserver.k8s.io/v1", "FlowSchema! PriorityLevelConfiguration!"],
  ["node.k8s.io/v1", "RuntimeClass!"],
  ["resource.k8s.io/v1", "DeviceClass! ResourceClaim ResourceClaimTemplate ResourceSlice!"],
  ["scheduling.k8s.io/v1", "PriorityClass!"],
  [
    "storage.k8s.io/v1",
    "CSIDriver! CSINode! CSIStorageCapacity StorageClass! VolumeAttachment! VolumeAttributesClass!",
  ],
  ["storagemigration.k8s.io/v1beta1", "StorageVersionMigration!"],
  ["policy.hoop.dev/v1alpha1", "AgentPolicy! AgentProfile!"],
  ["hoop.dev/v1alpha1", "Approval Ledger! Record SecureSecret Session"],
];

const IRREGULAR: ReadonlyMap<string, string> = new Map([
  ["Endpoints", "endpoints"],
  ["SecureSecret", "secure-secrets"],
]);

/** As Kubernetes names them. */
function plural(kind: string): string {
  const name = kind.toLowerCase();
  if (name.endsWith("s")) return `${name}es`;
  return /[^aeiou]y$/.test(name) ? `${name.slice(0, -1)}ies` : `${name}s`;
}

const KNOWN: readonly KnownResource[] = KINDS.flatMap(([apiVersion, kinds]) =>
  kinds.split(" ").map((marked) => {
    const kind = marked.replace("!", "");
    const [group, version] = parted(apiVersion);
    const resource = IRREGULAR.get(kind) ?? plural(kind);
    return { group, version, kind, resource, isNamespaced: kind === marked };
  }),
);

/** `apps/v1` as group and version; `v1` is of the core group. */
export function parted(apiVersion: string): [group: string, version: string] {
  const [first = "", second] = apiVersion.split("/");
  return second === undefined ? ["", first] : [first, second];
}

/** The resource that serves a built-in kind. */
export function resourceOfKind(apiVersion: string, kind: string): KnownResource | undefined {
  const [group, version] = parted(apiVersion);
  return KNOWN.find((known) => known.group === group && known.version === version && known.kind === kind);
}

/** A built-in resource by its name; without a group, the first that is called so. */
export function resourceNamed(resource: string, group?: string, version?: string): KnownResource | undefined {
  return KNOWN.find(
    (known) =>
      known.resource === resource &&
      known.group === (group ?? known.group) &&
      known.version === (version ?? known.version),
  );
}

/** What is written to, where that is not the resource's own kind. `*` is any resource. */
const OF_SUBRESOURCES: ReadonlyMap<string, readonly [apiVersion: string, kind: string]> = new Map([
  ["pods/exec", ["v1", "PodExecOptions"]],
  ["pods/attach", ["v1", "PodAttachOptions"]],
  ["pods/portforward", ["v1", "PodPortForwardOptions"]],
  ["pods/proxy", ["v1", "PodProxyOptions"]],
  ["services/proxy", ["v1", "ServiceProxyOptions"]],
  ["nodes/proxy", ["v1", "NodeProxyOptions"]],
  ["pods/eviction", ["policy/v1", "Eviction"]],
  ["pods/binding", ["v1", "Binding"]],
  ["serviceaccounts/token", ["authentication.k8s.io/v1", "TokenRequest"]],
  ["*/scale", ["autoscaling/v1", "Scale"]],
]);

/** Apiversion and kind of what a request to a subresource carries; undefined where it is the resource's own. */
export function kindOfSubresource(
  resource: string,
  subresource: string,
): { apiVersion: string; kind: string } | undefined {
  const found = OF_SUBRESOURCES.get(`${resource}/${subresource}`) ?? OF_SUBRESOURCES.get(`*/${subresource}`);
  return found === undefined ? undefined : { apiVersion: found[0], kind: found[1] };
}

/** Subresources that are connected to, not written. */
const CONNECTED: ReadonlySet<string> = new Set(["exec", "attach", "portforward", "proxy"]);

export function isConnected(subresource: string): boolean {
  return CONNECTED.has(subresource);
}
