/**
 * The same command, run again, is the same approval, whatever kube-apiserver fills in differently each time; and an
 * approval lets it through once. For every built-in kind that runs pods, and what else has fields of the server's.
 */
import { join } from "node:path";
import { expect } from "chai";
import { CATALOGUE } from "#core/rules/catalogue.ts";
import type { Rule } from "#core/rules/rule.ts";
import {
  binding,
  clusterScoped,
  cronJob,
  customResource,
  deployment,
  HARMLESS,
  job,
  type Manifest,
  namespaced,
  PRIVILEGED,
  pod,
  secret,
  selected,
  signingRequest,
  template,
  WITH_TOKEN,
} from "../support/objects.ts";
import { type Ended, startTestbed, type Testbed, type Who } from "../support/testbed.ts";

/** So that every kind is asked about, not only those that are risky. */
const EVERY_CREATE: Rule = {
  name: "every-create",
  action: "hold",
  why: "everything new is looked at",
  match: [{ operations: ["CREATE"], resources: ["*"] }],
};

const PORTS = [
  { name: "http", port: 80 },
  { name: "https", port: 443, protocol: "TCP" },
  { name: "dns", port: 53, protocol: "UDP" },
];
const service = (spec: object) => (name: string) =>
  namespaced("v1", "Service", name, { spec: { selector: { app: "web" }, ports: PORTS, ...spec } });

const OWN_LABELS = { job: "mine" };
const MANUAL = {
  manualSelector: true,
  selector: { matchLabels: OWN_LABELS },
  template: { metadata: { labels: OWN_LABELS }, spec: { restartPolicy: "Never", ...WITH_TOKEN } },
};

const KINDS: Record<string, (name: string) => Manifest> = {
  "a Pod that gets a token": (name) => pod(name, WITH_TOKEN),
  "a privileged Pod": (name) => pod(name, PRIVILEGED),
  "a Pod with scheduling gates and init containers": (name) =>
    pod(name, {
      ...WITH_TOKEN,
      schedulingGates: [{ name: "example.com/later" }],
      initContainers: [{ name: "first", image: "app:1" }],
    }),
  "a PodTemplate": (name) => namespaced("v1", "PodTemplate", name, { template: template(WITH_TOKEN) }),
  "a ReplicationController": (name) =>
    namespaced("v1", "ReplicationController", name, { spec: { template: template(WITH_TOKEN) } }),
  "a ReplicaSet": (name) => namespaced("apps/v1", "ReplicaSet", name, { spec: selected(WITH_TOKEN) }),
  "a Deployment": (name) => deployment(name, WITH_TOKEN),
  "a StatefulSet": (name) =>
    namespaced("apps/v1", "StatefulSet", name, {
      spec: {
        ...selected(WITH_TOKEN),
        serviceName: "web",
        volumeClaimTemplates: [
          {
            metadata: { name: "data" },
            spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
          },
        ],
      },
    }),
  "a DaemonSet": (name) => namespaced("apps/v1", "DaemonSet", name, { spec: selected(WITH_TOKEN) }),
  "a Job": (name) => job(name, WITH_TOKEN),
  "a suspended Job": (name) => job(name, WITH_TOKEN, { suspend: true }),
  "a Job with its own selector": (name) => namespaced("batch/v1", "Job", name, { spec: MANUAL }),
  "a CronJob": (name) => cronJob(name, WITH_TOKEN),
  "a Service of type ClusterIP": service({}),
  "a headless Service": service({ clusterIP: "None" }),
  "a dual-stack Service where there is one stack": service({ ipFamilyPolicy: "PreferDualStack" }),
  "a Service of type NodePort": service({ type: "NodePort" }),
  "a Service of type LoadBalancer": service({ type: "LoadBalancer" }),
  "a Service of type LoadBalancer that keeps source addresses": service({
    type: "LoadBalancer",
    externalTrafficPolicy: "Local",
  }),
  "a Service of type ExternalName": (name) =>
    namespaced("v1", "Service", name, { spec: { type: "ExternalName", externalName: "example.com" } }),
  "a PersistentVolumeClaim": (name) =>
    namespaced("v1", "PersistentVolumeClaim", name, {
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    }),
  "a PersistentVolume": (name) =>
    clusterScoped("v1", "PersistentVolume", name, {
      spec: {
        accessModes: ["ReadWriteOnce"],
        capacity: { storage: "1Gi" },
        hostPath: { path: "/data" },
        persistentVolumeReclaimPolicy: "Retain",
      },
    }),
  "a ServiceAccount": (name) => namespaced("v1", "ServiceAccount", name),
  "a Secret": (name) => secret(name),
  "a ConfigMap": (name) => namespaced("v1", "ConfigMap", name, { data: { a: "b" } }),
  "an Ingress": (name) =>
    namespaced("networking.k8s.io/v1", "Ingress", name, {
      spec: { defaultBackend: { service: { name: "web", port: { number: 80 } } } },
    }),
  "a NetworkPolicy": (name) =>
    namespaced("networking.k8s.io/v1", "NetworkPolicy", name, { spec: { podSelector: {} } }),
  "an EndpointSlice": (name) =>
    namespaced("discovery.k8s.io/v1", "EndpointSlice", name, {
      addressType: "IPv4",
      endpoints: [{ addresses: ["192.0.2.7"] }],
      ports: [{ port: 80 }],
    }),
  "a HorizontalPodAutoscaler": (name) =>
    namespaced("autoscaling/v2", "HorizontalPodAutoscaler", name, {
      spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" } },
    }),
  "a PodDisruptionBudget": (name) =>
    namespaced("policy/v1", "PodDisruptionBudget", name, {
      spec: { minAvailable: 1, selector: { matchLabels: { app: "web" } } },
    }),
  "a ClusterRoleBinding": (name) => binding("ClusterRoleBinding", name, ["alice"]),
  "a RoleBinding": (name) => binding("RoleBinding", name, ["alice"]),
  "a Namespace": (name) => clusterScoped("v1", "Namespace", name),
  "a CustomResourceDefinition": (name) => customResource(name.replaceAll("-", "")),
};

const WAYS: Record<string, string[]> = {
  create: ["create", "-f", "-"],
  "client-side apply": ["apply", "-f", "-"],
  "server-side apply": ["apply", "--server-side", "-f", "-"],
};

describe("the same request again", () => {
  let bed: Testbed;
  /** The same agent with another client certificate: it did not spend anything a moment ago. */
  let later: Who;

  before(async () => {
    bed = await startTestbed({
      settings: { hold: { maxWaitSeconds: 1 } },
      rules: [...CATALOGUE, EVERY_CREATE],
    });
    await bed.apply(namespaced("v1", "ServiceAccount", "default"));
    const file = join(bed.controlPlane.directory, "later.kubeconfig");
    later = { kubeconfig: await bed.controlPlane.kubeconfig("agent", ["hoop:agents"], file) };
  });
  after(() => bed?.stop());

  const approvalsOf = async (name: string) =>
    (await bed.approvals()).filter(({ spec }) => spec.target.name === name);

  function isHeld({ code, output }: Ended): void {
    expect(output).to.contain("HELD, not refused");
    expect(code).to.equal(1);
  }

  for (const [way, args] of Object.entries(WAYS))
    describe(`by ${way}`, () => {
      const manifests = Object.entries(KINDS).map(([kind, make], index) => ({
        kind,
        object: make(`twice-${way.replace(/ .*/, "")}-${index}`),
      }));
      const asked = new Map<string, Ended[]>();

      // Their waits go by together.
      before(async () => {
        await Promise.all(
          manifests.map(async ({ kind, object }) => {
            const input = JSON.stringify(object);
            const first = await bed.kubectl("agent", args, { input });
            asked.set(kind, [first, await bed.kubectl("agent", args, { input })]);
          }),
        );
      });

      for (const { kind, object } of manifests)
        it(`${kind} has one approval, and is let through once`, async () => {
          const { name } = object.metadata;
          for (const ended of asked.get(kind) ?? []) isHeld(ended);
          const found = await approvalsOf(name);
          expect(found.map(({ status }) => status.phase)).to.deep.equal(["Pending"]);
          for (const approval of found) await bed.decide(approval, "Approve");

          const input = JSON.stringify(object);
          const passed = await bed.kubectl("agent", args, { input });
          expect(passed.output).to.contain("hoop: approved by approver");
          expect(passed.code).to.equal(0);

          isHeld(await bed.kubectl(later, ["create", "-f", "-"], { input }));
        });
    });
});
