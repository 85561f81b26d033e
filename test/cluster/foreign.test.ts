import { expect } from "chai";
import { type ControlPlane, startControlPlane } from "#controlplane/controlplane.ts";
import { kubectlIn, npmStart, npmStop, stateDirectory, until } from "../support/installation.ts";

const binding = (name: string, role: string, kind: "Group" | "User", subject: string) => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
  subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind, name: subject }],
});

describe("npm start -- --kubeconfig, against an API server that was there before", function () {
  this.timeout(240_000);
  let plane: ControlPlane;
  let state: string;
  let remove: () => Promise<void>;
  let said: string;
  let in_: ReturnType<typeof kubectlIn>;
  let who: { human: string; agent: string; approver: string };

  before(async () => {
    ({ state, remove } = await stateDirectory());
    plane = await startControlPlane();
    who = {
      human: plane.adminKubeconfig,
      agent: await plane.kubeconfig("robot", ["hoop:agents"]),
      approver: await plane.kubeconfig("approver"),
    };
    const { code, output } = await npmStart("--detach", "--kubeconfig", who.human, "--state", state);
    expect(code, output).to.equal(0);
    said = output;
    in_ = kubectlIn(state);
    const items = [
      binding("robots", "cluster-admin", "Group", "hoop:agents"),
      binding("approvers", "hoop-approver", "User", "approver"),
    ];
    const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    expect((await plane.kubectl(["create", "-f", "-"], { input })).code).to.equal(0);
  });

  after(async () => {
    await npmStop("--state", state);
    await plane?.stop();
    await remove?.();
  });

  it("warns, naming each way that stays open", () => {
    expect(said).to.contain("WARNING");
    for (const way of [
      "read Secrets",
      "--as",
      "admission webhooks",
      "tokens",
      "nodes/proxy",
      "approvals/approval",
    ])
      expect(said).to.contain(way);
    expect(said).to.contain('"caller: unverified"');
  });

  it("holds an agent's write until a person approves, and the command finishes", async () => {
    await in_.must(who.human, "create", "namespace", "prod");
    const blocked = in_.kubectl(who.agent, "delete", "namespace", "prod", "--wait=false");
    const name = await in_.pending("prod", who.approver);
    await in_.must(who.approver, "hoop", "approve", name, "-n", "hoop-system", "--yes");
    const { code, output } = await blocked;
    expect(output).to.contain('namespace "prod" deleted');
    expect(code).to.equal(0);
  });

  it("records that nobody vouches for the caller", async () => {
    const raw = await in_.must(who.human, "get", "--raw", "/apis/hoop.dev/v1alpha1/records");
    const { items } = JSON.parse(raw) as { items: { spec: { caller?: string; answer?: string } }[] };
    const answered = items.filter(({ spec }) => spec.answer !== undefined);
    expect(answered).not.to.deep.equal([]);
    for (const { spec } of answered) expect(spec.caller).to.equal("unverified");
  });

  it("refuses agents' decisions all the same, although nothing in the API server does", async () => {
    const blocked = in_.kubectl(who.agent, "delete", "namespace", "kube-node-lease", "--wait=false");
    const name = await in_.pending("kube-node-lease", who.approver);
    const own = await in_.kubectl(who.agent, "hoop", "approve", name, "-n", "hoop-system", "--yes");
    expect(own.code).to.equal(1);
    await in_.must(who.approver, "hoop", "deny", name, "-n", "hoop-system", "-m", "no");
    expect((await blocked).code).to.equal(1);
  });

  it("keeps to its API server: another one needs another state directory", async () => {
    await npmStop("--state", state);
    const other = await plane.kubeconfig("somebody-else", ["system:masters"]);
    const { code, output } = await npmStart("--detach", "--kubeconfig", other, "--state", state);
    expect(code).to.equal(1);
    expect(output).to.contain(`belongs to ${who.human}`).and.to.contain("--state DIR");
  });

  it("comes back without being told which API server, and its end tells how to take Hoop out of it", async () => {
    const { code, output } = await npmStart("--detach", "--state", state);
    expect(code, output).to.equal(0);
    const stopped = await npmStop("--state", state);
    expect(stopped.output).to.contain("Stopped hoop.");
    expect((await plane.kubectl(["get", "--raw", "/readyz"])).code).to.equal(0);
    const [, advice = ""] =
      stopped.output.match(/kubectl --kubeconfig "[^"]*" (delete (?:[^\n]*\\\n)*[^\n]*)/) ?? [];
    const removed = await plane.kubectl(advice.replaceAll("\\\n", " ").split(/\s+/));
    expect(removed.code, removed.stderr).to.equal(0);
    await until("the API server knows that they are gone", async () => {
      const create = ["create", "configmap", "free", "--from-literal=a=b", "-n", "default"];
      return (await in_.kubectl(who.agent, ...create)).code === 0;
    });
  });
});
