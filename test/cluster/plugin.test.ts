import { expect } from "chai";
import { localManifests } from "../../local/manifests.ts";
import { hoop, type Running, startedHoop } from "../support/plugin.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const ROLE = {
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "Role",
  metadata: { name: "piped", namespace: "default" },
  rules: [],
};

const EVERYTHING_LABELLED = [
  "apiservices",
  "validatingwebhookconfigurations",
  "mutatingwebhookconfigurations",
  "mutatingadmissionpolicies",
  "mutatingadmissionpolicybindings",
  "flowschemas",
  "prioritylevelconfigurations",
  "clusterroles",
  "clusterrolebindings",
  "roles",
  "rolebindings",
  "priorityclasses",
  "namespaces",
  "services",
  "serviceaccounts",
];

describe("the plugin on a real cluster", () => {
  let bed: Testbed;

  before(async () => {
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 8 } } });
  });

  after(() => bed?.stop());

  const namespace = (name: string) => bed.must("human", ["create", "namespace", name]);
  const run = (name: string, ...flags: string[]): Running =>
    startedHoop(bed, "agent", [
      ...["run", ...flags, "--", "kubectl"],
      ...["delete", "namespace", name, "--wait=false"],
    ]);

  describe("run", () => {
    it("says that the command waits, for whom, and what was decided, and exits with the command's own code", async () => {
      await namespace("prod");
      const running = run("prod");
      await running.said("hoop: held");
      const { metadata } = await bed.pending("prod");
      const approved = await hoop(bed, "approver", ["approve", metadata.name, "--yes", "-m", "CHG-12"]);
      expect(approved.output).to.contain(`${metadata.name} approved`);
      const { code, stdout, stderr } = await running.ended;
      expect({ code, stderr }).to.have.property("code", 0);
      expect(stdout).to.equal('namespace "prod" deleted\n');
      expect(stderr).to.contain(`hoop: held: delete namespaces/prod waits for 1 person`);
      expect(stderr).to.contain(`approval=${metadata.name} namespace=hoop-system`);
      expect(stderr).to.contain(`hoop: ${metadata.name}: approved by approver: CHG-12\n`);
    });

    it("exits with 77 when a person says no, and tells a program each state", async () => {
      await namespace("denied");
      const running = run("denied", "-o", "json");
      await running.said('"state":"held"');
      const { metadata } = await bed.pending("denied");
      await hoop(bed, "approver", ["deny", metadata.name, "-m", "not today"]);
      const { code, stderr } = await running.ended;
      expect({ code, stderr }).to.have.property("code", 77);
      const states = stderr
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line));
      expect(states.map(({ state }) => state)).to.deep.equal(["held", "denied", "ended"]);
      expect(states[1].decisions[0]).to.include({ user: "approver", comment: "not today" });
    });

    it("exits with 77 when a rule says no, and as ever where nobody is asked", async () => {
      const [secrets, missing, fine] = await Promise.all([
        hoop(bed, "agent", ["run", "--", "kubectl", "get", "secrets", "-A"]),
        hoop(bed, "agent", ["run", "--", "kubectl", "get", "configmap", "nix"]),
        hoop(bed, "human", ["run", "--", "kubectl", "create", "configmap", "one"]),
      ]);
      expect(secrets.code).to.equal(77);
      expect(missing.code).to.equal(1);
      expect(fine).to.include({ code: 0, stdout: "configmap/one created\n", stderr: "" });
    });

    it("exits with 75 while nobody has decided; with --wait it waits, and runs the command again", async () => {
      await namespace("later");
      const { code, stderr } = await run("later").ended;
      expect({ code, stderr }).to.have.property("code", 75);
      const { metadata } = await bed.pending("later");
      const waiting = run("later", "--wait=1m");
      const create = ["run", "--wait", "--", "kubectl", "create", "-f", "-"];
      const piped = startedHoop(bed, "agent", create, JSON.stringify(ROLE));
      const held = await bed.pending(ROLE.metadata.name);
      await Promise.all([waiting.said("HELD, not refused"), piped.said("HELD, not refused")]);
      await hoop(bed, "approver", ["approve", metadata.name, held.metadata.name, "--yes"]);
      const [deleted, created] = await Promise.all([waiting.ended, piped.ended]);
      expect(deleted).to.include({ code: 0, stdout: 'namespace "later" deleted\n' });
      expect(created).to.include({ code: 0, stdout: "role.rbac.authorization.k8s.io/piped created\n" });
      expect(created.stderr).to.contain("approved by approver\nhoop: running the same command again\n");
    });
  });

  describe("reapprove", () => {
    const create = ["create", "secret", "generic", "token", "-n", "default"];

    it("lets a write through again that a quota refused after its approval was used", async () => {
      const quota = ["quota", "none", "-n", "default"];
      await bed.must("human", ["create", ...quota, "--hard=count/secrets=0"]);
      // As the quota controller would, which does not run here.
      const status = { hard: { "count/secrets": "0" }, used: { "count/secrets": "0" } };
      const counted = ["--subresource=status", "--type=merge", "-p", JSON.stringify({ status })];
      await bed.must("human", ["patch", ...quota, ...counted]);
      const blocked = bed.start("agent", create);
      const { metadata } = await bed.pending("token");
      await hoop(bed, "approver", ["approve", metadata.name, "--yes"]);
      expect((await blocked.ended).output).to.contain("exceeded quota");
      await bed.must("human", ["delete", ...quota]);

      const name = (await hoop(bed, "approver", ["reapprove", metadata.name, "--yes", "-o", "json"])).stdout;
      const made = JSON.parse(name);
      expect(made.spec.reapproves).to.equal(metadata.name);
      expect(made.status.phase).to.equal("Approved");
      expect((await bed.kubectl("agent", create)).output).to.contain("secret/token created");
      const both = (await bed.approvals("default")).filter(({ spec }) => spec.target.name === "token");
      const phases = both.map(({ status }) => status.phase);
      expect(phases).to.deep.equal(["Used", "Used"]);
    });

    it("is not for agents, and not for what is denied", async () => {
      const [used] = await bed.approvals("default");
      const byAgent = await hoop(bed, "agent", ["reapprove", used?.metadata.name ?? "", "--yes"]);
      expect(byAgent.stderr).to.contain("agents do not decide approvals");
      const denied = (await bed.approvals()).find(({ status }) => status.phase === "Denied");
      const { name, namespace } = denied?.metadata ?? { name: "", namespace: "" };
      const patch = JSON.stringify({ decision: { verdict: "Reapprove" } });
      const byPatch = await bed.kubectl("approver", [
        ...["patch", "approvals.hoop.dev", name, "-n", namespace],
        ...["--subresource=approval", "--type=merge", "-p", patch],
      ]);
      expect(byPatch.output).to.contain("it is Denied; only what is Used or Expired can be approved again");
    });
  });

  describe("check", () => {
    const check = () =>
      hoop(bed, "human", ["check", "--agent-kubeconfig", bed.kubeconfig("agent"), "-n", "demo"]);

    it("finds everything right, and leaves nothing behind", async () => {
      const { code, stdout } = await check();
      expect({ code, stdout }).to.have.property("code", 0);
      expect(stdout).to.match(/\n11 right, 0 wrong, 0 not checked\.\n$/);
      expect(await bed.must("human", ["get", "roles", "-n", "demo", "-o", "name"])).to.equal("");
    });

    it("finds a registration that lets agents go when Hoop is away", async () => {
      const set = (policy: string) =>
        bed.must("human", [
          ...["patch", "validatingwebhookconfiguration", "hoop", "--type=json"],
          ...["-p", JSON.stringify([{ op: "replace", path: "/webhooks/0/failurePolicy", value: policy }])],
        ]);
      await set("Ignore");
      const { code, stdout } = await hoop(bed, "human", ["check"]);
      await set("Fail");
      expect(code).to.equal(1);
      expect(stdout.match(/HOOP-\d+:/g)).to.deep.equal(["HOOP-007:"]);
    });

    it("finds a person's kubeconfig that is taken for an agent's", async () => {
      const { code, stdout } = await hoop(bed, "human", [
        ...["check", "--agent-kubeconfig", bed.kubeconfig("human"), "-n", "demo"],
      ]);
      expect(code).to.equal(1);
      expect(stdout).to.contain("HOOP-010:").and.contain("HOOP-016:");
    });

    it("finds that Hoop is stopped", async () => {
      await bed.stopHoop();
      const { code, stdout } = await check();
      await bed.startHoop();
      expect(code).to.equal(1);
      expect(stdout).to.contain("HOOP-004:");
    });
  });
});

describe("kubectl hoop uninstall", () => {
  let bed: Testbed;

  before(async () => {
    // Somebody must delete what is in the namespace.
    bed = await startTestbed({ node: true });
  });

  after(() => bed?.stop());

  const uninstall = () => hoop(bed, "human", ["uninstall", "--yes"]);

  async function expectNothingLeft(): Promise<void> {
    const kinds = EVERYTHING_LABELLED.join(",");
    const left = ["get", kinds, "-A", "-l", "app.kubernetes.io/part-of=hoop", "-o", "name"];
    expect(await bed.must("human", left)).to.equal("");
    const raw = await bed.kubectl("human", ["get", "--raw", "/apis/hoop.dev/v1alpha1"]);
    expect(raw.output).to.contain("NotFound");
    await bed.must("human", ["create", "namespace", "ends"]);
    await bed.must("human", ["delete", "namespace", "ends", "--timeout=300s"]);
    expect((await bed.kubectl("agent", ["delete", "namespace", "demo", "--dry-run=server"])).code).to.equal(
      0,
    );
  }

  it("takes a running Hoop out, and leaves nothing behind", async () => {
    const { code, output } = await uninstall();
    expect({ code, output }).to.have.property("code", 0);
    expect(output).to.match(
      /apiservices\.apiregistration\.k8s\.io\/v1alpha1\.hoop\.dev deleted\nvalidatingwebhook/,
    );
    await expectNothingLeft();
  });

  it("has nothing more to do then", async () => {
    expect(await uninstall()).to.include({ code: 0, stdout: "Nothing of Hoop is in this cluster.\n" });
  });

  it("takes out one that does not run, too", async () => {
    await bed.stopHoop();
    const input = await localManifests({ api: bed.apiPort, webhook: bed.webhookPort }, { stampBy: "policy" });
    await bed.must("human", ["apply", "--server-side", "--force-conflicts", "-f", "-"], { input });
    await bed.startHoop();
    await bed.stopHoop();
    const { code, output } = await uninstall();
    expect({ code, output }).to.have.property("code", 0);
    await expectNothingLeft();
  });
});
