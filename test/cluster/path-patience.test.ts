/** Nobody decides: how long which client waits, what it is told then, and how it goes on. */
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import type { Approval } from "#core/approval.ts";
import { send } from "../support/client.ts";
import { namespaced, PRIVILEGED, pod } from "../support/objects.ts";
import { type Ended, startTestbed, type Testbed } from "../support/testbed.ts";

const CREATE = ["create", "-f", "-"];
const PODS = "/api/v1/namespaces/demo/pods";

describe("when nobody decides", () => {
  let bed: Testbed;
  before(async () => {
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 8 } } });
    await bed.apply(namespaced("v1", "ServiceAccount", "default"));
  });
  after(() => bed?.stop());

  const input = (name: string) => JSON.stringify(pod(name, PRIVILEGED));

  function explained(message: string, { metadata, status }: Approval): void {
    const { name, namespace } = metadata;
    expect(message).to.contain("HELD, not refused.");
    expect(message).to.contain(
      `approval=${name} namespace=${namespace} rule=privileged-container state=Pending expires=${status.expiresAt}`,
    );
    expect(message).to.contain("It waits for the decision of 1 person with the right to decide");
    expect(message).to.contain(`kubectl wait approval/${name} -n ${namespace} --for=condition=Decided`);
    expect(message).to.contain("run the same command again: it passes once, unchanged");
  }

  const answersFor = async (approval: Approval) =>
    (await bed.records()).flatMap(({ answer, approval: of }) =>
      (of as { name?: string } | undefined)?.name === approval.metadata.name && answer !== undefined
        ? [answer]
        : [],
    );

  /** The command that the agent was told to wait with, as words: all that stands there to the end of the line. */
  function waitCommand({ output }: Ended): string[] {
    const command = / Wait with: kubectl (wait \S+ .*)$/m.exec(output)?.[1];
    expect(command, output).to.not.equal(undefined);
    return command?.trim().split(/ +/) ?? [];
  }

  describe("kubectl", () => {
    let refused: Ended;
    let approval: Approval;
    before(async () => {
      const blocked = bed.start("agent", CREATE, input("patient"));
      approval = await bed.pending("patient");
      refused = await blocked.ended;
    });

    it("ends with 1 after the longest wait, and says that it is held and what to do", async () => {
      expect(refused.code).to.equal(1);
      expect(refused.output).to.contain("Error from server (Forbidden)");
      explained(refused.output, approval);
      expect(await answersFor(approval)).to.deep.equal(["held"]);
      expect((await bed.kubectl("human", ["get", "pod", "patient", "-n", "demo"])).output).to.contain(
        "not found",
      );
    });

    it("is told a command that waits for the decision, and may run it", async () => {
      const waiting = bed.start("agent", waitCommand(refused));
      await bed.decide(approval, "Approve", "CHG-12");
      const { code, output } = await waiting.ended;
      expect(output).to.contain(`approval.hoop.dev/${approval.metadata.name} condition met`);
      expect(code).to.equal(0);
    });

    it("passes with the same command, once", async () => {
      const passed = await bed.kubectl("agent", CREATE, { input: input("patient") });
      expect(passed.output).to.contain("pod/patient created");
      expect(passed.output).to.contain("hoop: approved by approver (CHG-12)");
      expect(passed.code).to.equal(0);
      expect(await answersFor(approval)).to.deep.equal(["held", "allowed"]);
    });
  });

  it("kubectl wait ends for a denial, too, and the same command then tells it", async () => {
    const name = "denied";
    const refused = await bed.kubectl("agent", CREATE, { input: input(name) });
    const waiting = bed.start("agent", waitCommand(refused));
    await bed.decide(await bed.pending(name), "Deny", "ask me tomorrow");
    expect((await waiting.ended).code).to.equal(0);
    const again = await bed.kubectl("agent", CREATE, { input: input(name) });
    expect(again.output).to.contain("denied by approver: ask me tomorrow");
    expect(again.code).to.equal(1);
  });

  it("a client that does not ask again gets the same explanation with its 429", async () => {
    const object = pod("curl", PRIVILEGED);
    const { code, headers, body } = await send(bed.kubeconfig("agent"), "POST", `${PODS}?timeout=6s`, object);
    expect(code).to.equal(429);
    expect(headers["retry-after"]).to.equal("1");
    expect(body).to.deep.include({ kind: "Status", reason: "TooManyRequests" });
    explained(body.message ?? "", await bed.pending("curl"));
  });

  it("a client that hangs up leaves its approval, and what it asked for undone", async () => {
    const name = "gone";
    const blocked = bed.start("agent", CREATE, input(name));
    const approval = await bed.pending(name);
    blocked.child.kill("SIGKILL");
    await blocked.ended;
    await bed.decide(approval, "Approve");
    expect((await bed.kubectl("human", ["get", "pod", name, "-n", "demo"])).output).to.contain("not found");
    const passed = await bed.kubectl("agent", CREATE, { input: input(name) });
    expect(passed.output).to.contain(`pod/${name} created`);
  });

  describe("and the API server gives each attempt less time than the longest wait", () => {
    before(async () => {
      const patch = [{ op: "replace", path: "/webhooks/0/timeoutSeconds", value: 6 }];
      await bed.must("human", [
        ...["patch", "validatingwebhookconfiguration", "hoop", "--type=json", "-p", JSON.stringify(patch)],
      ]);
      // The longest wait ends with 403, a shorter one with 429.
      const attempt = () => send(bed.kubeconfig("agent"), "POST", PODS, pod("probe", PRIVILEGED));
      while ((await attempt()).code !== 429);
    });

    it("kubectl asks again by itself, and still ends with 1 and the explanation", async () => {
      const blocked = bed.start("agent", [...CREATE, "-v=4"], input("retrying"));
      const approval = await bed.pending("retrying");
      const { code, output } = await blocked.ended;
      expect(output).to.contain("Error from server (Forbidden)");
      explained(output, approval);
      expect(code).to.equal(1);
      expect(output).to.contain("Got a Retry-After response");
      expect(await answersFor(approval)).to.deep.equal(["held"]);
      const all = (await bed.approvals()).filter(({ spec }) => spec.target.name === "retrying");
      expect(all).to.have.length(1);
    });

    it("kubectl asks again by itself, and finishes when it is approved between two attempts", async () => {
      const blocked = bed.start("agent", CREATE, input("between"));
      const approval = await bed.pending("between");
      while ((await answersFor(approval)).length === 0) {
        expect(blocked.over()).to.equal(false);
        await delay(200);
      }
      await bed.decide(approval, "Approve");
      const { code, output } = await blocked.ended;
      expect(output).to.contain("pod/between created");
      expect(code).to.equal(0);
    });
  });
});
