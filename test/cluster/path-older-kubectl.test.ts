/** The main job with a kubectl two minors older than the API server. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { kubectlOlder } from "#controlplane/build.ts";
import { type KubectlResult, runKubectl } from "#controlplane/kubectl.ts";
import { binding, HARMLESS, type Manifest } from "../support/objects.ts";
import { startTestbed, type Testbed, type Who } from "../support/testbed.ts";

describe("a kubectl of an older minor", function () {
  this.timeout(120_000);
  let bed: Testbed;
  let program: string;
  let cacheDirectory: string;

  before(async function () {
    // The first time on a machine it is built.
    this.timeout(1_200_000);
    program = await kubectlOlder();
    cacheDirectory = await mkdtemp(join(tmpdir(), "hoop-kubectl-"));
    bed = await startTestbed({ node: true });
  });

  after(async () => {
    await bed?.stop();
    await rm(cacheDirectory, { recursive: true, force: true });
  });

  const kubectl = (who: Who, args: readonly string[], input?: Manifest): Promise<KubectlResult> =>
    runKubectl(
      { program, kubeconfig: bed.kubeconfig(who), cacheDirectory },
      args,
      input === undefined ? {} : { input: JSON.stringify(input) },
    );

  /** An agent's command, held, and approved by the same kubectl; what it says in the end. */
  async function approved(target: string, args: readonly string[], input?: Manifest): Promise<string> {
    let over = false;
    const running = kubectl("agent", args, input).finally(() => {
      over = true;
    });
    const { metadata } = await bed.pending(target);
    expect(over, "it waits").to.equal(false);
    const seen = await kubectl("approver", ["get", "approvals.hoop.dev", "-A"]);
    expect(seen.stdout).to.contain(metadata.name);
    const decided = await kubectl("approver", [
      "patch",
      `approvals.hoop.dev/${metadata.name}`,
      `--namespace=${metadata.namespace}`,
      "--subresource=approval",
      "--type=merge",
      '--patch={"decision":{"verdict":"Approve"}}',
    ]);
    expect(decided.code, decided.stderr).to.equal(0);
    const { code, stdout, stderr } = await running;
    expect(code, stderr).to.equal(0);
    return stdout;
  }

  it("is one", async () => {
    const { stdout } = await kubectl("human", ["version", "--output=json"]);
    const versions = JSON.parse(stdout) as Record<"clientVersion" | "serverVersion", { minor: string }>;
    expect(Number(versions.clientVersion.minor)).to.equal(Number(versions.serverVersion.minor) - 2);
  });

  it("waits to delete a Namespace until a person approves", async () => {
    await bed.must("human", ["create", "namespace", "prod"]);
    const said = await approved("prod", ["delete", "namespace", "prod", "--wait=false"]);
    expect(said).to.contain('namespace "prod" deleted');
  });

  it("waits with a ClusterRoleBinding that is applied server-side", async () => {
    const said = await approved(
      "readers",
      ["apply", "--server-side", "-f", "-"],
      binding("ClusterRoleBinding", "readers", ["mallory"]),
    );
    expect(said).to.contain("clusterrolebinding.rbac.authorization.k8s.io/readers serverside-applied");
  });

  it("waits with a command in a pod", async () => {
    await bed.defaultAccount("demo");
    const metadata = { name: "shell", namespace: "demo" };
    await bed.apply({ apiVersion: "v1", kind: "Pod", metadata, spec: { nodeName: "node-1", ...HARMLESS } });
    await bed.must("human", ["wait", "--for=condition=Ready", "pod/shell", "-n", "demo", "--timeout=300s"]);
    expect(await approved("shell", ["exec", "shell", "-n", "demo", "--", "echo", "done"])).to.equal("done\n");
  });
});
