/** What a hold survives: Hoop stopped or killed, and the API server restarted, in the middle of it. */
import { expect } from "chai";
import type { Approval } from "#core/approval.ts";
import { type HoopProcess, startProcess } from "../support/hoop-process.ts";
import { asUserOf } from "../support/raw.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

interface Recorded {
  answer?: string;
  approval?: { name: string; use: string };
}

const role = (name: string) => ["create", "clusterrole", name, "--verb=get", "--resource=pods"];

describe("a hold", () => {
  let bed: Testbed;
  let hoop: HoopProcess | undefined;

  before(async () => {
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 30 } } });
  });
  after(async () => {
    hoop?.child.kill("SIGKILL");
    await hoop?.ended;
    await bed?.stop();
  });

  const approvalsFor = async (name: string) =>
    (await bed.approvals()).filter(({ spec }) => spec.target.name === name);
  /** The approvals that records say were spent, one name for each record. */
  const spends = async () =>
    ((await bed.records()) as unknown as Recorded[]).flatMap(({ answer, approval }) =>
      answer === "allowed" && approval?.use === "spent" ? [approval.name] : [],
    );

  it("outlives a restart of Hoop: the waiting command finishes, on the same approval", async () => {
    const blocked = bed.start("agent", role("restarted"));
    const { metadata } = await bed.pending("restarted");
    await bed.stopHoop();
    expect(blocked.over()).to.equal(false);
    await bed.startHoop();
    const [approval] = await approvalsFor("restarted");
    expect(approval?.metadata.uid).to.equal(metadata.uid);
    await bed.decide(approval as Approval, "Approve");
    const { code, output } = await blocked.ended;
    expect(code, output).to.equal(0);
    expect(await approvalsFor("restarted")).to.have.length(1);
  });

  it("outlives a restart of kube-apiserver: the decision is honoured when the command is run again", async () => {
    const cut = bed.start("agent", role("cut"));
    const approval = await bed.pending("cut");
    await bed.controlPlane.apiserver.kill();
    expect((await cut.ended).code).not.to.equal(0);
    await bed.controlPlane.apiserver.start();
    expect((await bed.pending("cut")).metadata.uid).to.equal(approval.metadata.uid);
    const decided = await bed.decide(approval, "Approve");
    expect(decided.code, decided.output).to.equal(0);
    await bed.must("agent", role("cut"));
    const fresh = bed.start("agent", role("fresh"));
    await bed.decide(await bed.pending("fresh"), "Deny", "enough");
    expect((await fresh.ended).output).to.contain("enough");
  });

  describe("of a Hoop in a process of its own", () => {
    before(async () => {
      await bed.stopHoop();
      hoop = await startProcess(bed);
    });

    it("is answered, not cut, by SIGTERM: HELD, and when to ask again", async () => {
      const path = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
      const body = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole" };
      const named = { ...body, metadata: { name: "drained" }, rules: [] };
      const agent = await asUserOf(bed.kubeconfig("agent"));
      const answer = agent({ method: "POST", path, body: named });
      const blocked = bed.start("agent", role("drained-too"));
      await bed.pending("drained");
      const approval = await bed.pending("drained-too");

      hoop?.child.kill("SIGTERM");
      const ended = await hoop?.ended;
      expect(ended?.code, ended?.log).to.equal(0);
      const { code, text } = await answer;
      expect(code).to.equal(429);
      const said = JSON.parse(text) as { message: string; details: { retryAfterSeconds: number } };
      expect(said.message).to.contain("HELD, not refused");
      expect(said.details.retryAfterSeconds).to.be.greaterThan(1);
      expect(blocked.over()).to.equal(false);

      hoop = await startProcess(bed);
      await bed.decide(approval, "Approve");
      const waited = await blocked.ended;
      // On a busy machine Hoop may be back later than the Retry-After; then the same command, run again, passes.
      const finished = waited.code === 0 ? waited : await bed.start("agent", role("drained-too")).ended;
      expect(finished.code, finished.output).to.equal(0);
    });

    it("loses no decision and spends none twice when Hoop is killed with kill -9 among decisions", async () => {
      const names = Array.from({ length: 8 }, (_, i) => `killed-${i}`);
      const commands = names.map((name) => bed.start("agent", role(name)));
      const asked = await Promise.all(names.map((name) => bed.pending(name)));
      const deciding = asked.map((approval) => bed.decide(approval, "Approve"));
      await Promise.any(commands.map(({ ended }) => ended));
      hoop?.child.kill("SIGKILL");
      const decided = await Promise.all(deciding);
      const ended = await Promise.all(commands.map((command) => command.ended));
      await hoop?.ended;
      hoop = await startProcess(bed);

      const phases = new Map(
        (await bed.approvals()).map(({ metadata, status }) => [metadata.name, status.phase]),
      );
      const spent = await spends();
      expect(new Set(spent).size).to.equal(spent.length);
      const fates = asked.map(({ metadata: { name } }, i) => ({
        role: names[i] ?? "",
        accepted: decided[i]?.code === 0,
        passed: ended[i]?.code === 0,
        phase: phases.get(name) ?? "gone",
        recorded: spent.includes(name),
      }));
      const fits = (fate: (typeof fates)[number]) =>
        (!fate.accepted || ["Approved", "Used"].includes(fate.phase)) &&
        (!fate.passed || fate.phase === "Used") &&
        fate.recorded === (fate.phase === "Used");
      expect(fates.filter((fate) => !fits(fate))).to.deep.equal([]);

      // Run again, what was approved and not carried out passes on the approval it has, without a new question.
      for (const fate of fates.filter(({ phase }) => phase === "Approved")) {
        await bed.must("agent", role(fate.role));
        expect(await approvalsFor(fate.role)).to.have.length(1);
      }
    });
  });
});
