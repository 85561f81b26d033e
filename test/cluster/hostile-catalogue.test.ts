/**
 * Ways around the catalogue, by an agent whom RBAC lets do everything: the same risk by another verb, another media
 * type, another kind, another field; and everything that would take Hoop itself apart.
 */
import { expect } from "chai";
import {
  APPS,
  apply,
  BATCH,
  CRDS,
  DEMO,
  del,
  FLOW,
  HOOP,
  MERGE,
  patch as patchOf,
  post,
  put,
  RBAC,
} from "../support/calls.ts";
import {
  clusterScoped,
  customResource,
  deployment,
  HARMLESS,
  type Manifest,
  namespaced,
  PRIVILEGED,
  pod,
  selected,
  signingRequest,
  template,
} from "../support/objects.ts";
import { asUserOf, type Call, type Caller, verdictOf } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const ADMISSION = "/apis/admissionregistration.k8s.io/v1";

const STRATEGIC = "application/strategic-merge-patch+json";
const JSON_PATCH = "application/json-patch+json";

const patch = (path: string, body: object, type = STRATEGIC): Call => patchOf(path, body, type);
const container = (securityContext: object) => ({ name: "main", image: "app:1", securityContext });
const HOST_PATH = { ...HARMLESS, volumes: [{ name: "host", hostPath: { path: "/etc" } }] };
/** What Pod Security lets into any namespace. */
const RESTRICTED = {
  ...HARMLESS,
  securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
  containers: [container({ allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } })],
};
const jobOf = (spec: object) => ({ template: { spec: { restartPolicy: "Never", ...spec } } });
const CAPABLE = { ...HARMLESS, containers: [container({ capabilities: { add: ["SYS_ADMIN"] } })] };

const SEEDS: readonly Manifest[] = [
  namespaced("v1", "ServiceAccount", "default"),
  namespaced("v1", "ServiceAccount", "strong"),
  { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: "hoop-system" } },
  clusterScoped("v1", "Namespace", "prod"),
  deployment("web"),
  pod("plain"),
  pod("sized", {
    ...HARMLESS,
    containers: [
      { ...container({}), resources: { limits: { memory: "1Gi" }, requests: { memory: "64Mi" } } },
    ],
  }),
  namespaced("apps/v1", "ReplicaSet", "rs", { spec: selected(HARMLESS) }),
  namespaced("apps/v1", "StatefulSet", "db", { spec: { serviceName: "db", ...selected(HARMLESS) } }),
  namespaced("apps/v1", "DaemonSet", "ds", { spec: selected(HARMLESS) }),
  namespaced("v1", "ReplicationController", "rc", {
    spec: { selector: { app: "web" }, template: template(HARMLESS) },
  }),
  namespaced("v1", "PodTemplate", "pt", { template: template(HARMLESS) }),
  namespaced("batch/v1", "CronJob", "nightly", {
    spec: { schedule: "0 4 * * *", jobTemplate: { spec: jobOf(HARMLESS) } },
  }),
  signingRequest("pending-csr", "mallory"),
  clusterScoped("flowcontrol.apiserver.k8s.io/v1", "PriorityLevelConfiguration", "hoop-agents", {
    spec: { type: "Limited", limited: { nominalConcurrencyShares: 5, limitResponse: { type: "Reject" } } },
  }),
  clusterScoped("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", "hoop-agents", {
    spec: { matchingPrecedence: 90, priorityLevelConfiguration: { name: "hoop-agents" } },
  }),
  clusterScoped("v1", "PersistentVolume", "hoop-data", {
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      csi: { driver: "x", volumeHandle: "y" },
      claimRef: { namespace: "hoop-system", name: "data" },
    },
  }),
];

type Attacks = Readonly<Record<string, readonly [call: Call, verdict: string]>>;

const RISKY_PODS: Attacks = {
  "a privileged container among the containers": [
    post(`${DEMO}/pods`, pod("p1", PRIVILEGED)),
    "held by privileged-container",
  ],
  "a privileged init container": [
    post(
      `${DEMO}/pods`,
      pod("p2", { ...HARMLESS, initContainers: [{ ...container({ privileged: true }), name: "init" }] }),
    ),
    "held by privileged-container",
  ],
  "a privileged pod by server-side apply of a name that is not there": [
    apply(`${DEMO}/pods/p3`, pod("p3", PRIVILEGED)),
    "held by privileged-container",
  ],
  "a privileged Deployment by PUT, which updates what a person made": [
    put(`${APPS}/deployments/web`, deployment("web", PRIVILEGED)),
    "held by privileged-container",
  ],
  "a privileged template by strategic merge patch": [
    patch(`${APPS}/deployments/web`, {
      spec: { template: { spec: { containers: [container({ privileged: true })] } } },
    }),
    "held by privileged-container",
  ],
  "a privileged template by JSON merge patch": [
    patch(
      `${APPS}/deployments/web`,
      { spec: { template: { spec: { containers: [container({ privileged: true })] } } } },
      MERGE,
    ),
    "held by privileged-container",
  ],
  "a privileged template by JSON patch": [
    patch(
      `${APPS}/deployments/web`,
      [{ op: "add", path: "/spec/template/spec/containers/0/securityContext", value: { privileged: true } }],
      JSON_PATCH,
    ),
    "held by privileged-container",
  ],
  "a privileged template by server-side apply": [
    apply(`${APPS}/deployments/web`, deployment("web", PRIVILEGED)),
    "held by privileged-container",
  ],
  "a privileged ReplicaSet": [
    post(`${APPS}/replicasets`, namespaced("apps/v1", "ReplicaSet", "rs1", { spec: selected(PRIVILEGED) })),
    "held by pod-adoption,privileged-container",
  ],
  "a privileged template put into a ReplicaSet": [
    patch(`${APPS}/replicasets/rs`, {
      spec: { template: { spec: { containers: [container({ privileged: true })] } } },
    }),
    "held by privileged-container",
  ],
  "a privileged template put into a StatefulSet": [
    patch(`${APPS}/statefulsets/db`, {
      spec: { template: { spec: { containers: [container({ privileged: true })] } } },
    }),
    "held by privileged-container",
  ],
  "a privileged template put into a ReplicationController": [
    patch(`${DEMO}/replicationcontrollers/rc`, {
      spec: { template: { spec: { containers: [container({ privileged: true })] } } },
    }),
    "held by privileged-container",
  ],
  "a privileged template put into a PodTemplate": [
    patch(`${DEMO}/podtemplates/pt`, {
      template: { spec: { containers: [container({ privileged: true })] } },
    }),
    "held by privileged-container",
  ],
  "a privileged template hidden in a ControllerRevision, from which StatefulSets make pods": [
    post(
      `${APPS}/controllerrevisions`,
      namespaced("apps/v1", "ControllerRevision", "db-1", {
        revision: 1,
        data: { spec: { template: { $patch: "replace", spec: PRIVILEGED } } },
      }),
    ),
    "held by controller-revision,privileged-container",
  ],
  "a privileged template in a spelling that only the controller reads": [
    post(
      `${APPS}/controllerrevisions`,
      namespaced("apps/v1", "ControllerRevision", "db-2", {
        revision: 2,
        data: { spec: { template: { $patch: "replace", Spec: PRIVILEGED, spec: HARMLESS } } },
      }),
    ),
    "held by controller-revision",
  ],
  "a revision for a StatefulSet's next pods, by its status": [
    patch(`${APPS}/statefulsets/db/status`, { status: { replicas: 1, currentRevision: "db-2" } }, MERGE),
    "held by status-write",
  ],
  "a Job of another namespace, by a CronJob's status": [
    patch(
      `${BATCH}/cronjobs/nightly/status`,
      { status: { active: [{ apiVersion: "batch/v1", kind: "Job", namespace: "prod", name: "payroll" }] } },
      MERGE,
    ),
    "held by status-write",
  ],
  "a node selector that no node has, for a DaemonSet": [
    patch(`${APPS}/daemonsets/ds`, { spec: { template: { spec: { nodeSelector: { nowhere: "true" } } } } }),
    "held by daemonset-narrowed",
  ],
  "whatever a server exports, in a pod's own volume": [
    post(
      `${DEMO}/pods`,
      pod("p4", { ...HARMLESS, volumes: [{ name: "all", nfs: { server: "nfs.example.com", path: "/" } }] }),
    ),
    "held by driver-volume",
  ],
  "anybody's disk, put into a Deployment by its address": [
    patch(`${APPS}/deployments/web`, {
      spec: {
        template: {
          spec: { volumes: [{ name: "d", awsElasticBlockStore: { volumeID: "vol-1" } }] },
        },
      },
    }),
    "held by driver-volume",
  ],
  "hostPath in a CronJob": [
    post(
      `${BATCH}/cronjobs`,
      namespaced("batch/v1", "CronJob", "c1", {
        spec: { schedule: "0 4 * * *", jobTemplate: { spec: jobOf(HOST_PATH) } },
      }),
    ),
    "held by host-path",
  ],
  "hostPath put into a CronJob": [
    patch(`${BATCH}/cronjobs/nightly`, {
      spec: { jobTemplate: { spec: { template: { spec: { volumes: HOST_PATH.volumes } } } } },
    }),
    "held by host-path",
  ],
  "hostPath behind a PersistentVolume": [
    post(
      "/api/v1/persistentvolumes",
      clusterScoped("v1", "PersistentVolume", "root", {
        spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/" } },
      }),
    ),
    "held by host-path-volume",
  ],
  "a node's directory behind a local PersistentVolume": [
    post(
      "/api/v1/persistentvolumes",
      clusterScoped("v1", "PersistentVolume", "etc", {
        spec: {
          capacity: { storage: "1Gi" },
          accessModes: ["ReadWriteOnce"],
          local: { path: "/etc" },
          nodeAffinity: {
            required: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "Exists" }] },
              ],
            },
          },
        },
      }),
    ),
    "held by host-path-volume",
  ],
  "capabilities added by an update": [
    put(`${APPS}/deployments/web`, deployment("web", CAPABLE)),
    "held by added-capabilities",
  ],
  "allowPrivilegeEscalation put into a DaemonSet": [
    patch(`${APPS}/daemonsets/ds`, {
      spec: { template: { spec: { containers: [container({ allowPrivilegeEscalation: true })] } } },
    }),
    "held by privilege-escalation",
  ],
  "the node's network, processes and IPC": [
    post(`${DEMO}/pods`, pod("p4", { ...HARMLESS, hostNetwork: true, hostPID: true, hostIPC: true })),
    "held by host-namespaces",
  ],
  "a host process by the pod's Windows options": [
    patch(`${APPS}/deployments/web`, {
      spec: {
        template: {
          spec: { hostNetwork: true, securityContext: { windowsOptions: { hostProcess: true } } },
        },
      },
    }),
    "held by host-namespaces",
  ],
  "a privileged template by the status, which changes nothing": [
    put(`${APPS}/deployments/web/status`, deployment("web", PRIVILEGED)),
    "200",
  ],
  "a pod's own image, which may change while nothing risky is in it": [
    patch(`${DEMO}/pods/plain`, { spec: { containers: [{ name: "main", image: "app:2" }] } }),
    "200",
  ],
  "another ServiceAccount": [
    patch(`${APPS}/deployments/web`, { spec: { template: { spec: { serviceAccountName: "strong" } } } }),
    "held by service-account",
  ],
  "another ServiceAccount by the deprecated field": [
    patch(
      `${APPS}/deployments/web`,
      [{ op: "add", path: "/spec/template/spec/serviceAccount", value: "strong" }],
      JSON_PATCH,
    ),
    "held by service-account",
  ],
  "the deprecated field in a new pod": [
    post(`${DEMO}/pods`, pod("p5", { ...HARMLESS, serviceAccount: "strong" })),
    "held by service-account",
  ],
  "the token of the default ServiceAccount, mounted from now on": [
    patch(`${APPS}/deployments/web`, {
      spec: { template: { spec: { automountServiceAccountToken: true } } },
    }),
    "held by service-account",
  ],
  "the token of the default ServiceAccount by a projected volume": [
    post(
      `${DEMO}/pods`,
      pod("p6", {
        ...HARMLESS,
        volumes: [{ name: "t", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }],
      }),
    ),
    "held by service-account",
  ],
};

const DELETES: Attacks = {
  "an eviction in place of a delete": [
    post(`${DEMO}/pods/plain/eviction`, {
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name: "plain", namespace: "demo" },
    }),
    "held by pod-delete",
  ],
  "less memory than it uses, by a resize": [
    patch(`${DEMO}/pods/sized/resize`, {
      spec: { containers: [{ name: "main", resources: { limits: { memory: "64Mi" } } }] },
    }),
    "held by pod-resize",
  ],
  "a delete at once": [
    del(`${DEMO}/pods/plain`, { gracePeriodSeconds: 0, propagationPolicy: "Background" }),
    "held by pod-delete",
  ],
  "the end of a Namespace by finalize": [
    put("/api/v1/namespaces/prod/finalize", { ...clusterScoped("v1", "Namespace", "prod"), spec: {} }),
    "held by namespace-finalize",
  ],
  "a Namespace given an owner that does not exist, for the garbage collector to delete": [
    patch("/api/v1/namespaces/prod", {
      metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Node", name: "gone", uid: "gone" }] },
    }),
    "held by namespace-owner",
  ],
  "a Namespace given such an owner by its status": [
    patch("/api/v1/namespaces/prod/status", {
      metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Node", name: "gone", uid: "gone" }] },
    }),
    "held by namespace-owner",
  ],
};

const CONNECTIONS: Attacks = {
  "exec by GET": [{ path: `${DEMO}/pods/plain/exec?command=id&stdout=true` }, "held by pod-connect"],
  "exec by POST": [
    { method: "POST", path: `${DEMO}/pods/plain/exec?command=id&stdout=true` },
    "held by pod-connect",
  ],
  attach: [{ path: `${DEMO}/pods/plain/attach?stdout=true` }, "held by pod-connect"],
  "port forwarding": [{ method: "POST", path: `${DEMO}/pods/plain/portforward` }, "held by pod-connect"],
  "a pod's proxy": [{ path: `${DEMO}/pods/plain/proxy/` }, "held by pod-connect"],
  "a pod's proxy, port and path": [
    { method: "PUT", path: `${DEMO}/pods/http:plain:80/proxy/a/b` },
    "held by pod-connect",
  ],
  "the kubelet": [{ path: "/api/v1/nodes/node-1/proxy/pods" }, "forbidden by node-proxy"],
  "the kubelet by POST": [
    { method: "POST", path: "/api/v1/nodes/node-1/proxy/run/demo/plain/main?cmd=id" },
    "forbidden by node-proxy",
  ],
  "an ephemeral container": [
    patch(`${DEMO}/pods/plain/ephemeralcontainers`, {
      spec: { ephemeralContainers: [{ name: "debug", image: "busybox" }] },
    }),
    "held by ephemeral-container",
  ],
  "a privileged ephemeral container": [
    patch(`${DEMO}/pods/plain/ephemeralcontainers`, {
      spec: {
        ephemeralContainers: [{ name: "debug", image: "busybox", securityContext: { privileged: true } }],
      },
    }),
    "held by ephemeral-container,privileged-container",
  ],
};

const COLLECTIONS: Attacks = {
  "all pods": [del(`${DEMO}/pods`), "delete by name"],
  "all pods of a selector": [del(`${DEMO}/pods?labelSelector=!app`), "delete by name"],
  "all RoleBindings of kube-system": [
    del(`${RBAC}/namespaces/kube-system/rolebindings?labelSelector=app.kubernetes.io%2Fpart-of=hoop`),
    "denied by hoop-itself",
  ],
  "all ClusterRoles": [
    del(`${RBAC}/clusterroles?labelSelector=app.kubernetes.io%2Fpart-of=hoop`),
    "denied by hoop-itself",
  ],
  "all FlowSchemas": [
    del(`${FLOW}/flowschemas?fieldSelector=metadata.name=hoop-agents`),
    "denied by hoop-itself",
  ],
  "all priority levels": [
    del(`${FLOW}/prioritylevelconfigurations?fieldSelector=metadata.name=hoop-agents`),
    "denied by hoop-itself",
  ],
  "all PersistentVolumes": [del("/api/v1/persistentvolumes"), "denied by hoop-itself"],
  "all API services": [
    del("/apis/apiregistration.k8s.io/v1/apiservices?labelSelector=app.kubernetes.io%2Fpart-of=hoop"),
    "forbidden by hoop-apis",
  ],
  "all ConfigMaps of kube-system, and with them who is who": [
    del(
      "/api/v1/namespaces/kube-system/configmaps?fieldSelector=metadata.name=extension-apiserver-authentication",
    ),
    "delete by name",
  ],
};

const IDENTITIES: Attacks = {
  "a token of a ServiceAccount": [
    post(`${DEMO}/serviceaccounts/strong/token`, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {},
    }),
    "forbidden by token-request",
  ],
  "a token by dry run": [
    post(`${DEMO}/serviceaccounts/strong/token?dryRun=All`, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {},
    }),
    "forbidden by token-request",
  ],
  "a Secret that the controllers fill with a token": [
    post(`${DEMO}/secrets`, {
      ...namespaced("v1", "Secret", "t", { type: "kubernetes.io/service-account-token" }),
      metadata: {
        name: "t",
        namespace: "demo",
        annotations: { "kubernetes.io/service-account.name": "strong" },
      },
    }),
    "denied by identity-secret",
  ],
  "a RoleBinding": [
    post(
      `${RBAC}/namespaces/demo/rolebindings`,
      namespaced("rbac.authorization.k8s.io/v1", "RoleBinding", "b", {
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "hoop-approver" },
        subjects: [{ kind: "ServiceAccount", name: "strong", namespace: "demo" }],
      }),
    ),
    "held by rbac-write,rbac-escalation",
  ],
  "a certificate": [
    post("/apis/certificates.k8s.io/v1/certificatesigningrequests", signingRequest("mine", "mallory")),
    "held by csr-create",
  ],
  "the approval of a certificate": [
    patch(
      "/apis/certificates.k8s.io/v1/certificatesigningrequests/pending-csr/approval",
      { status: { conditions: [{ type: "Approved", status: "True", reason: "me" }] } },
      MERGE,
    ),
    "forbidden by csr-approval",
  ],
  "the signing of a certificate": [
    patch(
      "/apis/certificates.k8s.io/v1/certificatesigningrequests/pending-csr/status",
      { status: { certificate: "LS0t" } },
      MERGE,
    ),
    "forbidden by csr-approval",
  ],
  "who the front proxy is": [
    patch(
      "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
      { data: { "requestheader-allowed-names": "[]" } },
      MERGE,
    ),
    "held by identity-configmap",
  ],
};

const HOOP_ITSELF: Attacks = {
  "reading its pods": [{ path: `${HOOP}/pods` }, "forbidden by hoop-namespace"],
  "reading its Namespace": [{ path: HOOP }, "forbidden by hoop-namespace"],
  "reading its ConfigMaps by watch": [
    { path: `/api/v1/watch/namespaces/hoop-system/configmaps` },
    "forbidden by hoop-namespace",
  ],
  "reading the log of its pod": [{ path: `${HOOP}/pods/hoop-0/log` }, "forbidden by hoop-namespace"],
  "deleting its Namespace": [del(HOOP), "forbidden by hoop-namespace"],
  "ending its Namespace by finalize": [
    put(`${HOOP}/finalize`, { ...clusterScoped("v1", "Namespace", "hoop-system"), spec: {} }),
    "forbidden by hoop-namespace",
  ],
  "a label on its Namespace": [
    patch(HOOP, { metadata: { labels: { a: "b" } } }),
    "forbidden by hoop-namespace",
  ],
  "a pod in its namespace": [
    post(`${HOOP}/pods`, { ...pod("x", RESTRICTED), metadata: { name: "x", namespace: "hoop-system" } }),
    "forbidden by hoop-namespace",
  ],
  "its Service": [
    patch(`${HOOP}/services/hoop`, { spec: { externalName: "evil" } }),
    "forbidden by hoop-namespace",
  ],
  "its ServiceAccount": [del(`${HOOP}/serviceaccounts/hoop`), "forbidden by hoop-namespace"],
  "a quota in its namespace": [
    post(`${HOOP}/resourcequotas`, {
      ...namespaced("v1", "ResourceQuota", "none", { spec: { hard: { pods: "0" } } }),
      metadata: { name: "none", namespace: "hoop-system" },
    }),
    "forbidden by hoop-namespace",
  ],
  "endpoints beside its Service": [
    post("/apis/discovery.k8s.io/v1/namespaces/hoop-system/endpointslices", {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "evil", labels: { "kubernetes.io/service-name": "hoop" } },
      addressType: "IPv4",
      endpoints: [],
    }),
    "forbidden by hoop-namespace",
  ],
  "its ClusterRole": [patch(`${RBAC}/clusterroles/hoop`, { rules: [] }, MERGE), "denied by hoop-itself"],
  "its ClusterRoleBinding": [del(`${RBAC}/clusterrolebindings/hoop-auth-delegator`), "denied by hoop-itself"],
  "its RoleBinding in kube-system": [
    del(`${RBAC}/namespaces/kube-system/rolebindings/hoop-authentication-reader`),
    "denied by hoop-itself",
  ],
  "its FlowSchema": [del(`${FLOW}/flowschemas/hoop-agents`), "denied by hoop-itself"],
  "its priority level": [
    patch(`${FLOW}/prioritylevelconfigurations/hoop-agents`, { metadata: { labels: { a: "b" } } }, MERGE),
    "denied by hoop-itself",
  ],
  "its volume": [del("/api/v1/persistentvolumes/hoop-data"), "denied by hoop-itself"],
  "its volume, claimed by another": [
    patch("/api/v1/persistentvolumes/hoop-data", { spec: { claimRef: { namespace: "demo" } } }, MERGE),
    "denied by hoop-itself",
  ],
  "a volume that its claim would take": [
    post(
      "/api/v1/persistentvolumes",
      clusterScoped("v1", "PersistentVolume", "bait", {
        spec: {
          capacity: { storage: "1Gi" },
          accessModes: ["ReadWriteOnce"],
          csi: { driver: "x", volumeHandle: "z" },
          claimRef: { namespace: "hoop-system", name: "data" },
        },
      }),
    ),
    "denied by hoop-itself",
  ],
  "its APIService": [
    patch(
      "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.hoop.dev",
      { spec: { service: { name: "evil" } } },
      MERGE,
    ),
    "forbidden by hoop-apis",
  ],
  "the status of its APIService": [
    patch("/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.hoop.dev/status", { status: {} }, MERGE),
    "forbidden by hoop-apis",
  ],
  "another APIService": [
    patch("/apis/apiregistration.k8s.io/v1/apiservices/v1.apps", { spec: { versionPriority: 1 } }, MERGE),
    "held by apiservice-write",
  ],
  "a CRD in its group": [post(CRDS, renamed("things.hoop.dev", "hoop.dev")), "denied by hoop-apis"],
  "a CRD in a group below its own": [
    post(CRDS, renamed("things.x.hoop.dev", "x.hoop.dev")),
    "denied by hoop-apis",
  ],
  "a CRD in a group that only ends alike": [
    post(CRDS, renamed("things.notahoop.dev", "notahoop.dev")),
    "held by crd-write",
  ],
};

const REGISTRATIONS: Attacks = Object.fromEntries(
  [
    "validatingwebhookconfigurations",
    "mutatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
  ].flatMap((resource): [string, [Call, string]][] =>
    [
      post(`${ADMISSION}/${resource}`, { metadata: { name: "evil" } }),
      put(`${ADMISSION}/${resource}/hoop`, { metadata: { name: "hoop" }, webhooks: [] }),
      patch(`${ADMISSION}/${resource}/hoop`, { webhooks: [] }, MERGE),
      apply(`${ADMISSION}/${resource}/hoop`, { metadata: { name: "hoop" } }),
      patch(`${ADMISSION}/${resource}/hoop/status`, {}, MERGE),
      del(`${ADMISSION}/${resource}/hoop`),
      del(`${ADMISSION}/${resource}`),
      del(`${ADMISSION}/${resource}/hoop?dryRun=All`),
    ].map((call) => [
      `${call.method} ${call.path.slice(ADMISSION.length + 1)}`,
      [call, "forbidden by admission-registrations"],
    ]),
  ),
);

const annotated = (annotations: object) => ({ metadata: { annotations } });
const PEOPLES = { "hoop.dev/deny": "false" };

const ANNOTATIONS: Attacks = {
  "set on a new object": [
    post(
      `${DEMO}/configmaps`,
      namespaced("v1", "ConfigMap", "a", { metadata: { name: "a", annotations: PEOPLES } }),
    ),
    "denied by hoop-annotations",
  ],
  "set in another's name": [
    post(
      `${DEMO}/configmaps`,
      namespaced("v1", "ConfigMap", "a", {
        metadata: { name: "a", annotations: { "hoop.dev/agent": "somebody" } },
      }),
    ),
    "201",
  ],
  "removed by merge patch": [
    patch(`${DEMO}/configmaps/guarded`, annotated({ "hoop.dev/deny": null }), MERGE),
    "denied by hoop-annotations",
  ],
  "removed by JSON patch": [
    patch(
      `${DEMO}/configmaps/guarded`,
      [{ op: "remove", path: "/metadata/annotations/hoop.dev~1deny" }],
      JSON_PATCH,
    ),
    "denied by hoop-annotations",
  ],
  "moved to another key": [
    patch(
      `${DEMO}/configmaps/guarded`,
      [
        {
          op: "move",
          from: "/metadata/annotations/hoop.dev~1deny",
          path: "/metadata/annotations/hoop.dev~1reason",
        },
      ],
      JSON_PATCH,
    ),
    "denied by hoop-annotations",
  ],
  "removed with all annotations": [
    patch(`${DEMO}/configmaps/guarded`, { metadata: { annotations: null } }, MERGE),
    "denied by hoop-annotations",
  ],
  "left out of a PUT": [
    put(`${DEMO}/configmaps/guarded`, namespaced("v1", "ConfigMap", "guarded")),
    "denied by hoop-annotations",
  ],
  "taken over by server-side apply": [
    apply(`${DEMO}/configmaps/guarded`, {
      ...namespaced("v1", "ConfigMap", "guarded"),
      metadata: { name: "guarded", annotations: { "hoop.dev/deny": "true" } },
    }),
    "denied by hoop-annotations",
  ],
  "set on a Namespace": [
    patch("/api/v1/namespaces/prod", annotated({ "hoop.dev/approvers": "me" }), MERGE),
    "denied by hoop-annotations",
  ],
  "set on a Namespace by its status": [
    patch("/api/v1/namespaces/prod/status", annotated({ "hoop.dev/approvers": "me" }), MERGE),
    "denied by hoop-annotations",
  ],
  "set on a pod by its status": [
    patch(`${DEMO}/pods/plain/status`, annotated({ "hoop.dev/session": "x" }), MERGE),
    "denied by hoop-annotations",
  ],
  "carried to a pod by a binding": [
    post(`${DEMO}/pods/plain/binding`, {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: "plain", annotations: { "hoop.dev/session": "x" } },
      target: { kind: "Node", name: "node-1" },
    }),
    "denied by hoop-annotations",
  ],
  "set on a pod template": [
    patch(`${APPS}/deployments/web`, { spec: { template: annotated({ "hoop.dev/session": "x" }) } }, MERGE),
    "denied by hoop-annotations",
  ],
  "set on the pod template of a new CronJob": [
    post(
      `${BATCH}/cronjobs`,
      namespaced("batch/v1", "CronJob", "c2", {
        spec: {
          schedule: "0 4 * * *",
          jobTemplate: {
            spec: { template: { ...annotated({ "hoop.dev/session": "x" }), ...jobOf(HARMLESS).template } },
          },
        },
      }),
    ),
    "denied by hoop-annotations",
  ],
  "set on the Jobs of a new CronJob": [
    post(
      `${BATCH}/cronjobs`,
      namespaced("batch/v1", "CronJob", "c3", {
        spec: {
          schedule: "0 4 * * *",
          jobTemplate: { ...annotated({ "hoop.dev/session": "x" }), spec: jobOf(HARMLESS) },
        },
      }),
    ),
    "denied by hoop-annotations",
  ],
  "the one that is the agent's": [
    patch(`${DEMO}/configmaps/guarded`, annotated({ "hoop.dev/reason": "because" }), MERGE),
    "200",
  ],
  "keys that are names of JavaScript's own": [
    post(`${DEMO}/configmaps`, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name: "odd",
        labels: { constructor: "a", toString: "b" },
        annotations: { constructor: "a", hasOwnProperty: "b", valueOf: "c" },
      },
      data: { constructor: "x", ["__proto__"]: "y" },
    }),
    "201",
  ],
};

function renamed(name: string, group: string): Manifest {
  const crd = customResource("things");
  return { ...crd, metadata: { name }, spec: { ...(crd["spec"] as object), group } };
}

describe("an agent whom RBAC lets do everything", () => {
  let bed: Testbed;
  let agent: Caller;

  before(async () => {
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0 } } });
    agent = await asUserOf(bed.kubeconfig("agent"));
    const guarded = {
      ...namespaced("v1", "ConfigMap", "guarded"),
      metadata: { name: "guarded", namespace: "demo", annotations: PEOPLES },
    };
    await bed.apply([...SEEDS, guarded]);
  });

  after(() => bed?.stop());

  for (const [topic, attacks] of Object.entries({
    "is held with risky pods, however they come about:": RISKY_PODS,
    "is held when it ends things by other ways than a delete:": DELETES,
    "is held or refused at every way into a pod or node:": CONNECTIONS,
    "does not delete as a collection what it may not delete by name:": COLLECTIONS,
    "gets no second identity:": IDENTITIES,
    "does not take Hoop apart:": HOOP_ITSELF,
    "changes no admission registration:": REGISTRATIONS,
    "writes no annotation of hoop.dev:": ANNOTATIONS,
  }))
    describe(topic, () => {
      for (const [attack, [call, verdict]] of Object.entries(attacks))
        it(attack, async () => {
          const got = verdictOf(await agent(call));
          if (verdict === "delete by name") expect(got).to.contain(verdict);
          else expect(got).to.equal(verdict);
        });
    });

  it("does not replace a pod by force", async () => {
    const uid = () =>
      bed.must("human", ["get", "pod", "plain", "-n", "demo", "-o", "jsonpath={.metadata.uid}"]);
    const before = await uid();
    const input = JSON.stringify(pod("plain", PRIVILEGED));
    const { code, output } = await bed.kubectl("agent", ["replace", "--force", "-f", "-"], { input });
    expect(output).to.contain("HELD, not refused").and.to.contain("rule=pod-delete");
    expect(code).to.equal(1);
    expect(await uid()).to.equal(before);
  });

  describe("in the end", () => {
    it("has brought about nothing of all this", async () => {
      const everything =
        "pods,deploy,rs,sts,ds,rc,podtemplates,cronjobs,controllerrevisions,secrets,rolebindings,cm";
      const { items } = JSON.parse(
        await bed.must("human", ["get", everything, "-n", "demo", "-o", "json"]),
      ) as {
        items: Manifest[];
      };
      const seeded = SEEDS.filter(({ metadata }) => metadata.namespace === "demo").map(
        ({ metadata }) => metadata.name,
      );
      const names = items.map(({ metadata }) => metadata.name);
      expect(names.filter((name) => !seeded.includes(name)).sort()).to.deep.equal(["a", "guarded", "odd"]);
      expect(JSON.stringify(items)).not.to.match(/privileged|SYS_ADMIN|hostPath|strong|evil/);
      const cluster = await bed.must("human", ["get", "ns,pv,crd,apiservices,flowschemas", "-o", "json"]);
      expect(cluster).to.contain("hoop-data").and.to.contain("hoop-agents");
      expect(cluster).not.to.match(/evil|bait|"root"|"gone"|things/);
      const kept = ["configmap/extension-apiserver-authentication", "rolebinding/hoop-authentication-reader"];
      await bed.must("human", ["get", ...kept, "-n", "kube-system"]);
    });
  });
});
