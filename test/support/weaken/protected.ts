/** What agents are bound by in a cluster: everything that decides what an agent may do, as it stands there. */
import { localManifests } from "../../../local/manifests.ts";
import { clusterScoped, deployment, HARMLESS, type Manifest, namespaced, pod } from "../objects.ts";
import type { Caller } from "../raw.ts";
import type { Testbed } from "../testbed.ts";

/** One object, and where it is. */
export interface Place {
  kind: string;
  path: string;
  /** Of its collection, with the name. */
  collection: string;
  name: string;
  /** What it was made from. */
  made: Manifest;
}

/** How the plurals of kinds are made, where it is not by an `s`. */
const PLURALS: Readonly<Record<string, string>> = {
  AgentPolicy: "agentpolicies",
  ValidatingAdmissionPolicy: "validatingadmissionpolicies",
  MutatingAdmissionPolicy: "mutatingadmissionpolicies",
  PriorityClass: "priorityclasses",
};

export function placeOf(made: Manifest): Place {
  const { apiVersion, kind, metadata } = made;
  const api = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const inside = metadata.namespace === undefined ? "" : `/namespaces/${metadata.namespace}`;
  const collection = `${api}${inside}/${PLURALS[kind] ?? `${kind.toLowerCase()}s`}`;
  return { kind, collection, path: `${collection}/${metadata.name}`, name: metadata.name, made };
}

const annotated = (made: Manifest, annotations: Record<string, string>, more: object = {}): Manifest => {
  const metadata = { ...made.metadata, ...more, annotations };
  return { ...made, metadata };
};

const within = (made: Manifest, namespace: string): Manifest => ({
  ...made,
  metadata: { ...made.metadata, namespace },
});

const POLICY = "policy.hoop.dev/v1alpha1";
const CONFIG_MAPS = [
  { apiGroups: [""], operations: ["CREATE", "UPDATE", "DELETE"], resources: ["configmaps"] },
];
const UPDATES = "request.operation == 'UPDATE'";

/** What has to be there, and says nothing about agents. */
export const NEEDED: readonly Manifest[] = [
  clusterScoped("v1", "Namespace", "prod"),
  within(namespaced("v1", "ServiceAccount", "default"), "prod"),
  // Params are read by Hoop's own ServiceAccount.
  {
    ...clusterScoped("rbac.authorization.k8s.io/v1", "ClusterRole", "params"),
    rules: [
      {
        apiGroups: ["", "example.com"],
        resources: ["configmaps", "bounds"],
        verbs: ["get", "list", "watch"],
      },
    ],
  },
  {
    ...clusterScoped("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "params"),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "params" },
    subjects: [{ kind: "ServiceAccount", namespace: "hoop-system", name: "hoop" }],
  },
  {
    ...clusterScoped("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "robots"),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [
      { apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "robot" },
      { kind: "ServiceAccount", namespace: "ci", name: "bot" },
    ],
  },
];

/** What people set up: each of these rules is looked at by a canary. */
export const SET_UP: readonly Manifest[] = [
  annotated(
    clusterScoped("v1", "Namespace", "prod"),
    { "hoop.dev/require-approval": "request.?name.orValue('') == 'by-namespace'", "hoop.dev/approvers": "2" },
    { labels: { env: "prod" } },
  ),
  clusterScoped("v1", "Namespace", "ci"),
  clusterScoped("v1", "Namespace", "data"),
  annotated(within(namespaced("v1", "ServiceAccount", "bot"), "ci"), {
    "hoop.dev/deny": "request.?name.orValue('') == 'by-account'",
  }),
  // Only its updates wait: who could delete it and make it anew would be rid of that.
  annotated(within(namespaced("v1", "ConfigMap", "guarded", { data: { a: "b" } }), "prod"), {
    "hoop.dev/require-approval": UPDATES,
  }),
  annotated(within(deployment("guarded", HARMLESS), "prod"), { "hoop.dev/deny": UPDATES }),
  annotated(within(pod("guarded"), "prod"), { "hoop.dev/deny": UPDATES }),
  within(namespaced("v1", "ConfigMap", "limits", { data: { blocked: "by-params" } }), "data"),
  clusterScoped("example.com/v1", "Bound", "bounds", { blocked: "by-bounds" }),
];

export const PARAM_KIND: Manifest = clusterScoped(
  "apiextensions.k8s.io/v1",
  "CustomResourceDefinition",
  "bounds.example.com",
  {
    spec: {
      group: "example.com",
      scope: "Cluster",
      names: { plural: "bounds", singular: "bound", kind: "Bound", listKind: "BoundList" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
        },
      ],
    },
  },
);

const deny = (when: string) => [{ name: "canary", action: "Deny", when }];
const named = (name: string) => `request.?name.orValue('') == ${name}`;

export const POLICIES: readonly Manifest[] = [
  clusterScoped(POLICY, "AgentPolicy", "by-selector", {
    spec: {
      matchConstraints: {
        resourceRules: CONFIG_MAPS,
        namespaceSelector: { matchLabels: { env: "prod" } },
      },
      rules: deny(named("'by-selector'")),
    },
  }),
  clusterScoped(POLICY, "AgentPolicy", "by-params", {
    spec: {
      matchConstraints: { resourceRules: CONFIG_MAPS },
      paramKind: { apiVersion: "v1", kind: "ConfigMap" },
      paramRef: { name: "limits", namespace: "data", parameterNotFoundAction: "Allow" },
      rules: deny(named("params.data.blocked")),
    },
  }),
  clusterScoped(POLICY, "AgentPolicy", "by-bounds", {
    spec: {
      matchConstraints: { resourceRules: CONFIG_MAPS },
      paramKind: { apiVersion: "example.com/v1", kind: "Bound" },
      paramRef: { name: "bounds", parameterNotFoundAction: "Allow" },
      rules: deny(named("params.blocked")),
    },
  }),
  clusterScoped(POLICY, "AgentPolicy", "by-own-params", {
    spec: {
      matchConstraints: {
        resourceRules: CONFIG_MAPS,
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "data" } },
      },
      paramKind: { apiVersion: "v1", kind: "ConfigMap" },
      paramRef: { name: "own-limits", parameterNotFoundAction: "Deny" },
      rules: deny("true"),
    },
  }),
  clusterScoped(POLICY, "AgentProfile", "robots", {
    spec: { users: ["robot"], serviceAccounts: [{ namespace: "ci", name: "bot" }] },
  }),
];

/** Objects of deploy/ that are there where Hoop runs outside of the cluster, too. */
export async function installed(bed: Testbed): Promise<Manifest[]> {
  const text = await localManifests({ api: bed.apiPort, webhook: bed.webhookPort }, { stampBy: "policy" });
  return (JSON.parse(text) as { items: Manifest[] }).items;
}

type Stored = { metadata: Record<string, unknown>; status?: Record<string, unknown> } & Record<
  string,
  unknown
>;

/** What others write there all the time, and decides nothing. */
const VOLATILE = ["resourceVersion", "managedFields", "generation"];
/** Who wrote last, as the API server stamps it. */
const STAMPS = ["hoop.dev/agent", "hoop.dev/session"];

function withoutStamps(annotations: unknown): object {
  const all = Object.entries((annotations ?? {}) as object);
  return Object.fromEntries(all.filter(([key]) => !STAMPS.includes(key)));
}

/** As it stands in the cluster, "gone" where it does not. */
export async function standing(admin: Caller, { path }: Place): Promise<unknown> {
  const { code, text } = await admin({ path });
  if (code === 404) return "gone";
  const { metadata, status = {}, ...rest } = JSON.parse(text) as Stored;
  const kept = Object.fromEntries(Object.entries(metadata).filter(([key]) => !VOLATILE.includes(key)));
  // Under which names an API is served is part of what agents could change.
  const own = withoutStamps(kept["annotations"]);
  return { ...rest, metadata: { ...kept, annotations: own }, names: status["acceptedNames"] };
}
