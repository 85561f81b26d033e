/** What the catalogue holds, asked for with kubectl: each waits, is seen, and ends as the person decides. */
import { expect } from "chai";
import type { Approval } from "#core/approval.ts";
import {
  binding,
  cronJob,
  customResource,
  deployment,
  HARMLESS,
  type Manifest,
  namespaced,
  PRIVILEGED,
  pod,
  secret,
  signingRequest,
  WITH_TOKEN,
} from "../support/objects.ts";
import { hoop } from "../support/plugin.ts";
import { type Ended, startTestbed, type Testbed } from "../support/testbed.ts";

/** One risky command. Each time it is run, it is about another name. */
interface Journey {
  does: string;
  /** What a person has made before. */
  given?: (name: string) => Manifest;
  args: (name: string) => string[];
  input?: (name: string) => Manifest;
  /** The columns of its approval, by kubectl. `NAME` stands for the name. */
  operation: string;
  target: string;
  rule: string;
  /** What kubectl says when it is done. */
  says: RegExp;
}

const HOST_PATH = { ...HARMLESS, volumes: [{ name: "host", hostPath: { path: "/etc" } }] };
const CREATE = ["create", "-f", "-"];
const SERVER_SIDE = ["apply", "--server-side", "-f", "-"];

const AWS_AUTH: Manifest = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "aws-auth", namespace: "kube-system" },
};

const JOURNEYS: readonly Journey[] = [
  {
    does: "deleting a Namespace",
    given: (name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }),
    args: (name) => ["delete", "namespace", name, "--wait=false"],
    operation: "delete",
    target: "namespaces/NAME",
    rule: "namespace-delete",
    says: /namespace "NAME" deleted/,
  },
  {
    does: "creating a ClusterRoleBinding by server-side apply",
    args: () => SERVER_SIDE,
    input: (name) => binding("ClusterRoleBinding", name, ["mallory"]),
    operation: "create",
    target: "clusterrolebindings.rbac.authorization.k8s.io/NAME",
    rule: "rbac-write",
    says: /clusterrolebinding.rbac.authorization.k8s.io\/NAME serverside-applied/,
  },
  {
    does: "changing a ClusterRoleBinding by server-side apply",
    given: (name) => binding("ClusterRoleBinding", name, ["alice"]),
    args: () => SERVER_SIDE,
    input: (name) => binding("ClusterRoleBinding", name, ["alice", "mallory"]),
    operation: "update",
    target: "clusterrolebindings.rbac.authorization.k8s.io/NAME",
    rule: "rbac-write",
    says: /clusterrolebinding.rbac.authorization.k8s.io\/NAME serverside-applied/,
  },
  {
    does: "deleting a RoleBinding",
    given: (name) => binding("RoleBinding", name, ["alice"]),
    args: (name) => ["delete", "rolebinding", name, "-n", "demo"],
    operation: "delete",
    target: "rolebindings.rbac.authorization.k8s.io/NAME",
    rule: "rbac-write",
    says: /rolebinding.rbac.authorization.k8s.io "NAME" deleted/,
  },
  {
    does: "creating a privileged Pod",
    args: () => CREATE,
    input: (name) => pod(name, PRIVILEGED),
    operation: "create",
    target: "pods/NAME",
    rule: "privileged-container",
    says: /pod\/NAME created/,
  },
  {
    does: "creating a plain Pod, which gets a token of its ServiceAccount",
    args: () => CREATE,
    input: (name) => pod(name, WITH_TOKEN),
    operation: "create",
    target: "pods/NAME",
    rule: "service-account",
    says: /pod\/NAME created/,
  },
  {
    does: "creating a Job",
    args: (name) => ["create", "job", name, "-n", "demo", "--image=app:1", "--", "migrate"],
    operation: "create",
    target: "jobs.batch/NAME",
    rule: "service-account",
    says: /job.batch\/NAME created/,
  },
  {
    does: "applying a CronJob",
    args: () => ["apply", "-f", "-"],
    input: (name) => cronJob(name, WITH_TOKEN),
    operation: "create",
    target: "cronjobs.batch/NAME",
    rule: "service-account",
    says: /cronjob.batch\/NAME created/,
  },
  {
    does: "creating a Deployment with a hostPath",
    args: () => CREATE,
    input: (name) => deployment(name, HOST_PATH),
    operation: "create",
    target: "deployments.apps/NAME",
    rule: "host-path",
    says: /deployment.apps\/NAME created/,
  },
  {
    does: "deleting a Pod",
    given: (name) => pod(name),
    args: (name) => ["delete", "pod", name, "-n", "demo"],
    operation: "delete",
    target: "pods/NAME",
    rule: "pod-delete",
    says: /pod "NAME" deleted/,
  },
  {
    does: "evicting a Pod",
    given: (name) => pod(name),
    args: (name) => ["create", "--raw", `/api/v1/namespaces/demo/pods/${name}/eviction`, "-f", "-"],
    input: (name) => namespaced("policy/v1", "Eviction", name),
    operation: "create eviction",
    target: "pods/NAME",
    rule: "pod-delete",
    says: /"status":"Success"/,
  },
  {
    does: "debugging a Pod with an ephemeral container",
    given: (name) => pod(name),
    args: (name) => ["debug", name, "-n", "demo", "--image=busybox:1", "--container=debugger", "--", "sh"],
    operation: "update ephemeralcontainers",
    target: "pods/NAME",
    // kubectl's default profile adds SYS_PTRACE.
    rule: "ephemeral-container,added-capabilities",
    says: /^/,
  },
  {
    does: "creating a Secret",
    args: (name) => ["create", "secret", "generic", name, "-n", "demo", "--from-literal=password=hunter2"],
    operation: "create",
    target: "secrets/NAME",
    rule: "secret-create",
    says: /secret\/NAME created/,
  },
  {
    does: "deleting a Secret",
    given: (name) => secret(name),
    args: (name) => ["delete", "secret", name, "-n", "demo"],
    operation: "delete",
    target: "secrets/NAME",
    rule: "secret-delete",
    says: /secret "NAME" deleted/,
  },
  {
    does: "asking for a certificate",
    args: () => CREATE,
    input: (name) => signingRequest(name, "mallory"),
    operation: "create",
    target: "certificatesigningrequests.certificates.k8s.io/NAME",
    rule: "csr-create",
    says: /certificatesigningrequest.certificates.k8s.io\/NAME created/,
  },
  {
    does: "creating a CustomResourceDefinition",
    args: () => CREATE,
    input: (name) => customResource(name.replaceAll("-", "")),
    operation: "create",
    target: "customresourcedefinitions.apiextensions.k8s.io/NAME",
    rule: "crd-write",
    says: /customresourcedefinition.apiextensions.k8s.io\/NAME created/,
  },
  {
    does: "labelling a Node",
    given: (name) => ({ apiVersion: "v1", kind: "Node", metadata: { name } }),
    args: (name) => ["label", "node", name, "pool=mine"],
    operation: "update",
    target: "nodes/NAME",
    rule: "node-write",
    says: /node\/NAME labeled/,
  },
  {
    does: "writing the ConfigMap that says who is who",
    given: () => AWS_AUTH,
    args: (name) => [
      ...["patch", "configmap", "aws-auth", "-n", "kube-system", "--type=merge", "-p"],
      JSON.stringify({ data: { mapUsers: name } }),
    ],
    operation: "update",
    target: "configmaps/aws-auth",
    rule: "identity-configmap",
    says: /configmap\/aws-auth patched/,
  },
];

describe("what the catalogue holds", () => {
  let bed: Testbed;
  let made = 0;

  before(async () => {
    bed = await startTestbed();
    await bed.apply(namespaced("v1", "ServiceAccount", "default"));
  });
  after(() => bed?.stop());

  /** Runs the command until it waits, and looks at what the approver sees. */
  async function held(journey: Journey) {
    const name = `held-${++made}`;
    if (journey.given !== undefined) await bed.apply(journey.given(name));
    const object = journey.input?.(name);
    const asked = object?.metadata.name ?? name;
    const expected = {
      operation: journey.operation,
      target: journey.target.replace("NAME", asked),
      rule: journey.rule,
    };
    const blocked = bed.start("agent", journey.args(name), object);
    const approval = await bed.pending(expected.target.split("/")[1] ?? "");
    expect(await seen(approval)).to.deep.equal({ ...expected, agent: "agent", phase: "Pending" });
    expect(blocked.over()).to.equal(false);
    const says = new RegExp(journey.says.source.replaceAll("NAME", asked));
    return { blocked, approval, says, before: await version(approval) };
  }

  async function seen({ metadata }: Approval) {
    const table = (await bed.must("approver", ["get", "approvals.hoop.dev", "-A"])).split("\n");
    expect(table[0]?.split(/ +/)).to.deep.equal([
      ...["NAMESPACE", "NAME", "AGENT", "OPERATION", "TARGET", "RULE", "PHASE", "AGE"],
    ]);
    const row = table.find((line) => line.split(/ +/)[1] === metadata.name);
    const [, , agent, operation, target, rule, phase] = row?.split(/ {2,}/) ?? [];
    return { agent, operation, target, rule, phase };
  }

  /** The target's resourceVersion, "" where it does not exist: it tells whether anything was done to it. */
  function version({ spec: { target } }: Approval): Promise<string> {
    const where = target.namespace === undefined ? [] : ["-n", target.namespace];
    return bed.must("human", [
      ...["get", `${target.resource}.${target.group}`.replace(/\.$/, ""), target.name ?? "", ...where],
      ...["--ignore-not-found", "-o", "jsonpath={.metadata.resourceVersion}"],
    ]);
  }

  async function finishes({ blocked, approval, says, before }: Awaited<ReturnType<typeof held>>, by: string) {
    const { code, output } = await blocked.ended;
    expect(output).to.match(says);
    expect(output).to.contain(`hoop: approved by approver (${by})`);
    expect(code).to.equal(0);
    expect(await version(approval)).not.to.equal(before);
  }

  function succeeds({ code, output }: Ended, says: string): void {
    expect(output).to.contain(says);
    expect(code).to.equal(0);
  }

  for (const journey of JOURNEYS)
    describe(journey.does, () => {
      it("waits, and finishes when a person approves with kubectl patch", async () => {
        const waiting = await held(journey);
        succeeds(await bed.decide(waiting.approval, "Approve", "CHG-12"), "patched");
        await finishes(waiting, "CHG-12");
      });

      it("waits, and finishes when a person approves with the plugin", async () => {
        const waiting = await held(journey);
        const { name, namespace } = waiting.approval.metadata;
        const args = ["approve", name, "-n", namespace, "--yes", "-m", "CHG-13"];
        succeeds(await hoop(bed, "approver", args), `${name} approved`);
        await finishes(waiting, "CHG-13");
      });

      it("waits, and ends undone, with the comment, when a person denies", async () => {
        const { blocked, approval, before } = await held(journey);
        const { name, namespace } = approval.metadata;
        const args = ["deny", name, "-n", namespace, "-m", "not on a Friday"];
        succeeds(await hoop(bed, "approver", args), `${name} denied`);
        const { code, output } = await blocked.ended;
        expect(output).to.contain("denied by approver: not on a Friday");
        expect(output).to.contain(`approval=${namespace}/${name}`);
        expect(code).to.equal(1);
        expect(await version(approval)).to.equal(before);
      });
    });
});
