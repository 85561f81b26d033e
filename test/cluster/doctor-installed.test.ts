/** Doctor where Hoop is wholly in force: an agent that RBAC lets do everything, and what shows when something is taken out. */
import { expect } from "chai";
import { type Client, connect } from "#cluster/client.ts";
import { doctorProbe } from "#cluster/doctor-probe.ts";
import { postEvent } from "#cluster/events.ts";
import { examine } from "#core/doctor/examine.ts";
import type { Finding } from "#core/doctor/finding.ts";
import { type DoctorEvent, keepExamining } from "#core/doctor/keep-examining.ts";
import { clock } from "../../system.ts";
import { until } from "../support/control-plane.ts";
import { hoop } from "../support/plugin.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const VALIDATING = ["validatingwebhookconfiguration", "hoop"];
const BINDING = "mutatingadmissionpolicybinding/hoop";

describe("doctor, with Hoop in force", () => {
  let bed: Testbed;
  let client: Client;

  before(async () => {
    bed = await startTestbed();
    client = connect(bed.kubeconfig("human"));
  });
  after(async () => {
    await client?.close();
    await bed?.stop();
  });

  const findings = async (): Promise<readonly Finding[]> => (await examine(doctorProbe(client))).findings;
  const above = (found: readonly Finding[]) =>
    found.filter(({ severity }) => ["critical", "high"].includes(severity)).map(({ id }) => id);

  it("finds nothing severe of an agent that RBAC lets do everything, and who it is by itself", async () => {
    const { code, stdout } = await hoop(bed, "human", ["doctor", "-o", "json"]);
    const report = JSON.parse(stdout) as { agents: string[]; findings: Finding[] };
    expect(report.agents).to.deep.equal(["group hoop:agents"]);
    expect({ code, severe: above(report.findings) }).to.deep.equal({ code: 0, severe: [] });
    const byTour = report.findings.flatMap(({ openings }) =>
      openings.map(({ grant }) => grant?.binding.name),
    );
    expect(new Set(byTour)).to.deep.equal(new Set(["tour-agents"]));
  });

  it("has a held write tried in the agent's name", async () => {
    const args = ["doctor", "--agent-kubeconfig", bed.kubeconfig("agent"), "-n", "demo", "-o", "json"];
    const { code, stdout } = await hoop(bed, "human", args);
    const report = JSON.parse(stdout) as { agents: string[]; notChecked: { could: boolean }[] };
    expect({ code, agents: report.agents }).to.deep.equal({ code: 0, agents: ["agent"] });
    expect(report.notChecked.filter(({ could }) => could)).to.deep.equal([]);
  });

  it("finds what is changed in the registrations, and all that only they have closed", async () => {
    const patch = JSON.stringify([{ op: "replace", path: "/webhooks/0/failurePolicy", value: "Ignore" }]);
    await bed.must("human", ["patch", ...VALIDATING, "--type=json", "-p", patch]);
    const ids = above(await findings());
    expect(ids[0]).to.equal("registration-fails-open");
    expect(ids).to.include.members(["pod-connect", "workloads", "rbac-escalate"]);
    expect(ids).to.not.include.members(["secrets-read"]);
    const back = JSON.stringify([{ op: "replace", path: "/webhooks/0/failurePolicy", value: "Fail" }]);
    await bed.must("human", ["patch", ...VALIDATING, "--type=json", "-p", back]);
    expect(above(await findings())).to.deep.equal([]);
  });

  it("finds that nobody stamps", async () => {
    const kept = await bed.must("human", ["get", BINDING, "-o", "json"]);
    await bed.must("human", ["delete", BINDING]);
    expect((await findings()).map(({ id }) => id)).to.contain("stamp-missing");
    const { metadata, ...rest } = JSON.parse(kept) as { metadata: { name: string } };
    await bed.apply({ ...rest, metadata: { name: metadata.name } });
    expect((await findings()).map(({ id }) => id)).to.not.contain("stamp-missing");
  });

  it("tells of what opens by an Event in Hoop's namespace, and again when it is closed", async () => {
    const ended = new AbortController();
    const counts: (number | undefined)[] = [];
    const posted: DoctorEvent[] = [];
    const silent = () => undefined;
    const running = keepExamining(
      {
        doctor: doctorProbe(client),
        clock,
        log: { info: silent, warn: silent, error: silent },
        everySeconds: 1,
        counted: (findings) => void counts.push(findings?.critical),
        event: async (event) => {
          posted.push(event);
          const about = { apiVersion: "v1", kind: "Service", namespace: "hoop-system", name: "hoop" };
          await postEvent(client, { ...event, about, action: "Examined" });
        },
      },
      ended.signal,
    );
    try {
      await until("it has looked", () => counts.includes(0));
      await bed.apply([
        {
          apiVersion: "rbac.authorization.k8s.io/v1",
          kind: "ClusterRoleBinding",
          metadata: { name: "open-to-all" },
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
          subjects: [
            { apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "system:unauthenticated" },
          ],
        },
      ]);
      await until("it is told", () => posted.length === 1);
      await bed.must("human", ["delete", "clusterrolebinding", "open-to-all"]);
      await until("it is told again", () => posted.length === 2);
    } finally {
      ended.abort();
      await running;
    }
    expect(posted.map(({ reason }) => reason)).to.deep.equal(["WaysAroundFound", "WaysAroundClosed"]);
    const events = await bed.must("human", [
      "get",
      "events",
      "-n",
      "hoop-system",
      "-o",
      "jsonpath={.items[*].message}",
    ]);
    expect(events)
      .to.contain("critical secrets-read (system:anonymous)")
      .and.contain("finds nothing of severity high");
  });
});
