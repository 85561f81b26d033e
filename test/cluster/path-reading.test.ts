/** Approvals and records as people read them with kubectl. */
import { expect } from "chai";
import { namespaced, PRIVILEGED, pod } from "../support/objects.ts";
import { interrupt, printed } from "../support/output.ts";
import { startTestbed, type Testbed, type Who } from "../support/testbed.ts";

const CREATE = ["create", "-f", "-"];

describe("reading with kubectl", () => {
  let bed: Testbed;
  /** Names of the approvals, by their phase in the end. */
  let used: string;
  let denied: string;
  let pending: string;

  before(async () => {
    bed = await startTestbed({ settings: { hold: { maxWaitSeconds: 1 } } });
    await bed.apply(namespaced("v1", "ServiceAccount", "default"));
    used = await ask("agent", "read-1");
    denied = await ask("agent", "read-2");
    const other = { kubeconfig: await bed.controlPlane.kubeconfig("other-agent", ["hoop:agents"]) };
    pending = await ask(other, "read-3");
    await bed.decide(await bed.pending("read-1"), "Approve", "CHG-12");
    await ask("agent", "read-1");
    await bed.decide(await bed.pending("read-2"), "Deny", "not today");
  });
  after(() => bed?.stop());

  async function ask(who: Who, name: string): Promise<string> {
    const annotations = { "hoop.dev/reason": "ticket 17" };
    const object = pod(name, PRIVILEGED);
    await bed.kubectl(who, CREATE, {
      input: JSON.stringify({ ...object, metadata: { ...object.metadata, annotations } }),
    });
    return (await bed.approval(({ spec }) => spec.target.name === name)).metadata.name;
  }

  const read = (...args: string[]) => bed.must("approver", args);
  const names = async (...args: string[]) =>
    (await read("get", ...args, "-o", "name")).split("\n").filter(Boolean).sort();
  const references = (...of: string[]) => of.map((name) => `approval.hoop.dev/${name}`).sort();

  async function eventually<T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const answer = await ask();
      if (fits(answer) || attempt > 500) return answer;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  it("get approvals lists them, by every name they have", async () => {
    const all = references(used, denied, pending);
    for (const resource of ["approvals", "approval", "appr", "approvals.hoop.dev", "hoop"])
      expect(await names(resource, "-A"), resource).to.deep.equal(all);
    expect(await names("appr", "-n", "hoop-system")).to.deep.equal([]);
  });

  it("get approvals has columns that tell what is asked", async () => {
    const [head, ...rows] = (await read("get", "approvals", "-n", "demo")).split("\n");
    expect(head).to.match(/^NAME +AGENT +OPERATION +TARGET +RULE +PHASE +AGE$/);
    const row = rows.find((line) => line.startsWith(pending));
    expect(row).to.match(/ other-agent +create +pods\/read-3 +privileged-container +Pending +[\dms]+$/);
  });

  it("get approvals -o wide adds reason, approvers and end", async () => {
    const [head, ...rows] = (await read("get", "approvals", "-n", "demo", "-o", "wide")).split("\n");
    expect(head).to.match(/ AGE +REASON +APPROVERS +EXPIRES$/);
    const row = rows.find((line) => line.startsWith(pending));
    expect(row).to.match(/ ticket 17 +1 of anyone allowed +\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it("get approvals selects by phase and by agent", async () => {
    const selections: [string, string[]][] = [
      ["status.phase=Pending", [pending]],
      ["status.phase=Used", [used]],
      ["status.phase!=Pending", [used, denied]],
      ["spec.agent.username=agent", [used, denied]],
      ["spec.agent.username=agent,status.phase=Denied", [denied]],
      ["spec.agent.username=nobody", []],
      [`metadata.name=${denied}`, [denied]],
    ];
    for (const [selector, expected] of selections)
      expect(await names("approvals", "-A", "--field-selector", selector), selector).to.deep.equal(
        references(...expected),
      );
    const unknown = await bed.kubectl("approver", ["get", "appr", "-A", "--field-selector=spec.x=1"]);
    expect(unknown.output).to.contain("spec.x");
    expect(unknown.code).to.equal(1);
  });

  it("get approvals -o yaml shows the whole request, and what became of it", async () => {
    const yaml = await read("get", "approval", used, "-n", "demo", "-o", "yaml");
    for (const line of ["privileged: true", "comment: CHG-12", "phase: Used", "reason: ticket 17"])
      expect(yaml).to.contain(line);
    const path = "jsonpath={.status.conditions[?(@.status=='True')].type}";
    expect(await read("get", "approval", used, "-n", "demo", "-o", path)).to.equal("Decided Approved Used");
    expect(await read("get", "approval", denied, "-n", "demo", "-o", path)).to.equal("Decided");
  });

  it("get approvals -w shows them as they come and are decided", async () => {
    const watching = bed.start("approver", ["get", "approvals", "-A", "-w"]);
    const begun = printed(watching, new RegExp(pending));
    await begun;
    const asked = printed(watching, /read-4.* Pending/);
    const name = await ask("agent", "read-4");
    expect(await asked).to.contain(name);
    const decided = printed(watching, /read-4.* Denied/);
    await bed.decide(await bed.pending("read-4"), "Deny");
    expect(await decided).to.contain(name);
    await interrupt(watching);
  });

  it("describe shows the change", async () => {
    const described = await read("describe", "approval", pending, "-n", "demo");
    expect(described).to.match(/^Name: +create-pod-read-3-/);
    expect(described).to.match(/Username: +other-agent/);
    expect(described).to.contain("+        privileged: true");
    expect(described).to.match(/Phase: +Pending/);
  });

  it("explain tells the fields", async () => {
    // The API server fetches the document some time after it has found the group.
    const explained = await eventually(
      () => bed.kubectl("approver", ["explain", "approval.spec.target"]),
      ({ code }) => code === 0,
    );
    expect(explained.output).to.match(/GROUP: +hoop.dev\nKIND: +Approval\nVERSION: +v1alpha1/);
    expect(explained.output).to.contain("The object the request is about.");
    expect(explained.output).to.match(/resource\t<string> -required-\n +Plural resource name/);
    expect(await read("explain", "approval.status.phase")).to.contain("One of Pending, Approved");
  });

  it("api-resources lists the resources, with their short names and verbs", async () => {
    const wide = ["api-resources", "--api-group=hoop.dev", "-o", "wide", "--no-headers"];
    const lines = (await read(...wide)).trim().split("\n").sort();
    expect(lines).to.have.length(5);
    expect(lines[0]).to.match(
      /^approvals +appr +hoop.dev\/v1alpha1 +true +Approval +get,list,watch +hoop\s*$/,
    );
    expect(lines[1]).to.match(/^ledgers +hoop.dev\/v1alpha1 +false +Ledger +get,list\s*$/);
    expect(lines[2]).to.match(/^records +rec +hoop.dev\/v1alpha1 +true +Record +get,list,watch\s*$/);
    expect(lines[3]).to.match(
      /^secure-secrets +ssec +hoop.dev\/v1alpha1 +true +SecureSecret +create,get,list,patch,update,watch\s*$/,
    );
    expect(lines[4]).to.match(
      /^sessions +sess +hoop.dev\/v1alpha1 +true +Session +create,delete,deletecollection,get,list,patch,update,watch\s*$/,
    );
  });

  it("get records tells what was asked and answered, step by step", async () => {
    const table = (await bed.must("human", ["get", "records", "-n", "demo"])).split("\n");
    expect(table[0]).to.match(/^NAME +TIME +AGENT +EVENT +OPERATION +TARGET +APPROVAL$/);
    const steps = table.filter((line) => line.includes(used)).map((line) => line.split(/ {2,}/)[3]);
    expect(steps).to.deep.equal(["approval created", "held", "Approve by approver", "allowed"]);
    const selector = `--field-selector=spec.approval.name=${denied},spec.kind=admission`;
    const held = await bed.must("human", ["get", "rec", "-A", "-o", "name", selector]);
    expect(held.trim().split("\n")).to.have.length(1);
  });

  it("an approver who is no auditor reads no records", async () => {
    const { code, output } = await bed.kubectl("approver", ["get", "records", "-A"]);
    expect(output).to.contain("Forbidden");
    expect(code).to.equal(1);
  });

  it("openapi/v2 of the cluster holds ours beside Kubernetes' own, each once", async () => {
    const load = async () =>
      Object.keys(
        (JSON.parse(await bed.must("human", ["get", "--raw", "/openapi/v2"])) as { definitions: object })
          .definitions,
      );
    const own = "dev.hoop.v1alpha1.Approval";
    const definitions = await eventually(load, (names) => names.includes(own));
    expect(definitions).to.include.members([
      own,
      "dev.hoop.v1alpha1.ApprovalList",
      "dev.hoop.v1alpha1.Record",
      "io.k8s.api.core.v1.Pod",
      "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
    ]);
    // So it names a definition that clashes with another one of the same name.
    expect(definitions.filter((name) => /_v\d+$/.test(name))).to.deep.equal([]);
  });
});
