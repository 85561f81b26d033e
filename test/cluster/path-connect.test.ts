/** Commands that connect to a running pod: they wait too, though their clients do not ask again by themselves. */
import { appendFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { HARMLESS, pod } from "../support/objects.ts";
import { interrupt, printed } from "../support/output.ts";
import { hoop } from "../support/plugin.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const POD = "web";

describe("connecting to a pod", () => {
  let bed: Testbed;

  before(async () => {
    bed = await startTestbed({ node: true });
    await bed.defaultAccount("demo");
    await bed.apply({
      ...{ apiVersion: "policy.hoop.dev/v1alpha1", kind: "AgentPolicy", metadata: { name: "shells" } },
      spec: { catalogue: [{ rule: "exec-interactive", mode: "Off" }] },
    });
    await running(POD);
    await bed.must("human", ["wait", "agentpolicy/shells", "--for=condition=Ready", "--timeout=120s"]);
  });
  after(() => bed?.stop());

  async function running(name: string): Promise<void> {
    await bed.apply(pod(name, { ...HARMLESS, nodeName: "node-1" }));
    await bed.must("human", ["wait", "--for=condition=Ready", `pod/${name}`, "-n", "demo", "--timeout=300s"]);
  }

  async function held(args: string[], input?: string) {
    const blocked = bed.start("agent", args, input);
    const approval = await bed.pending(POD, "CONNECT");
    expect(blocked.over()).to.equal(false);
    return { blocked, approval };
  }

  const exec = (...command: string[]) => ["exec", "-i", "-n", "demo", POD, "--", ...command];

  it("exec with standard input waits, and then runs", async () => {
    const { blocked, approval } = await held(exec("head", "-n", "1"), "first\nsecond\n");
    expect(approval.spec.target).to.include({ resource: "pods", subresource: "exec", namespace: "demo" });
    expect(approval.spec.change.options).to.deep.include({ command: ["head", "-n", "1"], stdin: true });
    expect((await bed.decide(approval, "Approve")).code).to.equal(0);
    const { code, stdout } = await blocked.ended;
    expect(stdout).to.equal("first\n");
    expect(code).to.equal(0);
  });

  it("exec needs an approval each time", async () => {
    const { blocked, approval } = await held(exec("head", "-n", "1"), "first\n");
    await bed.decide(approval, "Deny");
    expect((await blocked.ended).code).to.equal(1);
  });

  it("exec runs when it is approved with the plugin", async () => {
    const { blocked, approval } = await held(exec("echo", "ran"));
    const { name, namespace } = approval.metadata;
    const approved = await hoop(bed, "approver", ["approve", name, "-n", namespace, "--yes", "-m", "ok"]);
    expect(approved.output).to.contain(`${name} approved`);
    const { code, stdout } = await blocked.ended;
    expect(stdout).to.equal("ran\n");
    expect(code).to.equal(0);
  });

  it("exec runs nothing when it is denied", async () => {
    const { blocked, approval } = await held(exec("sh", "-c", "echo ran"));
    await bed.decide(approval, "Deny", "use the runbook");
    const { code, stdout, stderr } = await blocked.ended;
    expect(stdout).to.equal("");
    expect(stderr).to.contain("denied by approver: use the runbook");
    expect(code).to.equal(1);
  });

  // kubectl asks once by WebSocket and once more by SPDY, whose wait is another.
  it("exec that was not decided within its first wait finishes within its second", async () => {
    const { blocked, approval } = await held(exec("echo", "second"));
    const { name } = approval.metadata;
    const told = async () =>
      (await bed.records()).some(
        ({ answer, approval: of }) => answer === "held" && (of as { name: string }).name === name,
      );
    while (!(await told())) {
      expect(blocked.over()).to.equal(false);
      await delay(500);
    }
    await bed.decide(approval, "Approve");
    const { code, stdout } = await blocked.ended;
    expect(stdout).to.equal("second\n");
    expect(code).to.equal(0);
  });

  it("attach waits, and then shows what the pod prints", async () => {
    const { blocked, approval } = await held(["attach", "-n", "demo", POD]);
    expect(approval.spec.target.subresource).to.equal("attach");
    let shown = false;
    const output = printed(blocked, /said while attached/).finally(() => {
      shown = true;
    });
    await bed.decide(approval, "Approve");
    // Only what comes after it is attached is shown, and nothing tells when it is.
    while (!shown) {
      const line = `${new Date().toISOString()} stdout F said while attached\n`;
      await appendFile(bed.controlPlane.podLog, line);
      await delay(100);
    }
    await output;
    await interrupt(blocked);
  });

  it("port-forward waits, and then forwards", async () => {
    const { blocked, approval } = await held(["port-forward", "-n", "demo", `pod/${POD}`, ":80"]);
    expect(approval.spec.target.subresource).to.equal("portforward");
    const output = printed(blocked, /127\.0\.0\.1:\d+/);
    await bed.decide(approval, "Approve");
    const address = /127\.0\.0\.1:\d+/.exec(await output)?.[0];
    expect(await (await fetch(`http://${address}/`)).text()).to.equal("hello from a pod\n");
    await interrupt(blocked);
  });

  for (const args of [
    ["attach", "-n", "demo", POD],
    ["port-forward", "-n", "demo", `pod/${POD}`, ":80"],
    ["get", "--raw", `/api/v1/namespaces/demo/pods/${POD}/proxy/`],
  ])
    it(`${args.slice(0, 2).join(" ")} … ends with the comment when it is denied`, async () => {
      const { blocked, approval } = await held(args);
      await bed.decide(approval, "Deny", "not this pod");
      const { code, output } = await blocked.ended;
      expect(output).to.contain("denied by approver: not this pod");
      expect(code).to.equal(1);
    });

  it("drain waits for the node and for each pod on it", async () => {
    await running("drained");
    await bed.must("human", ["label", "pod", "drained", "-n", "demo", "run=drained"]);
    const blocked = bed.start("agent", ["drain", "node-1", "--force", "--pod-selector=run=drained"]);
    await bed.decide(await bed.pending("node-1", "UPDATE"), "Approve");
    const eviction = await bed.pending("drained", "CREATE");
    expect(eviction.spec.target).to.include({ resource: "pods", subresource: "eviction", namespace: "demo" });
    await bed.decide(eviction, "Approve");
    const { code, output } = await blocked.ended;
    expect(output).to.contain("node/node-1 drained");
    expect(code).to.equal(0);
  });

  it("deleting a running pod waits, and ends it", async () => {
    const blocked = bed.start("agent", ["delete", "pod", POD, "-n", "demo"]);
    await bed.decide(await bed.pending(POD, "DELETE"), "Approve");
    const { code, output } = await blocked.ended;
    expect(output).to.contain(`pod "${POD}" deleted`);
    expect(code).to.equal(0);
  });

  it("deleting a namespace waits, and ends when it is gone", async () => {
    const blocked = bed.start("agent", ["delete", "namespace", "demo"]);
    await bed.decide(await bed.pending("demo", "DELETE"), "Approve");
    const { code, output } = await blocked.ended;
    expect(output).to.contain('namespace "demo" deleted');
    expect(code).to.equal(0);
    expect((await bed.kubectl("human", ["get", "namespace", "demo"])).output).to.contain("not found");
  });
});
