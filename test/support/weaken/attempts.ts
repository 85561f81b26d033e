/** Every way to change or remove an object that the API has, tried on it with all that would weaken what it says. */
import { del, MERGE, patch, post, put } from "../calls.ts";
import type { Manifest } from "../objects.ts";
import type { Call } from "../raw.ts";
import type { Place } from "./protected.ts";

const STRATEGIC = "application/strategic-merge-patch+json";
const JSON_PATCH = "application/json-patch+json";
const APPLY = "application/apply-patch+yaml";

/** With a name that tells what it would do. */
export interface Attempt {
  what: string;
  call: Call;
}

type Live = Manifest & {
  metadata: { labels?: Record<string, string>; annotations?: Record<string, string>; uid?: string };
};

const OWNER = {
  apiVersion: "v1",
  kind: "ConfigMap",
  name: "never-was",
  uid: "00000000-0000-4000-8000-000000000000",
};

const emptied = (map: Record<string, string> = {}): Record<string, null> =>
  Object.fromEntries(Object.keys(map).map((key) => [key, null]));
const falsified = (map: Record<string, string> = {}): Record<string, string> =>
  Object.fromEntries(Object.keys(map).map((key) => [key, key.startsWith("hoop.dev/") ? "false" : "other"]));

/** Metadata in which nothing is as it was. */
const METADATA: Readonly<Record<string, (live: Live) => object>> = {
  "annotations gone": ({ metadata }) => ({ annotations: emptied(metadata.annotations) }),
  "annotations falsified": ({ metadata }) => ({ annotations: falsified(metadata.annotations) }),
  "an annotation added": () => ({ annotations: { "hoop.dev/approvers": "1 of system:authenticated" } }),
  "labels gone": ({ metadata }) => ({ labels: emptied(metadata.labels) }),
  "labels falsified": ({ metadata }) => ({ labels: falsified(metadata.labels) }),
  "an owner that does not exist": () => ({ ownerReferences: [OWNER] }),
};

/** What of a kind says what agents may do, or where it leads, besides its metadata. */
const CONTENTS: Readonly<Record<string, readonly object[]>> = {
  Namespace: [{ spec: { finalizers: [] } }],
  ConfigMap: [{ data: { blocked: "nothing", a: "c" } }, { data: null }, { immutable: true }],
  Bound: [{ blocked: "nothing" }, { blocked: null }],
  Deployment: [{ spec: { template: { metadata: { annotations: { "hoop.dev/deny": "false" } } } } }],
  AgentPolicy: [
    { spec: { rules: [] } },
    { spec: { rules: [{ name: "canary", action: "Deny", when: "false" }] } },
    { spec: { matchConstraints: { namespaceSelector: { matchLabels: { no: "where" } } } } },
    { spec: { catalogue: [{ rule: "namespace-delete", mode: "Off" }] } },
  ],
  AgentProfile: [{ spec: { users: ["nobody"], serviceAccounts: null } }],
  CustomResourceDefinition: [
    { spec: { names: { shortNames: ["x"] } } },
    { spec: { conversion: { strategy: "None" } } },
    { spec: { preserveUnknownFields: false, versions: [] } },
  ],
  APIService: [
    { spec: { service: { name: "mallory", namespace: "demo", port: 443 } } },
    { spec: { insecureSkipTLSVerify: true, caBundle: null } },
  ],
  ClusterRole: [{ rules: [] }],
  Role: [{ rules: [] }],
  ClusterRoleBinding: [{ subjects: [] }],
  RoleBinding: [{ subjects: [] }],
  ValidatingWebhookConfiguration: [{ webhooks: [] }],
  MutatingAdmissionPolicy: [{ spec: { matchConditions: [{ name: "none", expression: "false" }] } }],
  FlowSchema: [{ spec: { matchingPrecedence: 10000 } }],
  PriorityLevelConfiguration: [{ spec: { limited: { nominalConcurrencyShares: 0 } } }],
  Service: [{ spec: { externalName: "mallory.example.com" } }],
};

function merged(live: Live, { metadata, ...rest }: { metadata?: object } & Record<string, unknown>): object {
  return { ...live, ...rest, metadata: withoutNulls({ ...live.metadata, ...metadata }) };
}

const withoutNulls = (metadata: object): object =>
  JSON.parse(JSON.stringify(metadata, (_, value) => (value === null ? undefined : value)));

/** Server-side apply as whoever made it: what the manifest leaves out, goes. */
function applied({ apiVersion, kind, metadata: { name, namespace } }: Live, more: object): object {
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  return { apiVersion, kind, metadata, ...more };
}

const at = (path: string, query: string) => `${path}?${query}`;
/** Whose fields these are: `kubectl apply --server-side`, and whoever creates. */
const MANAGERS = ["kubectl", "kubectl-create", "mallory"];

function changes(path: string, live: Live, change: object, what: string): Attempt[] {
  const changed = merged(live, change as Record<string, unknown>);
  return [
    { what: `${what}, merge patch`, call: patch(path, change, MERGE) },
    { what: `${what}, strategic patch`, call: patch(path, change, STRATEGIC) },
    { what: `${what}, update`, call: put(path, changed) },
  ];
}

function patches(path: string): Attempt[] {
  const operations: readonly object[] = [
    { op: "remove", path: "/metadata/annotations" },
    { op: "replace", path: "/metadata/labels", value: {} },
    { op: "add", path: "/metadata/ownerReferences", value: [OWNER] },
    { op: "remove", path: "/spec" },
    { op: "remove", path: "/data" },
  ];
  return operations.map((operation) => ({
    what: `JSON patch ${JSON.stringify(operation)}`,
    call: patch(path, [operation], JSON_PATCH),
  }));
}

function removals({ path, collection, name }: Place): Attempt[] {
  const one = `fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
  return [
    { what: "delete", call: del(path) },
    { what: "delete, orphaning", call: del(path, { propagationPolicy: "Orphan" }) },
    { what: "delete, at once", call: del(path, { gracePeriodSeconds: 0, propagationPolicy: "Foreground" }) },
    { what: "deletecollection by field", call: del(at(collection, one)) },
    { what: "deletecollection of all", call: del(collection) },
  ];
}

const apply = (path: string, manager: string, body: object): Call =>
  patch(at(path, `fieldManager=${manager}&force=true`), body, APPLY);

/** Doors beside the object itself through which its metadata, or it itself, can be reached. */
function sideDoors({ kind, path, collection, name }: Place, live: Live): Attempt[] {
  const changed = METADATA["annotations falsified"]?.(live) ?? {};
  const doors = kind === "Namespace" ? ["status", "finalize"] : ["status"];
  const through = doors.flatMap((door) =>
    ["annotations gone", "annotations falsified", "labels falsified"].flatMap((what) =>
      changes(
        `${path}/${door}`,
        live,
        { metadata: METADATA[what]?.(live) ?? {} },
        `${what} through /${door}`,
      ),
    ),
  );
  const unserved = {
    status: { acceptedNames: { plural: "x", kind: "X" }, conditions: [], storedVersions: [] },
  };
  if (kind === "CustomResourceDefinition")
    through.push(...changes(`${path}/status`, live, unserved, "unserved"));
  if (kind === "Deployment") {
    const scale = { spec: { replicas: 0 } };
    through.push({ what: "scaled to nothing", call: patch(`${path}/scale`, scale, MERGE) });
  }
  if (kind !== "Pod") return through;
  const meta = { name, annotations: falsified(live.metadata.annotations) };
  const binding = { apiVersion: "v1", kind: "Binding", metadata: meta, target: { kind: "Node", name: "n" } };
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name } };
  return [
    ...through,
    { what: "annotations through a binding", call: post(`${path}/binding`, binding) },
    { what: "annotations through bindings", call: post(collection.replace(/pods$/, "bindings"), binding) },
    { what: "eviction", call: post(`${path}/eviction`, eviction) },
    ...changes(
      `${path}/ephemeralcontainers`,
      live,
      { metadata: changed },
      "annotations by ephemeral containers",
    ),
    ...changes(`${path}/resize`, live, { metadata: changed }, "annotations by resizing"),
  ];
}

/** All attempts on one object; `live` is how it stands. */
export function attemptsOn(place: Place, live: Live): Attempt[] {
  const { path, kind } = place;
  const metadata = Object.entries(METADATA).flatMap(([what, of]) =>
    changes(path, live, { metadata: of(live) }, what),
  );
  const contents = (CONTENTS[kind] ?? []).flatMap((change) =>
    changes(path, live, change, JSON.stringify(change)),
  );
  const applies = MANAGERS.flatMap((manager) => [
    { what: `apply of nothing as ${manager}`, call: apply(path, manager, applied(live, {})) },
    ...(CONTENTS[kind] ?? []).slice(0, 1).map((change) => ({
      what: `apply of ${JSON.stringify(change)} as ${manager}`,
      call: apply(path, manager, applied(live, change)),
    })),
  ]);
  const again = { what: "made again", call: post(place.collection, applied(live, {})) };
  return [
    ...metadata,
    ...contents,
    ...patches(path),
    ...applies,
    again,
    ...sideDoors(place, live),
    ...removals(place),
  ];
}

/** What agents could make beside what is there, so that it counts less. */
export const ADDITIONS: Readonly<Record<string, Call>> = {
  "a policy that switches the catalogue off": post("/apis/policy.hoop.dev/v1alpha1/agentpolicies", {
    apiVersion: "policy.hoop.dev/v1alpha1",
    kind: "AgentPolicy",
    metadata: { name: "addition" },
    spec: { catalogue: [{ rule: "namespace-delete", mode: "Off" }] },
  }),
  "a policy by server-side apply": apply("/apis/policy.hoop.dev/v1alpha1/agentpolicies/addition", "mallory", {
    apiVersion: "policy.hoop.dev/v1alpha1",
    kind: "AgentPolicy",
    metadata: { name: "addition" },
    spec: { catalogue: [{ rule: "rbac-write", mode: "Off" }] },
  }),
  "a namespace that says who decides": post("/api/v1/namespaces", {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "addition", annotations: { "hoop.dev/approvers": "1 of system:authenticated" } },
  }),
  "params where a policy looks for them in the target's namespace": post(
    "/api/v1/namespaces/prod/configmaps",
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "own-limits" },
      data: { blocked: "nothing" },
    },
  ),
  "a webhook that answers in Hoop's place": post(
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name: "addition" },
      webhooks: [],
    },
  ),
  "an API of another group of Hoop's": post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "additions.more.hoop.dev" },
    spec: {
      group: "more.hoop.dev",
      scope: "Cluster",
      names: { plural: "additions", singular: "addition", kind: "Addition", listKind: "AdditionList" },
      versions: [
        { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
      ],
    },
  }),
  "an API service in front of the policies": post("/apis/apiregistration.k8s.io/v1/apiservices", {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: "v1beta1.policy.hoop.dev" },
    spec: {
      group: "policy.hoop.dev",
      version: "v1beta1",
      groupPriorityMinimum: 20_000,
      versionPriority: 1000,
      insecureSkipTLSVerify: true,
      service: { name: "mallory", namespace: "demo" },
    },
  }),
  "a binding that makes its maker an approver": post(
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "addition" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "hoop-approver" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "agent" }],
    },
  ),
  "a copy of a Deployment whose template says what holds its pods": post(
    "/apis/apps/v1/namespaces/prod/deployments",
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "addition" },
      spec: {
        selector: { matchLabels: { app: "x" } },
        template: {
          metadata: { labels: { app: "x" }, annotations: { "hoop.dev/deny": "false" } },
          spec: { automountServiceAccountToken: false, containers: [{ name: "main", image: "app:1" }] },
        },
      },
    },
  ),
  "a revision whose template says so": post("/apis/apps/v1/namespaces/prod/controllerrevisions", {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: { name: "addition" },
    revision: 1,
    data: { spec: { template: { metadata: { annotations: { "hoop.dev/deny": "false" } } } } },
  }),
};
