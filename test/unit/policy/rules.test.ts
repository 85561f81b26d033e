import { expect } from "chai";
import fc from "fast-check";
import type { AdmissionRequest, JsonObject, Operation } from "#core/admission.ts";
import { POD_SPEC_PATHS } from "#core/policy/facts/workload.ts";
import { judge } from "#core/policy/judge.ts";
import type { Verdict } from "#core/policy/verdict.ts";
import { policyPorts } from "../../support/policies.ts";
import { request, TERMS } from "../../support/reviews.ts";

/** A request about `GROUP/RESOURCE[/SUBRESOURCE]` in namespace `demo` named `x`. */
function on(operation: Operation, resource: string, given: Partial<AdmissionRequest> = {}): AdmissionRequest {
  const [group = "", name = "", subresource = ""] = resource.split("/");
  return request({
    operation,
    resource: { group, version: "v1", resource: name },
    subresource,
    namespace: "demo",
    name: "x",
    options: null,
    ...given,
  });
}

const PORTS = { policies: policyPorts(), terms: TERMS, installationNamespace: "hoop-system" };

const verdict = (asked: AdmissionRequest): Promise<Verdict> => judge(PORTS, asked);

/** `allow`, or what is done and by which rules. */
async function told(asked: AdmissionRequest): Promise<string> {
  const given = await verdict(asked);
  return "rules" in given ? `${given.kind} ${given.rules.map(({ name }) => name).join(",")}` : given.kind;
}

const metadata = (given: JsonObject = {}) => ({ name: "x", namespace: "demo", ...given });
const SAFE: JsonObject = {
  automountServiceAccountToken: false,
  containers: [{ name: "main", image: "app:1" }],
};
const podWith = (spec: JsonObject): JsonObject => ({ metadata: metadata(), spec: { ...SAFE, ...spec } });
const container = (securityContext: JsonObject): JsonObject => ({
  name: "c",
  image: "app:1",
  securityContext,
});
const creating = (spec: JsonObject) => on("CREATE", "/pods", { object: podWith(spec) });
const updating = (before: JsonObject, now: JsonObject) =>
  on("UPDATE", "/pods", { oldObject: podWith(before), object: podWith(now) });

/** An object of the kind, with the spec where that kind has its pods' spec. */
const KINDS: Record<string, (spec: JsonObject) => JsonObject> = {
  "/pods": (spec) => ({ spec }),
  "/podtemplates": (spec) => ({ template: { spec } }),
  "/replicationcontrollers": (spec) => ({ spec: { template: { spec } } }),
  "apps/deployments": (spec) => ({ spec: { template: { spec } } }),
  "apps/statefulsets": (spec) => ({ spec: { template: { spec } } }),
  "apps/daemonsets": (spec) => ({ spec: { template: { spec } } }),
  "apps/replicasets": (spec) => ({ spec: { template: { spec } } }),
  "apps/controllerrevisions": (spec) => ({ data: { spec: { template: { spec } } } }),
  "batch/jobs": (spec) => ({ spec: { template: { spec } } }),
  "batch/cronjobs": (spec) => ({ spec: { jobTemplate: { spec: { template: { spec } } } } }),
};

const RISKS: Record<string, JsonObject> = {
  "privileged-container": { containers: [container({ privileged: true })] },
  "privilege-escalation": { containers: [container({ allowPrivilegeEscalation: true })] },
  "added-capabilities": { containers: [container({ capabilities: { add: ["NET_ADMIN"] } })] },
  "host-namespaces": { hostPID: true },
  "host-path": { volumes: [{ name: "v", hostPath: { path: "/" } }] },
  "service-account": { serviceAccountName: "strong" },
  "secret-use": { containers: [{ name: "c", envFrom: [{ secretRef: { name: "db" } }] }] },
};

const TABLE: Record<string, [AdmissionRequest, string]> = {
  "a plain pod": [creating({}), "allow"],
  "a Secret as a volume": [
    creating({ volumes: [{ name: "v", secret: { secretName: "db" } }] }),
    "hold secret-use",
  ],
  "a Secret in a projected volume": [
    creating({ volumes: [{ name: "v", projected: { sources: [{ secret: { name: "db" } }] } }] }),
    "hold secret-use",
  ],
  "a Secret to pull images with": [creating({ imagePullSecrets: [{ name: "registry" }] }), "hold secret-use"],
  "a Secret in a variable": [
    creating({
      containers: [
        { name: "c", env: [{ name: "A", valueFrom: { secretKeyRef: { name: "db", key: "k" } } }] },
      ],
    }),
    "hold secret-use",
  ],
  "a Secret the object used before": [
    updating(
      { volumes: [{ name: "v", secret: { secretName: "db" } }] },
      { volumes: [{ name: "v", secret: { secretName: "db" } }], terminationGracePeriodSeconds: 5 },
    ),
    "allow",
  ],
  "another Secret than before": [
    updating(
      { volumes: [{ name: "v", secret: { secretName: "db" } }] },
      { volumes: [{ name: "v", secret: { secretName: "other" } }] },
    ),
    "hold secret-use",
  ],
  "a privileged init container": [
    creating({ initContainers: [container({ privileged: true })] }),
    "hold privileged-container",
  ],
  "a privileged ephemeral container": [
    on("UPDATE", "/pods/ephemeralcontainers", {
      oldObject: podWith({}),
      object: podWith({ ephemeralContainers: [container({ privileged: true })] }),
    }),
    "hold ephemeral-container,privileged-container",
  ],
  "a host process of a container": [
    creating({ containers: [container({ windowsOptions: { hostProcess: true } })] }),
    "hold privileged-container",
  ],
  "a host process of the pod": [
    creating({ securityContext: { windowsOptions: { hostProcess: true } } }),
    "hold host-namespaces",
  ],
  "several risks at once": [
    creating({ hostNetwork: true, containers: [container({ privileged: true })] }),
    "hold privileged-container,host-namespaces",
  ],
  "what the object had before, while something else changes": [
    updating({ hostIPC: true }, { hostIPC: true, terminationGracePeriodSeconds: 5 }),
    "hold host-namespaces",
  ],
  "what the object had before, while nothing of its pods changes": [
    on("UPDATE", "apps/deployments", {
      oldObject: { metadata: metadata(), spec: { replicas: 1, template: { spec: { hostIPC: true } } } },
      object: { metadata: metadata(), spec: { replicas: 2, template: { spec: { hostIPC: true } } } },
    }),
    "allow",
  ],
  "capabilities that are only dropped": [
    creating({ containers: [container({ capabilities: { drop: ["ALL"], add: [] } })] }),
    "allow",
  ],
  "the default ServiceAccount with its token": [
    creating({ automountServiceAccountToken: true }),
    "hold service-account",
  ],
  "the default ServiceAccount with a projected token": [
    creating({ volumes: [{ name: "t", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }] }),
    "hold service-account",
  ],
  "the deprecated name of a ServiceAccount": [creating({ serviceAccount: "strong" }), "hold service-account"],
  "the ServiceAccount it already had": [
    updating(
      { serviceAccountName: "strong" },
      { serviceAccountName: "strong", terminationGracePeriodSeconds: 5 },
    ),
    "allow",
  ],
  "a Namespace's delete": [request(), "hold namespace-delete"],
  "a Namespace's finalize": [on("UPDATE", "/namespaces/finalize"), "hold namespace-finalize"],
  "a Namespace's label": [
    on("UPDATE", "/namespaces", {
      oldObject: { metadata: metadata() },
      object: { metadata: metadata({ labels: {} }) },
    }),
    "allow",
  ],
  "a Namespace's new owner": [
    on("UPDATE", "/namespaces/status", {
      oldObject: { metadata: metadata() },
      object: { metadata: metadata({ ownerReferences: [{ kind: "Node", name: "n", uid: "u" }] }) },
    }),
    "hold namespace-owner",
  ],
  "a Namespace that loses its owner": [
    on("UPDATE", "/namespaces", {
      oldObject: { metadata: metadata({ ownerReferences: [{ kind: "Node", name: "n", uid: "u" }] }) },
      object: { metadata: metadata() },
    }),
    "allow",
  ],
  exec: [on("CONNECT", "/pods/exec"), "hold pod-connect"],
  "a connection that nobody has heard of": [on("CONNECT", "example.com/things/tunnel"), "hold pod-connect"],
  "the kubelet": [on("CONNECT", "/nodes/proxy"), "deny node-proxy"],
  "an eviction": [on("CREATE", "/pods/eviction"), "hold pod-delete"],
  "a delete of a pod": [on("DELETE", "/pods"), "hold pod-delete"],
  "a delete of a Deployment": [on("DELETE", "apps/deployments"), "hold workload-delete"],
  "a Secret's create": [on("CREATE", "/secrets"), "hold secret-create"],
  "a Secret's update": [on("UPDATE", "/secrets"), "deny secret-update"],
  "a Secret's update by a subresource": [on("UPDATE", "/secrets/whatever"), "deny secret-update"],
  "a Secret's delete": [on("DELETE", "/secrets"), "hold secret-delete"],
  "a Secret's delete in the foreground": [
    on("DELETE", "/secrets", { options: { propagationPolicy: "Foreground" } }),
    "deny secret-unsafe-delete",
  ],
  "a Secret's delete that orphans": [
    on("DELETE", "/secrets", { options: { orphanDependents: true } }),
    "deny secret-unsafe-delete",
  ],
  "a delete of a Secret with a finalizer": [
    on("DELETE", "/secrets", { oldObject: { metadata: metadata({ finalizers: ["a/b"] }) } }),
    "deny secret-unsafe-delete",
  ],
  "a Secret of another group": [on("UPDATE", "example.com/secrets"), "allow"],
  "a token": [on("CREATE", "/serviceaccounts/token"), "deny token-request"],
  "a ServiceAccount": [on("CREATE", "/serviceaccounts"), "allow"],
  "a ServiceAccount that pulls with a Secret": [
    on("CREATE", "/serviceaccounts", { object: { imagePullSecrets: [{ name: "registry" }] } }),
    "hold service-account-secrets",
  ],
  "a ServiceAccount that is given another Secret": [
    on("UPDATE", "/serviceaccounts", {
      oldObject: { secrets: [{ name: "one" }] },
      object: { secrets: [{ name: "one" }, { name: "other" }] },
    }),
    "hold service-account-secrets",
  ],
  "a ServiceAccount that keeps its Secret, under another label": [
    on("UPDATE", "/serviceaccounts", {
      oldObject: { secrets: [{ name: "one" }] },
      object: { secrets: [{ name: "one" }], metadata: metadata({ labels: { a: "b" } }) },
    }),
    "allow",
  ],
  "a Secret that is a ServiceAccount's token": [
    on("CREATE", "/secrets", { object: { type: "kubernetes.io/service-account-token" } }),
    "deny identity-secret",
  ],
  "a Secret that lets nodes join": [
    on("CREATE", "/secrets", { object: { type: "bootstrap.kubernetes.io/token" } }),
    "deny identity-secret",
  ],
  "a change through secure-secrets": [
    { ...on("UPDATE", "/secrets"), through: "secure-secrets" },
    "hold secret-change",
  ],
  "a reveal": [{ ...on("CONNECT", "/secrets/reveal"), through: "secure-secrets" }, "hold secret-reveal"],
  "a reveal of a ServiceAccount's token": [
    {
      ...on("CONNECT", "/secrets/reveal", { oldObject: { type: "kubernetes.io/service-account-token" } }),
      through: "secure-secrets",
    },
    "deny identity-secret",
  ],
  "who is an agent": [on("CREATE", "policy.hoop.dev/agentprofiles"), "deny hoop-policies"],
  "a certificate": [on("CREATE", "certificates.k8s.io/certificatesigningrequests"), "hold csr-create"],
  "a certificate's approval": [
    on("UPDATE", "certificates.k8s.io/certificatesigningrequests/approval"),
    "deny csr-approval",
  ],
  "a node's label": [on("UPDATE", "/nodes"), "hold node-write"],
  "a node's status": [on("UPDATE", "/nodes/status"), "hold node-write"],
  "a PersistentVolume on the node's disk": [
    on("CREATE", "/persistentvolumes", {
      object: { metadata: metadata(), spec: { hostPath: { path: "/" } } },
    }),
    "hold host-path-volume",
  ],
  "a PersistentVolume of a driver": [
    on("CREATE", "/persistentvolumes", { object: { metadata: metadata(), spec: { csi: { driver: "d" } } } }),
    "hold volume-write",
  ],
  "a PersistentVolume claimed from Hoop's namespace": [
    on("UPDATE", "/persistentvolumes", {
      oldObject: { metadata: metadata(), spec: { claimRef: { namespace: "hoop-system" } } },
      object: { metadata: metadata(), spec: {} },
    }),
    "deny hoop-itself",
  ],
  "who is who in the cluster": [
    on("UPDATE", "/configmaps", { namespace: "kube-system", name: "aws-auth" }),
    "hold identity-configmap",
  ],
  "who is who, in a deletecollection": [
    on("DELETE", "/configmaps", {
      namespace: "kube-system",
      name: "",
      oldObject: { metadata: { name: "extension-apiserver-authentication" } },
    }),
    "hold identity-configmap,system-namespace",
  ],
  "a ConfigMap of that name elsewhere": [on("UPDATE", "/configmaps", { name: "aws-auth" }), "allow"],
  "anything in Hoop's namespace": [
    on("CREATE", "/configmaps", { namespace: "hoop-system" }),
    "deny hoop-itself",
  ],
  "Hoop's Namespace": [
    on("DELETE", "/namespaces", { namespace: "hoop-system", name: "hoop-system" }),
    "deny hoop-itself",
  ],
  "Hoop's FlowSchema": [
    on("DELETE", "flowcontrol.apiserver.k8s.io/flowschemas", { namespace: "", name: "hoop-agents" }),
    "deny hoop-itself",
  ],
  "Hoop's FlowSchema in a deletecollection": [
    on("DELETE", "flowcontrol.apiserver.k8s.io/flowschemas", {
      namespace: "",
      name: "",
      oldObject: { metadata: { name: "hoop-agents" } },
    }),
    "deny hoop-itself",
  ],
  "a FlowSchema whose name only begins alike": [
    on("DELETE", "flowcontrol.apiserver.k8s.io/flowschemas", { namespace: "", name: "hoopla" }),
    "hold flow-control",
  ],
  "Hoop's ClusterRole": [
    on("UPDATE", "rbac.authorization.k8s.io/clusterroles", { namespace: "", name: "hoop-approver" }),
    "deny hoop-itself",
  ],
  "another ClusterRole": [
    on("UPDATE", "rbac.authorization.k8s.io/clusterroles", { namespace: "", name: "view" }),
    "hold rbac-write",
  ],
  "a CRD of Hoop's group": [
    on("CREATE", "apiextensions.k8s.io/customresourcedefinitions", {
      name: "things.x.hoop.dev",
      object: { metadata: { name: "things.x.hoop.dev" }, spec: { group: "x.hoop.dev" } },
    }),
    "deny hoop-apis",
  ],
  "the status of Hoop's APIService": [
    on("UPDATE", "apiregistration.k8s.io/apiservices/status", { name: "v1alpha1.hoop.dev" }),
    "deny hoop-apis",
  ],
  "another APIService": [
    on("CREATE", "apiregistration.k8s.io/apiservices", { name: "v1.example.com" }),
    "hold apiservice-write",
  ],
};

const annotated = (annotations: JsonObject, rest: JsonObject = {}): JsonObject => ({
  metadata: metadata({ annotations }),
  ...rest,
});
const change = (before: JsonObject | null, now: JsonObject) =>
  on(before === null ? "CREATE" : "UPDATE", "apps/deployments", { oldObject: before, object: now });
const template = (annotations: JsonObject) => ({
  spec: { template: { metadata: { annotations }, spec: SAFE } },
});

const ANNOTATIONS: Record<string, [before: JsonObject | null, now: JsonObject, denied: boolean]> = {
  "set at birth": [null, annotated({ "hoop.dev/deny": "true" }), true],
  "set later": [annotated({}), annotated({ "hoop.dev/deny": "true" }), true],
  changed: [annotated({ "hoop.dev/deny": "true" }), annotated({ "hoop.dev/deny": "false" }), true],
  removed: [annotated({ "hoop.dev/deny": "true" }), annotated({}), true],
  "removed with all others": [annotated({ "hoop.dev/deny": "true" }), { metadata: metadata() }, true],
  kept: [annotated({ "hoop.dev/deny": "true" }), annotated({ "hoop.dev/deny": "true", a: "b" }), false],
  "the reason": [annotated({}), annotated({ "hoop.dev/reason": "because" }), false],
  "its own stamp": [annotated({}), annotated({ "hoop.dev/agent": "ci-bot" }), false],
  "its own stamp over another's": [
    annotated({ "hoop.dev/agent": "other" }),
    annotated({ "hoop.dev/agent": "ci-bot" }),
    false,
  ],
  "another's stamp": [annotated({}), annotated({ "hoop.dev/agent": "other" }), true],
  "a stamp removed": [annotated({ "hoop.dev/agent": "other" }), annotated({}), true],
  "on a pod template": [null, { ...annotated({}), ...template({ "hoop.dev/session": "s" }) }, true],
  "kept on a pod template": [
    { ...annotated({}), ...template({ "hoop.dev/session": "s" }) },
    { ...annotated({ a: "b" }), ...template({ "hoop.dev/session": "s" }) },
    false,
  ],
  "moved from the object to its template": [
    { ...annotated({ "hoop.dev/deny": "true" }), ...template({}) },
    { ...annotated({}), ...template({ "hoop.dev/deny": "true" }) },
    true,
  ],
  "of another prefix": [null, annotated({ "x.hoop.dev/deny": "true", "hoop.developer/x": "y" }), false],
};

const RESOURCES = [
  "/secrets",
  "/serviceaccounts",
  "/persistentvolumes",
  "/namespaces",
  "/nodes/status",
  "rbac.authorization.k8s.io/clusterroles",
  "rbac.authorization.k8s.io/rolebindings",
  "apiextensions.k8s.io/customresourcedefinitions",
  "certificates.k8s.io/certificatesigningrequests",
  "example.com/things",
];

/** Held when they are made, whatever is in them. */
const ALWAYS: Readonly<Record<string, string>> = {
  "/replicationcontrollers": "pod-adoption",
  "apps/replicasets": "pod-adoption",
  "apps/controllerrevisions": "controller-revision",
};

describe("the catalogue", () => {
  it("knows every kind that carries pods", () => {
    expect([...POD_SPEC_PATHS.keys()].sort()).to.deep.equal(Object.keys(KINDS).sort());
  });

  for (const [kind, make] of Object.entries(KINDS))
    it(`holds each risk in ${kind}, on create and on change, and nothing else`, async () => {
      const object = (spec: JsonObject) => ({ metadata: metadata(), ...make({ ...SAFE, ...spec }) });
      const always = ALWAYS[kind];
      const others = (verdict: string) => verdict.replace(`${always},`, "");
      const safe = await told(on("CREATE", kind, { object: object({}) }));
      expect(safe).to.equal(always === undefined ? "allow" : `hold ${always}`);
      for (const [rule, spec] of Object.entries(RISKS)) {
        expect(others(await told(on("CREATE", kind, { object: object(spec) })))).to.equal(`hold ${rule}`);
        const changed = on("UPDATE", kind, { oldObject: object({}), object: object(spec) });
        expect(others(await told(changed))).to.equal(`hold ${rule}`);
      }
    });

  describe("says of", () => {
    for (const [what, [asked, expected]] of Object.entries(TABLE))
      it(`${what}: ${expected}`, async () => expect(await told(asked)).to.equal(expected));
  });

  describe("guards annotations of hoop.dev:", () => {
    for (const [what, [before, now, denied]] of Object.entries(ANNOTATIONS))
      it(`${what} is ${denied ? "denied" : "left alone"}`, async () => {
        const given = await told(change(before, now));
        expect(given.includes("hoop-annotations")).to.equal(denied);
      });
  });

  it("judges whatever it is given, of whatever types", async () => {
    const resources = fc.constantFrom(...Object.keys(KINDS), ...RESOURCES);
    const operation = fc.constantFrom<Operation>("CREATE", "UPDATE", "DELETE", "CONNECT");
    const object = fc.option(
      fc.record({
        metadata: fc.oneof(fc.jsonValue(), fc.constant(metadata({ annotations: { "hoop.dev/x": null } }))),
        spec: fc.oneof(
          fc.jsonValue(),
          fc.record({ containers: fc.jsonValue(), volumes: fc.jsonValue(), template: fc.jsonValue() }),
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(operation, resources, object, object, async (given, resource, before, now) => {
        const asked = on(given, resource, {
          oldObject: before as JsonObject | null,
          object: now as JsonObject | null,
        });
        expect((await verdict(asked)).kind).to.be.oneOf(["allow", "hold", "deny", "could-not-tell"]);
      }),
    );
  });
});
