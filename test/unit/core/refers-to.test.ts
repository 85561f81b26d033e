import { expect } from "chai";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import {
  type Granted,
  type RbacRule,
  referencesOf,
  referredWords,
  ruleWords,
} from "#core/digest/refers-to.ts";
import { on, request, update } from "./requests.ts";

const RBAC = "rbac.authorization.k8s.io";
const roleRef = (kind: string) => ({ roleRef: { apiGroup: RBAC, kind, name: "reader" } });
const SPEC: JsonObject = {
  automountServiceAccountToken: false,
  containers: [
    {
      name: "main",
      env: [
        { name: "A", valueFrom: { configMapKeyRef: { name: "key-ref", key: "a" } } },
        { name: "B", valueFrom: { secretKeyRef: { name: "secret", key: "b" } } },
      ],
      envFrom: [{ configMapRef: { name: "from" } }],
    },
  ],
  volumes: [
    { name: "a", configMap: { name: "volume" } },
    {
      name: "b",
      projected: {
        sources: [{ configMap: { name: "projected" } }, { configMap: { name: "kube-root-ca.crt" } }],
      },
    },
  ],
};
const USES = [
  "Secret demo/secret",
  ...["from", "key-ref", "projected", "volume"].map((name) => `ConfigMap demo/${name}`),
];

describe("what a request refers to", () => {
  const deployment = (spec: JsonObject): JsonObject => ({ spec: { template: { spec } } });
  const apps = on("apps", "deployments");
  const clusterWide = { ...on(RBAC, "clusterrolebindings"), namespace: "" };
  const cases: Record<string, [AdmissionRequest, string[]]> = {
    "is the Role of a RoleBinding, in its namespace": [
      request({ ...on(RBAC, "rolebindings"), object: roleRef("Role") }),
      ["Role demo/reader"],
    ],
    "is the ClusterRole of a RoleBinding": [
      request({ ...on(RBAC, "rolebindings"), object: roleRef("ClusterRole") }),
      ["ClusterRole /reader"],
    ],
    "is the ClusterRole of a binding to which a subject is added": [
      update(roleRef("ClusterRole"), { ...roleRef("ClusterRole"), subjects: [] }, clusterWide),
      ["ClusterRole /reader"],
    ],
    "is all that its pods use": [request({ ...apps, object: deployment(SPEC) }), USES],
    "is what an ephemeral container uses": [
      update(
        { spec: SPEC },
        { spec: { ...SPEC, ephemeralContainers: [{ envFrom: [{ configMapRef: { name: "new" } }] }] } },
        {
          ...on("", "pods"),
          subresource: "ephemeralcontainers",
        },
      ),
      ["ConfigMap demo/new"],
    ],
    "is nothing that the object used before": [
      update(deployment(SPEC), { ...deployment(SPEC), metadata: { labels: { a: "b" } } }, apps),
      [],
    ],
    "is the ServiceAccount whose token its pods get": [
      request({ ...apps, object: deployment({ containers: [], serviceAccountName: "robot" }) }),
      ["ServiceAccount demo/robot"],
    ],
    "is the ServiceAccount that a change brings": [
      update(deployment({ serviceAccountName: "a" }), deployment({ serviceAccountName: "b" }), apps),
      ["ServiceAccount demo/b"],
    ],
    "is the Secret of any other kind": [
      request({
        ...on("networking.k8s.io", "ingresses"),
        object: { spec: { tls: [{ secretName: "tls" }] } },
      }),
      ["Secret demo/tls"],
    ],
    "is nothing that only looks like it, in what a Secret holds": [
      request({
        ...on("", "secrets"),
        object: { data: { secretName: "c2VjcmV0" }, stringData: { secretName: "a" } },
      }),
      [],
    ],
    "is no name that nothing can have": [
      request({ ...on("example.com", "things"), object: { spec: { secretName: "../../nodes/a" } } }),
      [],
    ],
    "is nothing of a status": [
      request({
        ...on("example.com", "things"),
        subresource: "status",
        object: { status: { secretName: "a" } },
      }),
      [],
    ],
    "is nothing of what is deleted": [
      request({ ...apps, operation: "DELETE", oldObject: deployment(SPEC) }),
      [],
    ],
  };
  for (const [name, [asked, expected]] of Object.entries(cases))
    it(name, () => {
      const named = referencesOf(asked).map(({ kind, namespace, name: of }) => `${kind} ${namespace}/${of}`);
      expect(named).to.deep.equal(expected);
    });
});

describe("a right in words", () => {
  const cases: Record<string, RbacRule> = {
    "get,list pods": { verbs: ["get", "list"], apiGroups: [""], resources: ["pods"] },
    'get pods,deployments of "",apps': {
      verbs: ["get"],
      apiGroups: ["", "apps"],
      resources: ["pods", "deployments"],
    },
    "* * of *": { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
    "get secrets (db)": { verbs: ["get"], apiGroups: [""], resources: ["secrets"], resourceNames: ["db"] },
    "get /healthz": { verbs: ["get"], nonResourceURLs: ["/healthz"] },
    "get a\\u{202e}": { verbs: ["get"], apiGroups: [""], resources: ["a\u202e"] },
  };
  for (const [words, rule] of Object.entries(cases))
    it(`is ${words}`, () => {
      expect(ruleWords(rule)).to.equal(words);
    });

  it("is cut where nobody reads on, and says how much", () => {
    const long = ruleWords({ verbs: ["get"], apiGroups: [""], resources: ["x".repeat(10_000)] });
    expect(long)
      .to.match(/xxx… \(\d+ more characters\)$/)
      .and.have.length.below(600);
    const rules = Array.from({ length: 300 }, () => ({ verbs: ["get"], nonResourceURLs: ["/a"] }));
    const granted: Granted = { role: "ClusterRole a", namespace: "", rules };
    const reference = { kind: "ServiceAccount" as const, namespace: "demo", name: "a" };
    const { rights = [] } = referredWords({ reference, state: { kind: "granted", granted: [granted] } }, "k");
    expect(rights).to.have.length(201);
    expect(rights.at(-1)).to.equal("and 100 more, which are not shown");
  });
});
