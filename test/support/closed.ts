/** Ways around Hoop that admission can see, and what is no such way; as an agent asks whom RBAC lets do everything. */

import { APPS, apply, BATCH, CRDS, DEMO, del, FLOW, HOOP, patch, post, put, RBAC } from "./calls.ts";
import {
  clusterScoped,
  customResource,
  deployment,
  HARMLESS,
  type Manifest,
  namespaced,
  pod,
  secret,
  signingRequest,
} from "./objects.ts";
import type { Call } from "./raw.ts";

const CSR = "/apis/certificates.k8s.io/v1/certificatesigningrequests/pending-csr";
const HOOPS_API = "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.hoop.dev";

const annotated = (annotations: object) => ({ metadata: { annotations } });
const configMap = (name: string, annotations: object) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "demo", annotations },
});
const label = { metadata: { labels: { a: "b" } } };
const tokenRequest = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
const renamed = (plural: string, group: string): Manifest => {
  const crd = customResource("things") as Manifest & { spec: object };
  return { ...crd, metadata: { name: `${plural}.${group}` }, spec: { ...crd.spec, group } };
};
const cronJob = (name: string, jobTemplate: object = {}): Manifest =>
  namespaced("batch/v1", "CronJob", name, {
    spec: {
      schedule: "0 4 * * *",
      jobTemplate: { spec: { template: { spec: { restartPolicy: "Never", ...HARMLESS } } }, ...jobTemplate },
    },
  });

/** What the requests are about; made by a person. */
export const given = (): Manifest[] => [
  namespaced("v1", "ServiceAccount", "default"),
  namespaced("v1", "ServiceAccount", "strong"),
  deployment("web"),
  pod("plain"),
  secret("db"),
  {
    ...secret("finalized"),
    metadata: { name: "finalized", namespace: "demo", ...{ finalizers: ["example.com/wait"] } },
  },
  configMap("guarded", { "hoop.dev/deny": "false" }),
  namespaced("v1", "ConfigMap", "texts", { data: { spec: "a text", template: "another" } }),
  signingRequest("pending-csr", "mallory"),
  clusterScoped("v1", "PersistentVolume", "hoop-data", {
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      csi: { driver: "x", volumeHandle: "y" },
      claimRef: { namespace: "hoop-system", name: "data" },
    },
  }),
];

type Cases = Readonly<Record<string, readonly [call: Call, rule: string]>>;

const SECRETS: Cases = {
  "an empty patch of a Secret": [patch(`${DEMO}/secrets/db`, {}), "secret-update"],
  "a dry run of a patch of a Secret": [patch(`${DEMO}/secrets/db?dryRun=All`, label), "secret-update"],
  "a server-side apply of a Secret": [
    apply(`${DEMO}/secrets/db`, namespaced("v1", "Secret", "db")),
    "secret-update",
  ],
  "a PUT of a Secret": [put(`${DEMO}/secrets/db`, secret("db", "mine")), "secret-update"],
  "a Secret that the controllers fill with a token": [
    post(`${DEMO}/secrets`, {
      ...namespaced("v1", "Secret", "t", { type: "kubernetes.io/service-account-token" }),
      metadata: { name: "t", annotations: { "kubernetes.io/service-account.name": "strong" } },
    }),
    "identity-secret",
  ],
  "a bootstrap token": [
    post("/api/v1/namespaces/kube-system/secrets", {
      ...clusterScoped("v1", "Secret", "bootstrap-token-abcdef", { type: "bootstrap.kubernetes.io/token" }),
    }),
    "identity-secret",
  ],
  "a delete of a Secret in the foreground": [
    del(`${DEMO}/secrets/db`, { propagationPolicy: "Foreground" }),
    "secret-unsafe-delete",
  ],
  "a delete of a Secret that orphans": [
    del(`${DEMO}/secrets/db?propagationPolicy=Orphan`),
    "secret-unsafe-delete",
  ],
  "a delete of a Secret that orphans by the old option": [
    del(`${DEMO}/secrets/db`, { orphanDependents: true }),
    "secret-unsafe-delete",
  ],
  "a delete of a Secret that has finalizers": [del(`${DEMO}/secrets/finalized`), "secret-unsafe-delete"],
};

const IDENTITIES: Cases = {
  "a token of a ServiceAccount": [
    post(`${DEMO}/serviceaccounts/strong/token`, tokenRequest),
    "token-request",
  ],
  "a token by dry run": [
    post(`${DEMO}/serviceaccounts/strong/token?dryRun=All`, tokenRequest),
    "token-request",
  ],
  "the approval of a certificate": [
    patch(`${CSR}/approval`, {
      status: { conditions: [{ type: "Approved", status: "True", reason: "me" }] },
    }),
    "csr-approval",
  ],
  "the signing of a certificate": [patch(`${CSR}/status`, { status: {} }), "csr-approval"],
  "the kubelet's list of pods": [{ path: "/api/v1/nodes/node-1/proxy/pods" }, "node-proxy"],
  "a command by the kubelet": [
    post("/api/v1/nodes/node-1/proxy/run/demo/plain/main?cmd=env", {}),
    "node-proxy",
  ],
};

/** Until the API server has looked for kinds once more (503), no agent can write one that was made a moment ago. */
export const PROFILE = post(
  "/apis/policy.hoop.dev/v1alpha1/agentprofiles",
  clusterScoped("policy.hoop.dev/v1alpha1", "AgentProfile", "mine", { spec: { users: ["mallory"] } }),
);

const HOOP_ITSELF: Cases = {
  "a ConfigMap in Hoop's namespace": [
    post(`${HOOP}/configmaps`, clusterScoped("v1", "ConfigMap", "x")),
    "hoop-itself",
  ],
  "a pod's command in Hoop's namespace": [
    post(`${HOOP}/pods/hoop-0/exec?command=env&stdout=true`, {}),
    "hoop-itself",
  ],
  "Hoop's Service": [patch(`${HOOP}/services/hoop`, { spec: { externalName: "evil" } }), "hoop-itself"],
  "Hoop's ServiceAccount": [del(`${HOOP}/serviceaccounts/hoop`), "hoop-itself"],
  "Hoop's Namespace": [del(HOOP), "hoop-itself"],
  "a label on Hoop's Namespace": [patch(HOOP, label), "hoop-itself"],
  "Hoop's ClusterRole": [patch(`${RBAC}/clusterroles/hoop`, { rules: [] }), "hoop-itself"],
  "all of Hoop's ClusterRoles": [
    del(`${RBAC}/clusterroles?labelSelector=app.kubernetes.io%2Fpart-of=hoop`),
    "hoop-itself",
  ],
  "Hoop's RoleBinding in kube-system": [
    del(`${RBAC}/namespaces/kube-system/rolebindings/hoop-authentication-reader`),
    "hoop-itself",
  ],
  "Hoop's priority level": [patch(`${FLOW}/prioritylevelconfigurations/hoop-agents`, label), "hoop-itself"],
  "Hoop's volume": [del("/api/v1/persistentvolumes/hoop-data"), "hoop-itself"],
  "Hoop's volume, claimed by another": [
    patch("/api/v1/persistentvolumes/hoop-data", { spec: { claimRef: { namespace: "demo" } } }),
    "hoop-itself",
  ],
  "Hoop's APIService": [patch(HOOPS_API, { spec: { service: { name: "evil" } } }), "hoop-apis"],
  "the status of Hoop's APIService": [patch(`${HOOPS_API}/status`, { status: {} }), "hoop-apis"],
  "an AgentProfile": [PROFILE, "hoop-policies"],
  "a CRD in Hoop's group": [post(CRDS, renamed("things", "hoop.dev")), "hoop-apis"],
  "a CRD in the group of its policies": [post(CRDS, renamed("things", "policy.hoop.dev")), "hoop-apis"],
};

const ANNOTATIONS: Cases = {
  "an annotation of Hoop's on a new object": [
    post(`${DEMO}/configmaps`, configMap("x", { "hoop.dev/deny": "x" })),
    "hoop-annotations",
  ],
  "an annotation of Hoop's changed": [
    patch(`${DEMO}/configmaps/guarded`, annotated({ "hoop.dev/deny": "true" })),
    "hoop-annotations",
  ],
  "an annotation of Hoop's removed": [
    patch(`${DEMO}/configmaps/guarded`, annotated({ "hoop.dev/deny": null })),
    "hoop-annotations",
  ],
  "all annotations removed": [
    patch(`${DEMO}/configmaps/guarded`, { metadata: { annotations: null } }),
    "hoop-annotations",
  ],
  "an annotation of Hoop's on a Namespace": [
    patch("/api/v1/namespaces/demo", annotated({ "hoop.dev/approvers": "me" })),
    "hoop-annotations",
  ],
  "an annotation of Hoop's carried by a pod's binding": [
    post(`${DEMO}/pods/plain/binding`, {
      ...{ apiVersion: "v1", kind: "Binding", target: { kind: "Node", name: "node-1" } },
      metadata: { name: "plain", annotations: { "hoop.dev/session": "x" } },
    }),
    "hoop-annotations",
  ],
  "an annotation of Hoop's on a pod template": [
    patch(`${APPS}/deployments/web`, { spec: { template: annotated({ "hoop.dev/session": "x" }) } }),
    "hoop-annotations",
  ],
  "an annotation of Hoop's on a CronJob's Jobs": [
    post(`${BATCH}/cronjobs`, cronJob("c1", annotated({ "hoop.dev/session": "x" }))),
    "hoop-annotations",
  ],
};

/** By the rule of the catalogue that denies it. */
export const DENIED_CALLS: Cases = { ...SECRETS, ...IDENTITIES, ...HOOP_ITSELF, ...ANNOTATIONS };

const dry = (call: Call): Call => ({
  ...call,
  path: `${call.path}${call.path.includes("?") ? "&" : "?"}dryRun=All`,
});

/** What neither Hoop nor the net minds; dry runs all, so that they can be asked again. */
export const ALLOWED_CALLS: Readonly<Record<string, Call>> = {
  "a ConfigMap": dry(post(`${DEMO}/configmaps`, namespaced("v1", "ConfigMap", "mine"))),
  "a ConfigMap with a reason": dry(post(`${DEMO}/configmaps`, configMap("r", { "hoop.dev/reason": "x" }))),
  "another change of what people have annotated": dry(
    patch(`${DEMO}/configmaps/guarded`, { data: { a: "1" } }),
  ),
  "a ConfigMap whose keys are names of fields": dry(
    patch(`${DEMO}/configmaps/texts`, { data: { spec: "new" } }),
  ),
  "a Deployment": dry(post(`${APPS}/deployments`, deployment("new"))),
  "a new image": dry(
    patch(
      `${APPS}/deployments/web`,
      { spec: { template: { spec: { containers: [{ name: "main", image: "app:2" }] } } } },
      "application/strategic-merge-patch+json",
    ),
  ),
  "a CronJob": dry(post(`${BATCH}/cronjobs`, cronJob("c2"))),
  "a pod": dry(post(`${DEMO}/pods`, pod("p"))),
  "a ServiceAccount": dry(post(`${DEMO}/serviceaccounts`, namespaced("v1", "ServiceAccount", "s"))),
  "a ServiceAccount's deletion": dry(del(`${DEMO}/serviceaccounts/strong`)),
};
