/**
 * Every value of an object counts in its digest, but what the server fills in: objects of many kinds as the API server
 * sends them to admission, and any one place in them changed, removed or added to.
 */
import { expect } from "chai";
import fc from "fast-check";
import { type AdmissionRequest, isObject, type Json, type JsonObject } from "#core/admission.ts";
import { digestOf } from "#core/digest.ts";
import { on, request, update } from "../unit/core/requests.ts";

type Path = readonly (string | number)[];

const RBAC = "rbac.authorization.k8s.io";
const POD_SPEC: JsonObject = {
  serviceAccountName: "robot",
  automountServiceAccountToken: false,
  restartPolicy: "Always",
  dnsPolicy: "ClusterFirst",
  terminationGracePeriodSeconds: 30,
  priority: 0,
  hostNetwork: false,
  nodeSelector: { disk: "ssd" },
  securityContext: { runAsUser: 1000, sysctls: [{ name: "net.core.somaxconn", value: "1" }] },
  tolerations: [
    { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
  ],
  imagePullSecrets: [{ name: "pull" }],
  volumes: [
    { name: "config", configMap: { name: "app", defaultMode: 420, items: [{ key: "a", path: "b" }] } },
    { name: "host", hostPath: { path: "/var/lib/app", type: "" } },
    { name: "key", secret: { secretName: "key", optional: true } },
  ],
  initContainers: [{ name: "init", image: "init:1", command: ["sh", "-c", "true"] }],
  containers: [
    {
      name: "main",
      image:
        "registry.example.com/app@sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6",
      imagePullPolicy: "IfNotPresent",
      args: ["--verbose", "--port=80"],
      env: [
        { name: "MODE", value: "prod" },
        { name: "PASSWORD", valueFrom: { secretKeyRef: { name: "key", key: "password" } } },
      ],
      envFrom: [{ configMapRef: { name: "app" } }],
      ports: [{ containerPort: 80, protocol: "TCP" }],
      resources: { limits: { cpu: "1", memory: "128Mi" }, requests: { cpu: "100m" } },
      securityContext: { privileged: true, capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] } },
      volumeMounts: [{ name: "config", mountPath: "/etc/app", readOnly: true }],
      livenessProbe: { exec: { command: ["true"] }, periodSeconds: 10 },
      lifecycle: { preStop: { exec: { command: ["sleep", "5"] } } },
    },
  ],
};
const TEMPLATE: JsonObject = {
  metadata: { labels: { app: "web" }, annotations: { "example.com/note": "a", "hoop.dev/agent": "agent" } },
  spec: POD_SPEC,
};
const SELECTED: JsonObject = { selector: { matchLabels: { app: "web" } }, template: TEMPLATE };

/** By `GROUP/RESOURCE`. */
const KINDS: Readonly<Record<string, JsonObject>> = {
  "/pods": {
    spec: POD_SPEC,
    status: {
      phase: "Pending",
      qosClass: "Burstable",
      conditions: [{ type: "PodScheduled", status: "False", lastTransitionTime: "2026-01-01T00:00:00Z" }],
    },
  },
  "apps/deployments": { spec: { ...SELECTED, replicas: 3, strategy: { type: "RollingUpdate" } } },
  "apps/statefulsets": {
    spec: {
      ...SELECTED,
      serviceName: "web",
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"] } }],
    },
  },
  "batch/cronjobs": {
    spec: { schedule: "0 4 * * *", jobTemplate: { spec: { template: TEMPLATE, backoffLimit: 6 } } },
  },
  "batch/jobs": { spec: { template: TEMPLATE, completions: 1, ttlSecondsAfterFinished: 60 } },
  "/configmaps": { data: { "app.conf": "a=1", constructor: "x" }, immutable: false },
  "/serviceaccounts": {
    secrets: [{ name: "a" }],
    imagePullSecrets: [{ name: "b" }],
    automountServiceAccountToken: true,
  },
  "/namespaces": { spec: { finalizers: ["kubernetes"] } },
  "/nodes": {
    spec: { podCIDR: "10.0.0.0/24", taints: [{ key: "a", effect: "NoSchedule" }], unschedulable: true },
  },
  "/persistentvolumes": {
    spec: {
      capacity: { storage: "1Gi" },
      hostPath: { path: "/data" },
      claimRef: { namespace: "demo", name: "data" },
    },
    status: { phase: "Pending", lastPhaseTransitionTime: "2026-01-01T00:00:00Z" },
  },
  [`${RBAC}/clusterroles`]: {
    rules: [
      {
        verbs: ["get", "list"],
        apiGroups: ["", "apps"],
        resources: ["pods", "deployments"],
        resourceNames: ["a"],
      },
      { verbs: ["get"], nonResourceURLs: ["/metrics"] },
    ],
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] },
  },
  [`${RBAC}/rolebindings`]: {
    roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: "view" },
    subjects: [
      { kind: "ServiceAccount", name: "robot", namespace: "demo" },
      { kind: "User", name: "ann", apiGroup: RBAC },
    ],
  },
  "networking.k8s.io/networkpolicies": {
    spec: {
      podSelector: { matchLabels: { app: "web" } },
      ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } }] }],
    },
  },
  "networking.k8s.io/ingresses": {
    spec: {
      tls: [{ hosts: ["a.dev"], secretName: "tls" }],
      rules: [
        {
          host: "a.dev",
          http: {
            paths: [
              { path: "/", pathType: "Prefix", backend: { service: { name: "b", port: { number: 80 } } } },
            ],
          },
        },
      ],
    },
  },
  "admissionregistration.k8s.io/validatingwebhookconfigurations": {
    webhooks: [
      {
        name: "a.example.com",
        failurePolicy: "Fail",
        sideEffects: "None",
        clientConfig: { url: "https://a.example.com", caBundle: "QQ==" },
        rules: [{ operations: ["*"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] }],
        matchConditions: [{ name: "b", expression: "true" }],
      },
    ],
  },
  "certificates.k8s.io/certificatesigningrequests": {
    spec: {
      request: "QQ==",
      signerName: "example.com/a",
      usages: ["client auth"],
      username: "agent",
      uid: "1",
      groups: ["a"],
      extra: { "example.com/x": ["1"] },
    },
  },
  "example.com/widgets": {
    spec: { size: 3, nested: { "a.b/c": [1, [2, { x: null }]] } },
    status: { ready: false },
  },
};

/** Below these nothing counts: the server writes it, whatever the client sends. `*` is any one step. */
const FILLED: readonly (readonly [of: string, on: "CREATE" | "*", path: string])[] = [
  ["*", "*", "metadata uid"],
  ["*", "*", "metadata resourceVersion"],
  ["*", "*", "metadata generation"],
  ["*", "*", "metadata creationTimestamp"],
  ["*", "*", "metadata managedFields"],
  ["*", "*", "metadata annotations hoop.dev/agent"],
  ["apps/deployments", "*", "spec template metadata annotations hoop.dev/agent"],
  ["apps/statefulsets", "*", "spec template metadata annotations hoop.dev/agent"],
  ["batch/jobs", "*", "spec template metadata annotations hoop.dev/agent"],
  ["batch/cronjobs", "*", "spec jobTemplate spec template metadata annotations hoop.dev/agent"],
  ["/pods", "CREATE", "status conditions * lastTransitionTime"],
  ["/persistentvolumes", "CREATE", "status lastPhaseTransitionTime"],
  ["certificates.k8s.io/certificatesigningrequests", "CREATE", "spec username"],
  ["certificates.k8s.io/certificatesigningrequests", "CREATE", "spec uid"],
  ["certificates.k8s.io/certificatesigningrequests", "CREATE", "spec groups"],
  ["certificates.k8s.io/certificatesigningrequests", "CREATE", "spec extra"],
];

function isFilled(kind: string, operation: string, path: Path): boolean {
  return FILLED.some(([of, when, below]) => {
    const steps = below.split(" ");
    return (
      (of === "*" || of === kind) &&
      (when === "*" || when === operation) &&
      steps.length <= path.length &&
      steps.every((step, at) => step === "*" || step === path[at])
    );
  });
}

function whole(kind: string): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Thing",
    metadata: {
      name: "thing",
      namespace: "demo",
      uid: "a89fc1f5-7728-4160-bd6e-0a2266536292",
      resourceVersion: "7",
      generation: 1,
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels: { app: "web", __proto__x: "y" },
      annotations: { "example.com/a": "b", "hoop.dev/agent": "agent", "hoop.dev/reason": "ticket 17" },
      finalizers: ["example.com/wait"],
      ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "o", uid: "1", controller: true }],
      managedFields: [
        { manager: "kubectl", operation: "Update", time: "2026-01-01T00:00:00Z", fieldsV1: { "f:spec": {} } },
      ],
    },
    ...KINDS[kind],
  };
}

type Edit = "change" | "remove" | "add";

/** The object with the value at the path changed, removed, or given one more member or item. The path is there. */
function edited(value: Json, path: Path, edit: Edit): Json {
  const [step, ...rest] = path;
  if (step === undefined) return edit === "add" ? added(value) : changed(value);
  const last = rest.length === 0 && edit === "remove";
  if (Array.isArray(value))
    return value.flatMap((item, at) => (at !== step ? [item] : last ? [] : [edited(item, rest, edit)]));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, item]) =>
      name !== step ? [[name, item]] : last ? [] : [[name, edited(item, rest, edit)]],
    ),
  );
}

function changed(value: Json): Json {
  if (typeof value === "string") return `${value}x`;
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  return "something else";
}

function added(value: Json): Json {
  if (Array.isArray(value)) return [...value, "added"];
  return isObject(value) ? { ...value, added: "x" } : changed(value);
}

function pathsOf(value: Json, path: Path = []): Path[] {
  const below = Array.isArray(value)
    ? value.flatMap((item, at) => pathsOf(item, [...path, at]))
    : isObject(value)
      ? Object.entries(value).flatMap(([name, item]) => pathsOf(item, [...path, name]))
      : [];
  return path.length === 0 ? below : [path, ...below];
}

const agent = { username: "agent" };
const digest = (one: AdmissionRequest) => digestOf(one, agent, { key: "k" }).digest;
const PLACES = Object.keys(KINDS).map((kind) => ({ kind, object: whole(kind), paths: pathsOf(whole(kind)) }));
const place = fc.constantFrom(...PLACES).chain(({ kind, object, paths }) =>
  fc.record({
    kind: fc.constant(kind),
    object: fc.constant(object),
    path: fc.constantFrom(...paths),
    edit: fc.constantFrom<Edit>("change", "remove", "add"),
  }),
);

/** Without any annotations, and without the only one that the server does not fill in: it fills in what is left. */
function leaveTheSame(kind: string, operation: string, one: Path, two: Path): boolean {
  const [all, only] = one.length < two.length ? [one, two] : [two, one];
  if (all.at(-1) !== "annotations" || only.length !== all.length + 1) return false;
  const siblings = pathsOf(whole(kind)).filter(
    (path) => path.length === only.length && all.every((step, at) => step === path[at]),
  );
  const counting = siblings.filter((path) => !isFilled(kind, operation, path));
  return (
    counting.length === 1 &&
    counting[0]?.at(-1) === only.at(-1) &&
    only.join("/").startsWith(`${all.join("/")}/`)
  );
}

function requestOf(kind: string, operation: "CREATE" | "UPDATE", before: JsonObject, after: JsonObject) {
  const [group = "", resource = ""] = kind.split("/");
  return operation === "CREATE"
    ? request({ ...on(group, resource), object: after })
    : update(before, after, on(group, resource));
}

/** Places of the kind whose edits make the same digest, and may not. */
function twins(kind: string, operation: "CREATE" | "UPDATE", edit: Edit): [Path, Path][] {
  const object = whole(kind);
  const seen = new Map<string, Path>();
  return pathsOf(object).flatMap((path): [Path, Path][] => {
    if (isFilled(kind, operation, path)) return [];
    const made = digest(requestOf(kind, operation, object, edited(object, path, edit) as JsonObject));
    const other = seen.get(made);
    seen.set(made, path);
    const differ = other === undefined || (edit === "remove" && leaveTheSame(kind, operation, path, other));
    return differ ? [] : [[other, path]];
  });
}

describe("any one place in an object", () => {
  for (const operation of ["CREATE", "UPDATE"] as const)
    it(`counts in the digest of a${operation === "CREATE" ? "" : "n"} ${operation}, unless the server fills it in`, () => {
      let filled = 0;
      fc.assert(
        fc.property(place, ({ kind, object, path, edit }) => {
          const after = edited(object, path, edit) as JsonObject;
          const isSame =
            digest(requestOf(kind, operation, object, object)) ===
            digest(requestOf(kind, operation, object, after));
          const isFree = isFilled(kind, operation, path);
          if (isFree) filled += 1;
          expect(isSame, `${kind} ${path.join(" ")} ${edit}`).to.equal(isFree);
        }),
        { numRuns: 3_000 },
      );
      expect(filled).to.be.above(50);
    });

  for (const kind of Object.keys(KINDS))
    it(`makes another digest than any other place of ${kind}`, () => {
      for (const operation of ["CREATE", "UPDATE"] as const)
        for (const edit of ["change", "remove", "add"] as const)
          expect(twins(kind, operation, edit), `${operation}, ${edit}`).to.deep.equal([]);
    });

  it("counts as it was before an update of that very place, and so does the object's uid", () => {
    fc.assert(
      fc.property(place, ({ kind, object, path }) => {
        fc.pre(!isFilled(kind, "UPDATE", path) && path[0] !== "metadata");
        const before = edited(object, path, "change") as JsonObject;
        const after = edited(object, path, "remove") as JsonObject;
        const asked = (old: JsonObject) => digest(requestOf(kind, "UPDATE", old, after));
        expect(asked(before), `${kind} ${path.join(" ")}`).not.to.equal(asked(object));
        const made = edited(object, ["metadata", "uid"], "change") as JsonObject;
        expect(asked(made)).not.to.equal(asked(object));
      }),
      { numRuns: 1_000 },
    );
  });
});
