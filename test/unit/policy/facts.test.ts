import { expect } from "chai";
import type { AdmissionRequest, JsonObject, Operation } from "#core/admission.ts";
import { gainedRights } from "#core/policy/facts/rights.ts";
import { podSpecPaths } from "#core/policy/facts/workload.ts";
import { judge } from "#core/policy/judge.ts";
import { NO_CATALOGUE, policyPorts, ruleOf, shown } from "../../support/policies.ts";
import { request, TERMS } from "../../support/reviews.ts";

function on(operation: Operation, what: string, given: Partial<AdmissionRequest>): AdmissionRequest {
  const [group = "", resource = "", subresource = ""] = what.split("/");
  return request({
    operation,
    resource: { group, version: "v1", resource },
    subresource,
    namespace: "demo",
    name: "x",
    ...given,
  });
}

/** Whether an expression is true of a request; `workloads` as in the settings. */
async function holds(
  when: string,
  asked: AdmissionRequest,
  workloads: Parameters<typeof podSpecPaths>[0] = [],
): Promise<void> {
  const policies = policyPorts(NO_CATALOGUE, [ruleOf({ when })]);
  const ports = {
    policies,
    terms: TERMS,
    installationNamespace: "hoop-system",
    workloads: podSpecPaths(workloads),
  };
  expect(shown(await judge(ports, asked)), when).to.equal("hold p/r");
}

const SPEC: JsonObject = {
  containers: [{ name: "a" }],
  initContainers: [{ name: "b" }],
  ephemeralContainers: [{ name: "c" }],
};
const deployment = (spec: JsonObject, replicas = 1): JsonObject => ({
  metadata: { name: "x" },
  spec: { replicas, template: { spec } },
});

describe("workload", () => {
  it("is the pod spec of what is new", async () => {
    const asked = on("CREATE", "apps/deployments", { object: deployment(SPEC) });
    await holds("workload.changed && workload.oldSpec == null", asked);
    await holds("workload.spec.containers[0].name == 'a'", asked);
    await holds("workload.containers.map(c, c.name) == ['a', 'b', 'c']", asked);
  });

  it("is the pod spec that changes, and what it was", async () => {
    const before = { ...SPEC, hostNetwork: true };
    const asked = on("UPDATE", "apps/deployments", {
      object: deployment(SPEC),
      oldObject: deployment(before),
    });
    await holds("workload.changed && workload.oldSpec.hostNetwork && !has(workload.spec.hostNetwork)", asked);
  });

  it("is none where the pods stay as they are", async () => {
    const moved = {
      ephemeralContainers: [{ name: "c" }],
      initContainers: [{ name: "b" }],
      containers: [{ name: "a" }],
    };
    const asked = on("UPDATE", "apps/deployments", {
      object: deployment(SPEC, 2),
      oldObject: deployment(moved),
    });
    await holds("!workload.changed && workload.spec == null && workload.containers == []", asked);
    await holds("!workload.spec.?hostNetwork.orValue(false)", asked);
  });

  it("has the metadata beside it, of which AppArmor's annotations are as good as the spec", async () => {
    const annotated = (annotations: JsonObject): JsonObject => ({
      spec: { template: { metadata: { annotations }, spec: SPEC } },
    });
    const key = "container.apparmor.security.beta.kubernetes.io/a";
    const between = (object: JsonObject, oldObject: JsonObject) =>
      on("UPDATE", "apps/deployments", { object, oldObject });
    const confined = annotated({ [key]: "runtime/default" });
    const asked = between(annotated({ [key]: "unconfined" }), confined);
    await holds(`workload.changed && workload.metadata.annotations['${key}'] == 'unconfined'`, asked);
    await holds("workload.changed", between(annotated({}), confined));
    const restarted = between(annotated({ [key]: "runtime/default", restarted: "now" }), confined);
    await holds("!workload.changed && workload.metadata == null", restarted);
    const pod = { metadata: { name: "x", labels: { app: "web" } }, spec: SPEC };
    await holds("workload.metadata.labels.app == 'web'", on("CREATE", "/pods", { object: pod }));
  });

  it("is none of anything else", async () => {
    await holds("!workload.changed", on("CREATE", "/configmaps", { object: { spec: SPEC } }));
    await holds("!workload.changed", on("DELETE", "/pods", { oldObject: { spec: SPEC } }));
    await holds(
      "!workload.changed",
      on("UPDATE", "/pods/status", { object: { spec: SPEC }, oldObject: { spec: {} } }),
    );
    await holds("!workload.changed", on("CONNECT", "/pods/exec", { object: { spec: SPEC } }));
  });

  it("is that of containers added to a running pod", async () => {
    const asked = on("UPDATE", "/pods/ephemeralcontainers", {
      object: { spec: SPEC },
      oldObject: { spec: {} },
    });
    await holds("workload.changed && workload.containers.exists(c, c.name == 'c')", asked);
  });

  it("is where the settings say, of other kinds", async () => {
    const object = { spec: { jobs: { template: { spec: SPEC } } } };
    const asked = on("CREATE", "example.com/runs", { object });
    await holds("!workload.changed", asked);
    const runs = { group: "example.com", resource: "runs", path: "spec.jobs.template.spec" };
    await holds("workload.changed && gains.serviceAccount == 'default'", asked, [runs]);
  });
});

describe("gains", () => {
  it("are none where nothing is gained", async () => {
    const asked = on("CREATE", "/configmaps", { object: { metadata: { name: "x" } } });
    await holds("gains.serviceAccount == '' && gains.secrets == [] && gains.annotations == []", asked);
    await holds("gains.owners == [] && gains.rights == []", asked);
  });

  it("tell a ServiceAccount, Secrets and annotations", async () => {
    const spec = { serviceAccountName: "strong", imagePullSecrets: [{ name: "pull" }], volumes: [] };
    const object = { metadata: { annotations: { "hoop.dev/deny": "true", "hoop.dev/reason": "r" } }, spec };
    const asked = on("CREATE", "/pods", { object });
    await holds("gains.serviceAccount == 'strong' && gains.secrets == ['pull']", asked);
    await holds("gains.annotations == ['hoop.dev/deny']", asked);
  });

  it("tell the Secrets of a ServiceAccount", async () => {
    const oldObject = { secrets: [{ name: "a" }] };
    const object = { secrets: [{ name: "a" }, { name: "c" }], imagePullSecrets: [{ name: "b" }] };
    await holds("gains.secrets == ['b', 'c']", on("UPDATE", "/serviceaccounts", { object, oldObject }));
  });

  it("tell owners where they change, and one is taken away as well", async () => {
    const owned = (...names: string[]): JsonObject => ({
      metadata: { ownerReferences: names.map((name) => ({ kind: "ConfigMap", name, uid: `u-${name}` })) },
    });
    const change = (oldObject: JsonObject, object: JsonObject) =>
      on("UPDATE", "/pods", { object, oldObject });
    await holds("gains.owners == ['ConfigMap a']", change(owned(), owned("a")));
    await holds("gains.owners == ['ConfigMap b']", change(owned("a", "b"), owned("b")));
    await holds("gains.owners == []", change(owned("a"), owned("a")));
    await holds("gains.owners == []", change(owned("a"), owned()));
  });
});

describe("rights gained", () => {
  const RBAC = "rbac.authorization.k8s.io";
  const role = (...rules: JsonObject[]): JsonObject => ({ rules });
  const rule = (verbs: string[], resources: string[], given: JsonObject = {}): JsonObject => ({
    verbs,
    resources,
    apiGroups: [""],
    ...given,
  });
  const of = (kind: string, object: JsonObject, oldObject: JsonObject | null = null) =>
    gainedRights(on(oldObject === null ? "CREATE" : "UPDATE", `${RBAC}/${kind}`, { object, oldObject }));
  const binding = (name: string, ...subjects: JsonObject[]) => ({
    roleRef: { kind: "ClusterRole", name },
    subjects,
  });
  const bot = { kind: "ServiceAccount", namespace: "ci", name: "bot" };

  const cases: Record<string, [string[], string[]]> = {
    "of a role that is new": [
      of("roles", role(rule(["get", "list"], ["pods"]), rule(["*"], ["*"], { apiGroups: ["apps"] }))),
      ["get pods", "list pods", "* *.apps"],
    ],
    "of names": [
      of("roles", role(rule(["get"], ["secrets"], { resourceNames: ["a", "b"] }))),
      ["get secrets/a", "get secrets/b"],
    ],
    "of URLs": [
      of("clusterroles", role({ verbs: ["get"], nonResourceURLs: ["/metrics"] })),
      ["get /metrics"],
    ],
    "beyond those it had": [
      of("roles", role(rule(["get", "create"], ["pods", "secrets"])), role(rule(["get"], ["*"]))),
      ["create pods", "create secrets"],
    ],
    "beyond the names it had": [
      of(
        "roles",
        role(rule(["get"], ["secrets"])),
        role(rule(["get"], ["secrets"], { resourceNames: ["a"] })),
      ),
      ["get secrets"],
    ],
    "none, where it only loses some": [
      of("roles", role(rule(["get"], ["pods"])), role(rule(["*"], ["*"]))),
      [],
    ],
    "by aggregation": [
      of("clusterroles", { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] } }),
      ['aggregates {"matchLabels":{"a":"b"}}'],
    ],
    "by a binding": [
      of("clusterrolebindings", binding("admin", bot)),
      ["ClusterRole/admin to ServiceAccount/ci/bot"],
    ],
    "by a subject that is added": [
      of("rolebindings", binding("view", bot, { kind: "Group", name: "all" }), binding("view", bot)),
      ["ClusterRole/view to Group/all"],
    ],
    "by another role": [
      of("rolebindings", binding("admin", bot), binding("view", bot)),
      ["ClusterRole/admin to ServiceAccount/ci/bot"],
    ],
  };
  for (const [what, [given, wanted]] of Object.entries(cases))
    it(what, () => expect(given).to.deep.equal(wanted));

  it("are told as they stand, and all subjects of another role", async () => {
    const change = (kind: string, object: JsonObject, oldObject: JsonObject) =>
      on("UPDATE", `${RBAC}/${kind}`, { object, oldObject });
    const [few, many] = [rule(["get"], ["pods"]), rule(["get"], ["secrets"])];
    await holds("gains.rules == [object.rules[1]]", change("roles", role(few, many), role(few)));
    await holds("gains.rules == []", change("roles", role(few), role(many, few)));
    const group = { kind: "Group", name: "all" };
    await holds(
      "gains.subjects == [object.subjects[1]]",
      change("rolebindings", binding("view", bot, group), binding("view", bot)),
    );
    await holds(
      "gains.subjects == object.subjects",
      change("rolebindings", binding("admin", bot), binding("view", bot)),
    );
    await holds("gains.rules == [] && gains.subjects == []", on("CREATE", "/pods", { object: role(few) }));
  });

  it("are listed in bounds", () => {
    const names = (prefix: string) => Array.from({ length: 1000 }, (_, i) => `${prefix}${i}`);
    const many = role(rule(names("v"), names("r"), { apiGroups: names("g"), resourceNames: names("n") }));
    expect(of("roles", many)).to.have.length(201);
    expect(of("roles", many).at(-1)).to.equal("and more");
    expect(of("roles", many, many)).to.deep.equal(["and more"]);
  });
});
