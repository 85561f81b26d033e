/** `kubectl hoop check` on API servers that are not set up as Hoop would have them. */
import { expect } from "chai";
import { type Checking, checking } from "../support/checking.ts";
import { until } from "../support/control-plane.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

describe("kubectl hoop check on an API server whose policies do nothing, and that does not ask for authorization", () => {
  let bed: Testbed;
  let check: Checking;

  before(async () => {
    const flags = { "disable-admission-plugins": "MutatingAdmissionPolicy" };
    const settings = { agents: { groups: ["hoop:agents"], users: ["tight"] } };
    bed = await startTestbed({ configured: false, stampBy: "webhook", settings, controlPlane: { flags } });
    check = checking(bed);
  });
  after(() => bed?.stop());

  const asAgent = (kubeconfig = bed.kubeconfig("agent")) => [
    ...["--agent-kubeconfig", kubeconfig],
    ...["-n", "demo"],
  ];

  it("finds that the agent's writes are not stamped, and that it can go around Hoop", async () => {
    await check.apply("policy", (kind) => kind.startsWith("MutatingAdmissionPolicy"));
    await check.human("delete", "mutatingwebhookconfiguration", "hoop");
    await until("Hoop has told the policy who is an agent", async () => (await check.codes()).length === 0);
    expect(await check.codes(...asAgent())).to.deep.equal(["HOOP-016", "HOOP-019"]);
  });

  it("warns where it is RBAC alone that stops the agent", async () => {
    const tight = await bed.controlPlane.kubeconfig("tight");
    expect(await check.codes(...asAgent(tight))).to.deep.equal(["HOOP-022"]);
  });
});

describe("kubectl hoop check on an API server that has no policies", () => {
  let bed: Testbed;
  let check: Checking;

  before(async () => {
    const kinds = ["mutatingadmissionpolicies", "mutatingadmissionpolicybindings"];
    const off = kinds.map((kind) => `admissionregistration.k8s.io/v1/${kind}=false`);
    const flags = { "runtime-config": off.join(","), "disable-admission-plugins": "MutatingAdmissionPolicy" };
    bed = await startTestbed({ stampBy: "webhook", controlPlane: { flags } });
    check = checking(bed);
  });
  after(() => bed?.stop());

  it("is content with the webhook, and finds where that is missing, too", async () => {
    expect(await check.codes()).to.deep.equal([]);
    await check.human("delete", "mutatingwebhookconfiguration", "hoop");
    expect(await check.codes()).to.deep.equal(["HOOP-018"]);
  });
});
