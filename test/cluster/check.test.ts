/** `kubectl hoop check` where something is really wrong: each is broken for it, seen by its code, and mended. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { createAuthority } from "#certs/ca.ts";
import { type Checking, checking, codesIn } from "../support/checking.ts";
import { until } from "../support/control-plane.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const API_SERVICE = ["apiservice", "v1alpha1.hoop.dev"];
const VALIDATING = ["validatingwebhookconfiguration", "hoop"];
const POLICY = ["mutatingadmissionpolicy", "hoop"];
const BINDING = ["mutatingadmissionpolicybinding", "hoop"];

describe("kubectl hoop check on a cluster where something is wrong", () => {
  let bed: Testbed;
  let check: Checking;

  before(async () => {
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 30 } } });
    check = checking(bed);
  });
  after(() => bed?.stop());

  const asAgent = () => ["--agent-kubeconfig", bed.kubeconfig("agent"), "-n", "demo"];
  const patch = (what: string[], ...operations: object[]) =>
    check.human("patch", ...what, "--type=json", "-p", JSON.stringify(operations));
  const rightAgain = () => until("everything is right again", async () => (await check.codes()).length === 0);

  it("finds an API server that does not answer", async () => {
    const text = await readFile(bed.kubeconfig("human"), "utf8");
    const file = join(bed.certificates, "..", "nowhere.kubeconfig");
    await writeFile(file, text.replace(`:${bed.controlPlane.ports.apiserver}`, ":1"));
    expect(await check.codes("--kubeconfig", file)).to.deep.equal(["HOOP-001"]);
  });

  describe("while Hoop runs", () => {
    afterEach(async () => {
      await check.apply("policy");
      await rightAgain();
    });

    it("finds no APIService", async () => {
      await check.human("delete", ...API_SERVICE);
      await until("the group is gone", async () => (await check.codes()).includes("HOOP-004"));
      expect(await check.codes()).to.deep.equal(["HOOP-002", "HOOP-004"]);
    });

    it("finds an APIService that is not Available, and quotes its reason", async () => {
      await patch(API_SERVICE, { op: "replace", path: "/spec/service/port", value: 1 });
      await check.human("wait", "--for=condition=Available=false", API_SERVICE.join("/"), "--timeout=300s");
      const steps = await check.steps();
      expect(codesIn(steps)).to.deep.equal(["HOOP-003", "HOOP-004"]);
      expect(steps.find(({ code }) => code === "HOOP-003")?.says).to.match(/FailedDiscoveryCheck: .*refused/);
    });

    it("finds no registration", async () => {
      await check.human("delete", ...VALIDATING);
      expect(await check.codes()).to.deep.equal(["HOOP-005"]);
    });

    it("finds a matchCondition that takes requests out", async () => {
      const value = { name: "but-not-this", expression: "request.namespace != 'demo'" };
      await patch(VALIDATING, { op: "add", path: "/webhooks/0/matchConditions/-", value });
      expect(await check.codes()).to.deep.equal(["HOOP-008"]);
      await check.human("delete", ...VALIDATING);
    });

    it("finds a webhook that cannot be called", async () => {
      await patch(VALIDATING, { op: "replace", path: "/webhooks/0/clientConfig/service/port", value: 1 });
      await until("the API server has noticed", async () => {
        const probe = ["create", "configmap", "probe", "-n", "demo", "--dry-run=server"];
        return (await bed.kubectl("agent", probe)).code !== 0;
      });
      const steps = await check.steps(...asAgent());
      // To ask what one may do is a write as well.
      expect(new Set(codesIn(steps))).to.deep.equal(new Set(["HOOP-011"]));
      expect(steps.find(({ code }) => code === "HOOP-011")?.says).to.contain("refused");
    });

    it("finds that nobody stamps", async () => {
      await check.human("delete", ...BINDING);
      expect(await check.codes()).to.deep.equal(["HOOP-009"]);
    });

    it("warns where two stamp", async () => {
      await check.apply("webhook", (kind) => kind === "MutatingWebhookConfiguration");
      await until(
        "Hoop has told it who is an agent",
        async () => (await check.codes()).join() === "HOOP-017",
      );
      await check.human("delete", "mutatingwebhookconfiguration", "hoop");
    });

    it("finds a person who may not decide", async () => {
      const kubeconfig = await bed.controlPlane.kubeconfig("onlooker");
      const view = ["create", "clusterrolebinding", "onlooker", "--user=onlooker", "--clusterrole"];
      await check.human(...view, "hoop-agent");
      const verbs = ["--verb=get,delete", "--resource=roles.rbac.authorization.k8s.io"];
      await check.human("create", "role", "tidy", "-n", "demo", ...verbs);
      await check.human("create", "rolebinding", "tidy", "-n", "demo", "--role=tidy", "--user=onlooker");
      // Bindings take a moment to be known.
      for (const may of [
        ["get", "approvals.hoop.dev", "-A"],
        ["delete", "roles.rbac.authorization.k8s.io", "-n", "demo"],
      ])
        await until("the onlooker may look on", async () => {
          const asked = await bed.kubectl({ kubeconfig }, ["auth", "can-i", ...may]);
          return asked.code === 0;
        });
      const found = await check.codes("--kubeconfig", kubeconfig, ...asAgent());
      expect(found).to.deep.equal(["HOOP-013"]);
    });

    it("finds that an approved canary is refused by somebody else", async () => {
      await check.human(
        "create",
        "quota",
        "none",
        "-n",
        "demo",
        "--hard=count/roles.rbac.authorization.k8s.io=0",
      );
      // As the quota controller would, which does not run here.
      const none = { "count/roles.rbac.authorization.k8s.io": "0" };
      const status = JSON.stringify({ status: { hard: none, used: none } });
      await check.human(
        "patch",
        "quota",
        "none",
        "-n",
        "demo",
        "--subresource=status",
        "--type=merge",
        "-p",
        status,
      );
      const steps = await check.steps(...asAgent());
      await check.human("delete", "quota", "none", "-n", "demo");
      expect(codesIn(steps)).to.deep.equal(["HOOP-014"]);
      expect(steps.find(({ code }) => code === "HOOP-014")?.says).to.contain("exceeded quota");
    });
  });

  describe("while Hoop is stopped", () => {
    before(() => bed.stopHoop());

    const expectBesidesHoop = async (code: string) => {
      const found = await check.codes();
      expect(found.filter((one) => one !== "HOOP-003")).to.have.members(["HOOP-004", code]);
    };
    const setBundle = (value: string) =>
      patch(VALIDATING, { op: "replace", path: "/webhooks/0/clientConfig/caBundle", value });

    it("finds a caBundle of somebody else", async () => {
      await setBundle(Buffer.from(createAuthority("somebody else").certificate).toString("base64"));
      await expectBesidesHoop("HOOP-020");
    });

    it("finds no caBundle", async () => {
      await setBundle("");
      await expectBesidesHoop("HOOP-006");
    });

    it("finds other agents in the policy than in the webhook", async () => {
      const path = "/spec/matchConditions/0/expression";
      await patch(POLICY, { op: "replace", path, value: "request.userInfo.username == 'x'" });
      expect(await check.codes()).to.include("HOOP-021");
    });

    it("and nothing of it any more once Hoop has started again", async () => {
      await bed.startHoop();
      await rightAgain();
    });
  });
});
