/**
 * The same command, run again, is the same approval, whatever kube-apiserver fills in differently each time; and an
 * approval lets it through once. For every built-in kind that runs pods, and what else has fields of the server's.
 */
import { join } from "node:path";
import { expect } from "chai";
import type { Approval } from "#core/approval.ts";
import type { PolicyRule } from "#core/policy/spec.ts";
import {
  binding,
  clusterScoped,
  cronJob,
  customResource,
  deployment,
  job,
  type Manifest,
  namespaced,
  PRIVILEGED,
  pod,
  secret,
  selected,
  template,
  WITH_TOKEN,
} from "../support/objects.ts";
import { catalogueWith } from "../support/policies.ts";
import { type Ended, startTestbed, type Testbed, type Who } from "../support/testbed.ts";

/** So that every kind is asked about, not only those that are risky. */
const EVERYTHING: PolicyRule = {
  name: "everything",
  action: "Hold",
  message: "everything is looked at",
  matchConstraints: {
    resourceRules: [{ apiGroups: ["*"], operations: ["CREATE", "UPDATE"], resources: ["*/*"] }],
  },
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

type Kinds = Record<string, (name: string) => Manifest>;

/** What the server fills in the most, and differently each time. */
const WORKLOADS_AND_SERVICES: Kinds = {
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
};

const OTHERS: Kinds = {
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

const CREATE = ["create", "-f", "-"];
const WAYS: { way: string; args: string[]; kinds: Kinds }[] = [
  { way: "create", args: CREATE, kinds: { ...WORKLOADS_AND_SERVICES, ...OTHERS } },
  { way: "client-side apply", args: ["apply", "-f", "-"], kinds: WORKLOADS_AND_SERVICES },
  { way: "server-side apply", args: ["apply", "--server-side", "-f", "-"], kinds: WORKLOADS_AND_SERVICES },
];

/** Commands on what a person has made, each run twice. */
const CHANGES: Record<string, { given: (name: string) => Manifest; args: (name: string) => string[] }> = {
  "another image of a privileged Deployment": {
    given: (name) => deployment(name, PRIVILEGED),
    args: (name) => ["set", "image", `deployment/${name}`, "main=app:2", "-n", "demo"],
  },
  "a label of a Job": {
    given: (name) => job(name, WITH_TOKEN),
    args: (name) => ["label", "job", name, "tier=back", "-n", "demo"],
  },
  "node ports for a Service": {
    given: service({}),
    args: (name) => ["patch", "service", name, "-n", "demo", "-p", '{"spec":{"type":"NodePort"}}'],
  },
  "a load balancer with a health-check port for a Service": {
    given: service({}),
    args: (name) => [
      ...["patch", "service", name, "-n", "demo", "-p"],
      '{"spec":{"type":"LoadBalancer","externalTrafficPolicy":"Local"}}',
    ],
  },
  "a cluster IP for an external Service": {
    given: (name) =>
      namespaced("v1", "Service", name, { spec: { type: "ExternalName", externalName: "example.com" } }),
    args: (name) => [
      ...["patch", "service", name, "-n", "demo", "-p"],
      '{"spec":{"type":"ClusterIP","externalName":null,"ports":[{"port":80}]}}',
    ],
  },
  "another image of a Pod that has a token": {
    given: (name) => pod(name, WITH_TOKEN),
    args: (name) => ["set", "image", `pod/${name}`, "main=app:2", "-n", "demo"],
  },
  "the delete of a Pod": {
    given: (name) => pod(name),
    args: (name) => ["delete", "pod", name, "-n", "demo"],
  },
  "the delete of a Secret": {
    given: (name) => secret(name),
    args: (name) => ["delete", "secret", name, "-n", "demo"],
  },
};

describe("the same request again", () => {
  let bed: Testbed;
  /** The same agent with another client certificate: it has not spent anything a moment ago. */
  let later: Who;

  before(async () => {
    bed = await startTestbed({
      settings: { hold: { maxWaitSeconds: 1 } },
      catalogue: catalogueWith(EVERYTHING),
    });
    await bed.apply(namespaced("v1", "ServiceAccount", "default"));
    const file = join(bed.controlPlane.directory, "later.kubeconfig");
    later = { kubeconfig: await bed.controlPlane.kubeconfig("agent", ["hoop:agents"], file) };
  });
  after(() => bed?.stop());

  /** All of them, with their waits going by together, but not so many at once that kubectl gets slow. */
  async function all<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<Map<T, R>> {
    const results = new Map<T, R>();
    const left = [...items];
    const worker = async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift())
        results.set(item, await run(item));
    };
    await Promise.all(Array.from({ length: 12 }, worker));
    return results;
  }

  const approvalsOf = async (names: ReadonlySet<string>) =>
    Map.groupBy(
      (await bed.approvals()).filter(({ spec }) => names.has(spec.target.name ?? "")),
      ({ spec }) => spec.target.name,
    );

  async function approveAll(approvals: Iterable<Approval>): Promise<void> {
    const patch = JSON.stringify({ decision: { verdict: "Approve" } });
    for (const [namespace, some] of Map.groupBy(approvals, ({ metadata }) => metadata.namespace))
      await bed.must("approver", [
        ...["patch", "approvals.hoop.dev", ...some.map(({ metadata }) => metadata.name), "-n", namespace],
        ...["--subresource=approval", "--type=merge", "-p", patch],
      ]);
  }

  function isHeld(ended: Ended | undefined): void {
    expect(ended?.output).to.contain("HELD, not refused");
    expect(ended?.code).to.equal(1);
  }

  function hasPassed(ended: Ended | undefined): void {
    expect(ended?.output, ended?.output).to.contain("hoop: approved by approver");
    expect(ended?.code).to.equal(0);
  }

  interface Command {
    does: string;
    name: string;
    args: string[];
    input?: string;
  }

  /** Asks for each twice, has what was asked for approved, and asks once more. */
  async function twiceAndApproved(commands: readonly Command[]) {
    const run = ({ args, input = "" }: Command) => bed.kubectl("agent", args, { input });
    const asked = await all(commands, async (command) => [await run(command), await run(command)]);
    const approvals = await approvalsOf(new Set(commands.map(({ name }) => name)));
    await approveAll([...approvals.values()].flat().filter(({ status }) => status.phase === "Pending"));
    return { asked, approvals, passed: await all(commands, run) };
  }

  type Ran = Awaited<ReturnType<typeof twiceAndApproved>>;

  function hadOneApproval({ asked, approvals, passed }: Ran, command: Command): void {
    for (const attempt of asked.get(command) ?? [undefined]) isHeld(attempt);
    expect(approvals.get(command.name)?.map(({ status }) => status.phase)).to.deep.equal(["Pending"]);
    hasPassed(passed.get(command));
  }

  for (const { way, args, kinds } of WAYS)
    describe(`creating by ${way}`, () => {
      const commands = Object.entries(kinds).map(([does, make], index): Command => {
        const object = make(`twice-${way.replace(/ .*/, "")}-${index}`);
        return { does, name: object.metadata.name, args, input: JSON.stringify(object) };
      });
      let ran: Ran;
      before(async () => {
        ran = await twiceAndApproved(commands);
      });

      for (const command of commands)
        it(`${command.does} has one approval, and passes`, () => hadOneApproval(ran, command));
    });

  describe("changing", () => {
    const commands = Object.entries(CHANGES).map(([does, { args }], index): Command => {
      const name = `changed-${index}`;
      return { does, name, args: args(name) };
    });
    let ran: Ran;
    before(async () => {
      await bed.apply(Object.values(CHANGES).map(({ given }, index) => given(`changed-${index}`)));
      ran = await twiceAndApproved(commands);
    });

    for (const command of commands)
      it(`${command.does} has one approval, and passes`, () => hadOneApproval(ran, command));
  });

  describe("after it has passed", () => {
    it("is held anew when what was created has been deleted", async () => {
      const object = pod("again", PRIVILEGED);
      const command = { does: "", name: "again", args: CREATE, input: JSON.stringify(object) };
      hadOneApproval(await twiceAndApproved([command]), command);
      await bed.must("human", ["delete", "pod", "again", "-n", "demo"]);
      isHeld(await bed.kubectl(later, CREATE, { input: command.input }));
      const phases = (await approvalsOf(new Set(["again"]))).get("again")?.map(({ status }) => status.phase);
      expect(phases?.sort()).to.deep.equal(["Pending", "Used"]);
    });

    it("is held anew when what was changed has been changed back", async () => {
      await bed.apply(deployment("back", PRIVILEGED));
      const args = ["set", "image", "deployment/back", "main=app:2", "-n", "demo"];
      const command = { does: "", name: "back", args };
      hadOneApproval(await twiceAndApproved([command]), command);
      await bed.must("human", ["set", "image", "deployment/back", "main=app:1", "-n", "demo"]);
      isHeld(await bed.kubectl(later, args));
    });

    it("the same under another name is held", async () => {
      isHeld(await bed.kubectl("agent", CREATE, { input: JSON.stringify(pod("again-2", PRIVILEGED)) }));
    });
  });
});
