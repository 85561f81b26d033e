/** A valid object of each kind that a cluster has, without its name: `GROUP/RESOURCE` → all but metadata. */

const LABELS = { app: "web" };
const POD = { automountServiceAccountToken: false, containers: [{ name: "main", image: "app:1" }] };
const TEMPLATE = { metadata: { labels: LABELS }, spec: POD };
const SELECTED = { selector: { matchLabels: LABELS }, template: TEMPLATE };
const JOB = { template: { spec: { restartPolicy: "Never", ...POD } } };
const CLAIM = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
const ROLE = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" };
const DEVICES = { devices: { requests: [{ name: "gpu", exactly: { deviceClassName: "gpu" } }] } };
const WHERE = { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" }, maxReplicas: 2 };
const LEVEL = {
  type: "Limited",
  limited: { nominalConcurrencyShares: 5, limitResponse: { type: "Reject" } },
};

const API = {
  group: "example.com",
  scope: "Namespaced",
  names: { plural: "routes", singular: "route", kind: "Route", listKind: "RouteList" },
  versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
};
/** Whose key nobody has. */
const REQUEST = {
  signerName: "kubernetes.io/kube-apiserver-client",
  usages: ["client auth"],
  request:
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlITk1IUUNBUUF3RWpFUU1BNEdBMVVFQXd3SGJXRnNiRzl5ZVRCWk1CTUdCeXFHU000OUFnRUdDQ3FHU000OQpBd0VIQTBJQUJOVDE3SEVGRE80TkxLcG5BOUpOREk3bHQ5c3BtekZxbWxiUS9PWDNuaWtBZzJMSWEyOXZ3ajZaCkNFbHpnYzNwWk9YQU1Wc1VkbUs5SXdyQjVFQm5keWlnQURBS0JnZ3Foa2pPUFFRREFnTkpBREJHQWlFQWlQLzAKeVZuMXErdFNzQ0l6WDMrY2l6MGJJWlRIRC9FYzhGQVdQUnNlMGlNQ0lRQ0p2YVBKR1ZzWC9BeVdyNDNHN2NQNgpqMmwyWkoyUnhHUm5BMnE1aVZ5cC9RPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUgUkVRVUVTVC0tLS0tCg==",
};

/** What these are called says what they are. */
const NAMES: Readonly<Record<string, string>> = {
  "apiextensions.k8s.io/customresourcedefinitions": "routes.example.com",
  "apiregistration.k8s.io/apiservices": "v1.example.org",
  // What is called events elsewhere is the same.
  "events.k8s.io/events": "route-new",
};

export const nameOf = (title: string): string => NAMES[title] ?? "route";

export const BODIES: Readonly<Record<string, object>> = {
  "/bindings": { target: { kind: "Node", name: "node-1" } },
  "/configmaps": { data: { a: "b" } },
  "/endpoints": { subsets: [] },
  "/events": { involvedObject: { kind: "Pod", name: "a", namespace: "demo" }, reason: "Seen" },
  "/limitranges": { spec: { limits: [] } },
  "/namespaces": {},
  "/nodes": {},
  "/persistentvolumeclaims": { spec: CLAIM },
  "/persistentvolumes": {
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      csi: { driver: "d", volumeHandle: "h" },
    },
  },
  "/pods": { spec: POD },
  "/podtemplates": { template: TEMPLATE },
  "/replicationcontrollers": { spec: { selector: LABELS, template: TEMPLATE } },
  "/resourcequotas": { spec: { hard: { pods: "100" } } },
  "/secrets": { stringData: { a: "b" } },
  "/serviceaccounts": { automountServiceAccountToken: false },
  "/services": { spec: { ports: [{ port: 80 }] } },
  "apiextensions.k8s.io/customresourcedefinitions": { spec: API },
  "apiregistration.k8s.io/apiservices": {
    spec: { group: "example.org", version: "v1", groupPriorityMinimum: 100, versionPriority: 100 },
  },
  "apps/controllerrevisions": { revision: 1, data: {} },
  "apps/daemonsets": { spec: SELECTED },
  "apps/deployments": { spec: SELECTED },
  "apps/replicasets": { spec: SELECTED },
  "apps/statefulsets": { spec: { serviceName: "db", ...SELECTED } },
  "autoscaling/horizontalpodautoscalers": { spec: WHERE },
  "batch/cronjobs": { spec: { schedule: "0 4 * * *", jobTemplate: { spec: JOB } } },
  "batch/jobs": { spec: JOB },
  "certificates.k8s.io/certificatesigningrequests": { spec: REQUEST },
  "coordination.k8s.io/leases": { spec: { holderIdentity: "one" } },
  "discovery.k8s.io/endpointslices": { addressType: "IPv4", endpoints: [] },
  "flowcontrol.apiserver.k8s.io/flowschemas": {
    spec: { matchingPrecedence: 900, priorityLevelConfiguration: { name: "workload-low" } },
  },
  "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations": { spec: LEVEL },
  "networking.k8s.io/ingressclasses": { spec: { controller: "example.com/ingress" } },
  "networking.k8s.io/ingresses": {
    spec: { defaultBackend: { service: { name: "web", port: { number: 80 } } } },
  },
  "networking.k8s.io/networkpolicies": { spec: { podSelector: {} } },
  "networking.k8s.io/servicecidrs": { spec: { cidrs: ["10.97.0.0/24"] } },
  "node.k8s.io/runtimeclasses": { handler: "runc" },
  "policy/poddisruptionbudgets": { spec: { minAvailable: 1, selector: { matchLabels: LABELS } } },
  "rbac.authorization.k8s.io/clusterrolebindings": { roleRef: ROLE, subjects: [] },
  "rbac.authorization.k8s.io/clusterroles": { rules: [] },
  "rbac.authorization.k8s.io/rolebindings": { roleRef: ROLE, subjects: [] },
  "rbac.authorization.k8s.io/roles": { rules: [] },
  "resource.k8s.io/deviceclasses": { spec: {} },
  "resource.k8s.io/resourceclaims": { spec: DEVICES },
  "resource.k8s.io/resourceclaimtemplates": { spec: { spec: DEVICES } },
  "scheduling.k8s.io/priorityclasses": { value: 10 },
  "storage.k8s.io/csidrivers": { spec: {} },
  "storage.k8s.io/csinodes": { spec: { drivers: [] } },
  "storage.k8s.io/csistoragecapacities": { storageClassName: "fast" },
  "storage.k8s.io/storageclasses": { provisioner: "example.com/disk" },
  "storage.k8s.io/volumeattachments": {
    spec: { attacher: "d", nodeName: "n", source: { persistentVolumeName: "v" } },
  },
  "storage.k8s.io/volumeattributesclasses": { driverName: "d", parameters: { a: "b" } },
  "policy.hoop.dev/agentprofiles": { spec: { groups: ["nobody"] } },
  // One that says what is so anyway.
  "policy.hoop.dev/agentpolicies": { spec: { catalogue: [{ rule: "pod-delete", mode: "Enforce" }] } },
};
