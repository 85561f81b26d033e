/**
 * What an agent whom RBAC lets do everything cannot have a controller do: the garbage collector delete what belongs to
 * something else, an autoscaler scale what people said agents may not touch.
 */
import { expect } from "chai";
import { APPS, apply, BATCH, DEMO, del, MERGE, patch, post } from "../support/calls.ts";
import { clusterScoped, deployment, type Manifest, namespaced, pod } from "../support/objects.ts";
import { asUserOf, type Call, type Caller, verdictOf } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const AUTOSCALING = "/apis/autoscaling/v2/namespaces/demo/horizontalpodautoscalers";

const config = (name: string) => namespaced("v1", "ConfigMap", name);
const claim = (name: string) =>
  namespaced("v1", "PersistentVolumeClaim", name, {
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  });
const annotated = (manifest: Manifest, annotations: Record<string, string>): Manifest => ({
  ...manifest,
  metadata: { ...manifest.metadata, annotations } as Manifest["metadata"],
});
const DENY = { "hoop.dev/deny": "true" };
const ASK = { "hoop.dev/require-approval": "true" };

const scaler = (name: string, scaleTargetRef: object, spec: object = { maxReplicas: 1 }) =>
  namespaced("autoscaling/v2", "HorizontalPodAutoscaler", name, { spec: { scaleTargetRef, ...spec } });
const deploymentOf = (name: string, apiVersion = "apps/v1") => ({ apiVersion, kind: "Deployment", name });

/** What belongs to what: each is made once its owner is there. */
const OWNED: readonly (readonly [owner: Manifest, owned: readonly Manifest[]])[] = [
  [config("of-a-claim"), [claim("data")]],
  [config("of-a-secret"), [namespaced("v1", "Secret", "key", { stringData: { key: "x" } })]],
  [config("of-a-workload"), [deployment("owned")]],
  [config("of-nothing-much"), [config("nothing-much")]],
  [config("of-what-is-denied"), [annotated(config("denied"), DENY)]],
  [config("of-what-is-asked"), [annotated(namespaced("v1", "Service", "asked", SERVICE()), ASK)]],
  [config("of-what-owns"), [config("owning")]],
  [config("owning"), [claim("farther")]],
  [config("left-alone"), [annotated(claim("left"), DENY)]],
  [clusterScoped("v1", "Namespace", "kept"), []],
  [namespaced("batch/v1", "Job", "done", JOB()), [claim("of-the-job")]],
  [pod("with-what-is-denied"), [annotated(config("of-the-pod"), DENY)]],
  [pod("with-a-secret"), [namespaced("v1", "Secret", "of-a-pod", { stringData: { key: "x" } })]],
];

const evict = (name: string, deleteOptions: object = {}): Call =>
  post(`${DEMO}/pods/${name}/eviction`, namespaced("policy/v1", "Eviction", name, { deleteOptions }));

const scaleTo = (name: string, replicas: number): Call =>
  patch(`${APPS}/statefulsets/${name}/scale`, { spec: { replicas } }, MERGE);

const statefulSet = (name: string, whenScaled: string): Manifest => {
  const spec = deployment(name)["spec"] as object;
  const persistentVolumeClaimRetentionPolicy = { whenScaled, whenDeleted: "Retain" };
  const more = { serviceName: name, replicas: 4, volumeClaimTemplates: [claim("data")] };
  return namespaced("apps/v1", "StatefulSet", name, {
    spec: { ...spec, ...more, persistentVolumeClaimRetentionPolicy },
  });
};

function SERVICE() {
  return { spec: { ports: [{ port: 80 }] } };
}

function JOB() {
  const spec = { restartPolicy: "Never", automountServiceAccountToken: false };
  return {
    spec: { suspend: true, template: { spec: { ...spec, containers: [{ name: "c", image: "x" }] } } },
  };
}

const DELETES: Readonly<Record<string, readonly [call: Call, verdict: string]>> = {
  "a claim, with what it belongs to": [del(`${DEMO}/configmaps/of-a-claim`), "held by owned-delete"],
  "the same in the foreground": [
    del(`${DEMO}/configmaps/of-a-claim`, { propagationPolicy: "Foreground" }),
    "held by owned-delete",
  ],
  "the same by an older client": [
    del(`${DEMO}/configmaps/of-a-claim`, { orphanDependents: false }),
    "held by owned-delete",
  ],
  "a Secret": [del(`${DEMO}/configmaps/of-a-secret`), "held by owned-delete"],
  "a workload": [del(`${DEMO}/configmaps/of-a-workload`), "held by owned-delete"],
  "what belongs to what belongs to it": [del(`${DEMO}/configmaps/of-what-owns`), "held by owned-delete"],
  "a claim of a Job that does not run": [del(`${BATCH}/jobs/done`), "held by owned-delete"],
  "what agents may not touch": [
    del(`${DEMO}/configmaps/of-what-is-denied`),
    "denied by deny@dependent/ConfigMap/denied",
  ],
  "what agents may not touch, as one of a collection": [
    del(`${DEMO}/configmaps?fieldSelector=metadata.name=of-what-is-denied`),
    "denied by deny@dependent/ConfigMap/denied",
  ],
  "what agents may not touch, with its namespace": [
    del("/api/v1/namespaces/kept"),
    "denied by deny@dependent/ConfigMap/treasure",
  ],
  "what people are asked about": [
    del(`${DEMO}/configmaps/of-what-is-asked`),
    "held by require-approval@dependent/Service/asked,annotated-object",
  ],
  "nothing of any weight": [del(`${DEMO}/configmaps/of-nothing-much`), "200"],
  "nothing, since it is left behind": [
    del(`${DEMO}/configmaps/left-alone`, { propagationPolicy: "Orphan" }),
    "200",
  ],
  "what was left behind, before the garbage collector has left it": [
    patch(`${DEMO}/configmaps/left-alone`, { metadata: { finalizers: null } }, MERGE),
    "denied by deny@dependent/PersistentVolumeClaim/left",
  ],
};

const SCALES: Readonly<Record<string, readonly [call: Call, verdict: string]>> = {
  "a new autoscaler": [post(AUTOSCALING, scaler("new", deploymentOf("guarded"))), "denied by deny@scaled"],
  "one by server-side apply": [
    apply(`${AUTOSCALING}/new`, scaler("new", deploymentOf("guarded"))),
    "denied by deny@scaled",
  ],
  "one of another version": [
    post(
      "/apis/autoscaling/v1/namespaces/demo/horizontalpodautoscalers",
      namespaced("autoscaling/v1", "HorizontalPodAutoscaler", "new", {
        spec: { scaleTargetRef: deploymentOf("guarded"), maxReplicas: 1 },
      }),
    ),
    "denied by deny@scaled",
  ],
  "one that names a version nobody serves, which its controller does not read": [
    post(AUTOSCALING, scaler("new", deploymentOf("guarded", "apps/v9"))),
    "denied by deny@scaled",
  ],
  "a generated name": [
    post(AUTOSCALING, {
      ...scaler("new", deploymentOf("guarded")),
      metadata: { generateName: "new-", namespace: "demo" },
    }),
    "denied by deny@scaled",
  ],
  "another target for one that is there": [
    patch(`${AUTOSCALING}/there`, { spec: { scaleTargetRef: deploymentOf("guarded") } }, MERGE),
    "denied by deny@scaled",
  ],
  "other limits for the one it has": [
    patch(`${AUTOSCALING}/watched`, { spec: { maxReplicas: 1, minReplicas: 1 } }, MERGE),
    "held by require-approval@scaled,autoscaler",
  ],
  "its autoscaler taken away": [del(`${AUTOSCALING}/watched`), "held by require-approval@scaled"],
  "the subresource, as before": [
    patch(`${APPS}/deployments/guarded/scale`, { spec: { replicas: 2 } }, MERGE),
    "denied by deny@object",
  ],
  "one over what nobody has said anything of": [
    post(AUTOSCALING, scaler("free", deploymentOf("plain"))),
    "201",
  ],
};

const ENDS: Readonly<Record<string, readonly [call: Call, verdict: string]>> = {
  "what agents may not touch, by an eviction": [
    evict("with-what-is-denied"),
    "denied by deny@dependent/ConfigMap/of-the-pod",
  ],
  "a Secret, by an eviction": [evict("with-a-secret"), "held by pod-delete,owned-delete"],
  "nothing, by an eviction that leaves it behind": [
    evict("with-a-secret", { propagationPolicy: "Orphan" }),
    "held by pod-delete",
  ],
  "the claims of a StatefulSet that gets smaller": [scaleTo("shrinking", 3), "held by claim-retention"],
  "the claim that agents may not touch": [
    scaleTo("shrinking", 2),
    "denied by deny@dependent/PersistentVolumeClaim/data-shrinking-2",
  ],
  "no claims of one that gets larger": [scaleTo("shrinking", 5), "200"],
  "no claims of one that keeps them": [scaleTo("keeping", 2), "200"],
};

describe("an agent whom RBAC lets do everything", () => {
  let bed: Testbed;
  let agent: Caller;

  before(async () => {
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 0 } } });
    agent = await asUserOf(bed.kubeconfig("agent"));
    await bed.apply([
      annotated(deployment("guarded"), DENY),
      annotated(deployment("asked"), ASK),
      deployment("plain"),
      scaler("there", deploymentOf("plain")),
      scaler("watched", deploymentOf("asked"), { maxReplicas: 5, minReplicas: 3 }),
      namespaced("v1", "ServiceAccount", "default"),
      statefulSet("shrinking", "Delete"),
      statefulSet("keeping", "Retain"),
      annotated(claim("data-shrinking-2"), DENY),
      ...OWNED.map(([owner]) => owner),
    ]);
    // What is there when it starts, Hoop knows before it judges.
    await bed.stopHoop();
    for (const [owner, owned] of OWNED) await given(owner, owned);
    const treasure = { name: "treasure", namespace: "kept", annotations: DENY };
    await bed.apply([{ apiVersion: "v1", kind: "ConfigMap", metadata: treasure }]);
    await bed.startHoop();
  });

  after(() => bed?.stop());

  const uidOf = ({ kind, metadata }: Manifest) =>
    bed.must("human", ["get", kind, metadata.name, "-n", "demo", "-o", "jsonpath={.metadata.uid}"]);

  async function given(owner: Manifest, owned: readonly Manifest[]): Promise<void> {
    if (owned.length === 0) return;
    const { apiVersion, kind, metadata } = owner;
    const ownerReferences = [{ apiVersion, kind, name: metadata.name, uid: await uidOf(owner) }];
    await bed.apply(owned.map((one) => ({ ...one, metadata: { ...one.metadata, ownerReferences } })));
  }

  describe("does not have the garbage collector delete", () => {
    for (const [what, [call, verdict]] of Object.entries(DELETES))
      it(what, async () => expect(verdictOf(await agent(call))).to.equal(verdict));

    it("what has come to belong to something a moment ago", async () => {
      await bed.apply([config("late-owner")]);
      const metadata = { ...config("late").metadata, annotations: DENY };
      await bed.apply([{ ...config("late"), metadata }]);
      await given(config("late-owner"), [annotated(config("late"), DENY)]);
      const tried = del(`${DEMO}/configmaps/late-owner?dryRun=All`);
      let said = verdictOf(await agent(tried));
      while (said === "200") said = verdictOf(await agent(tried));
      expect(said).to.equal("denied by deny@dependent/ConfigMap/late");
    });
  });

  describe("does not have what it ends take with it", () => {
    for (const [what, [call, verdict]] of Object.entries(ENDS))
      it(what, async () => expect(verdictOf(await agent(call))).to.equal(verdict));
  });

  describe("does not have an autoscaler scale what it may not, by", () => {
    for (const [what, [call, verdict]] of Object.entries(SCALES))
      it(what, async () => expect(verdictOf(await agent(call))).to.equal(verdict));
  });
});
