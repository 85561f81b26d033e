/** Hoop is stopped: agents' writes are refused and say why; what people do goes on. */
import { expect } from "chai";
import { namespaced, pod } from "../support/objects.ts";
import { type Blocked, startTestbed, type Testbed } from "../support/testbed.ts";

const REGISTRATION = "agents-are-refused-while-hoop-is-unreachable.hoop.dev";
const CREATE = ["create", "-f", "-"];

const configMap = (name: string) => namespaced("v1", "ConfigMap", name, { data: { a: "b" } });

describe("while Hoop is stopped", () => {
  let bed: Testbed;
  let asked: Blocked;

  before(async () => {
    bed = await startTestbed({ node: true, settings: { hold: { maxWaitSeconds: 20 } } });
    await bed.defaultAccount("demo");
    await bed.apply([
      configMap("before"),
      namespaced("v1", "Secret", "password", { stringData: { pw: "hunter2" } }),
    ]);
    await bed.must("human", ["create", "namespace", "pending"]);
    asked = bed.start("agent", ["delete", "namespace", "pending", "--wait=false"]);
    await bed.pending("pending");
    await bed.stopHoop();
  });
  after(() => bed?.stop());

  const writes: [string, string[], object?][] = [
    ["create", CREATE, configMap("new")],
    ["apply, server-side", ["apply", "--server-side", "-f", "-"], configMap("before")],
    ["patch", ["patch", "configmap", "before", "-n", "demo", "--type=merge", "-p", '{"data":{"a":"c"}}']],
    ["label", ["label", "configmap", "before", "-n", "demo", "a=b"]],
    ["delete", ["delete", "configmap", "before", "-n", "demo"]],
    ["delete of a namespace", ["delete", "namespace", "demo", "--wait=false"]],
    ["dry run", ["create", "configmap", "dry", "-n", "demo", "--dry-run=server"]],
  ];
  for (const [name, args, input] of writes)
    it(`an agent's ${name} is refused by a name that explains itself`, async () => {
      const given = input === undefined ? {} : { input: JSON.stringify(input) };
      const { code, output } = await bed.kubectl("agent", args, given);
      expect(output).to.contain(REGISTRATION);
      expect(code).to.equal(1);
    });

  for (const args of [
    ["get", "configmap", "before", "-n", "demo"],
    ["get", "pods", "-A"],
    ["get", "nodes"],
    ["get", "serviceaccounts", "-n", "demo"],
  ])
    it(`an agent's kubectl ${args.join(" ")} works`, async () => {
      await bed.must("agent", args);
    });

  for (const args of [
    ["get", "secret", "password", "-n", "demo", "-o", "yaml"],
    ["get", "secrets", "-A"],
    ["get", "configmaps", "-n", "hoop-system"],
    ["get", "pods", "--as=admin", "--as-group=system:masters"],
  ])
    it(`an agent's kubectl ${args.join(" ")} fails closed, although RBAC allows it`, async () => {
      const { code, output } = await bed.kubectl("agent", args);
      expect(output).not.to.contain("aHVudGVyMg");
      expect(output).to.match(/forbidden|\/authorize.*connection refused/i);
      expect(code).to.equal(1);
    });

  it("people create, change, read and delete everything, Secrets, RBAC, namespaces and Hoop's own files included", async () => {
    const by = (...args: string[]) => bed.must("human", args);
    await bed.apply([configMap("mine"), pod("mine")]);
    await by("patch", "configmap", "mine", "-n", "demo", "--type=merge", "-p", '{"data":{"a":"c"}}');
    expect(await by("get", "secret", "password", "-n", "demo", "-o", "yaml")).to.contain("aHVudGVyMg");
    await by("create", "secret", "generic", "other", "-n", "demo", "--from-literal=a=b");
    await by("delete", "secret", "other", "-n", "demo");
    await by("create", "clusterrole", "some-role", "--verb=get", "--resource=pods");
    await by("delete", "clusterrole", "some-role");
    await by("delete", "pod", "mine", "-n", "demo");
    await by("delete", "configmap", "mine", "-n", "demo");
    await by("create", "namespace", "brief");
    await by("annotate", "validatingwebhookconfiguration", "hoop", "seen=yes");
  });

  it("controllers go on: a Deployment of a person gets its pods", async () => {
    await bed.must("human", ["create", "deployment", "web", "-n", "demo", "--image=none"]);
    const wait = ["wait", "--for=create", "pod", "-l", "app=web", "-n", "demo", "--timeout=300s"];
    await bed.must("human", wait);
  });

  it("hoop.dev is gone, and says so", async () => {
    const { code, output } = await bed.kubectl("human", [
      "get",
      "--raw",
      "/apis/hoop.dev/v1alpha1/approvals",
    ]);
    expect(code).to.equal(1);
    expect(output).to.match(/unavailable|unable to handle the request/i);
  });

  it("a namespace that a person deletes waits for Hoop, and says what it waits for", async () => {
    // Until the API server has looked (every 30 s), it takes a Hoop without approvals in that namespace for there.
    const unavailable = ["--for=condition=Available=false", "apiservice/v1alpha1.hoop.dev", "--timeout=300s"];
    await bed.must("human", ["wait", ...unavailable]);
    await bed.must("human", ["delete", "namespace", "brief", "--wait=false"]);
    const condition = "--for=condition=NamespaceDeletionDiscoveryFailure";
    await bed.must("human", ["wait", condition, "namespace/brief", "--timeout=300s"]);
    expect(await bed.must("human", ["get", "namespace", "brief", "-o", "yaml"])).to.contain(
      "hoop.dev/v1alpha1",
    );
  });

  describe("and started again", () => {
    before(() => bed.startHoop());

    it("the namespace goes", async () => {
      await bed.must("human", ["wait", "--for=delete", "namespace/brief", "--timeout=300s"]);
    });

    it("what waited for a decision still does, and passes once approved", async () => {
      await asked.ended;
      const again = bed.start("agent", ["delete", "namespace", "pending", "--wait=false"]);
      const approval = await bed.pending("pending");
      await bed.decide(approval, "Approve");
      const { code, output } = await again.ended;
      expect(code, output).to.equal(0);
      const all = (await bed.approvals()).filter(({ spec }) => spec.target.name === "pending");
      expect(all).to.have.length(1);
    });

    it("an agent writes and reads as before, and Secrets stay closed", async () => {
      await bed.must("agent", CREATE, { input: JSON.stringify(configMap("after")) });
      const { output } = await bed.kubectl("agent", ["get", "secrets", "-n", "demo"]);
      expect(output).to.contain("(rule secrets)");
    });
  });
});
