/** One held write, followed through Hoop's log, the ledger and the API server's audit log. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { startTestbed, type Testbed } from "../support/testbed.ts";

const PAYLOAD = "hunter2";

interface Line {
  message: string;
  fields: Record<string, unknown>;
}

interface AuditEvent {
  auditID: string;
  annotations?: Record<string, string>;
  objectRef?: { resource: string; name: string; subresource?: string };
  verb: string;
}

describe("the logs", () => {
  let bed: Testbed;
  let lines: Line[];

  before(async () => {
    lines = [];
    bed = await startTestbed({
      onLog: (_level, fields, message) => void lines.push({ message, fields: { ...fields } }),
    });
    const write = ["create", "secret", "generic", "token", "-n", "demo", `--from-literal=pw=${PAYLOAD}`];
    const blocked = bed.start("agent", write);
    const approval = await bed.pending("token");
    await bed.decide(approval, "Approve", `said ${PAYLOAD}`);
    expect(await blocked.ended).to.include({ code: 0 });
  });
  after(() => bed?.stop());

  const said = (message: string, fits: (fields: Record<string, unknown>) => unknown = () => true) =>
    lines.filter((line) => line.message === message && fits(line.fields)).map(({ fields }) => fields);

  /** The API server may log an answer after it has given it. */
  async function audit(fits: (event: AuditEvent) => boolean): Promise<AuditEvent> {
    for (;;) {
      const log = await readFile(join(bed.controlPlane.directory, "logs", "audit.log"), "utf8");
      // Without the line that is being written.
      const events = log.split("\n").slice(0, -1);
      const found = events.map((line) => JSON.parse(line) as AuditEvent).find(fits);
      if (found !== undefined) return found;
      await delay(100);
    }
  }

  it("name the same record and approval for the write", async () => {
    const [review] = said("review", ({ name, answer }) => name === "token" && answer === "allowed");
    const { annotations } = await audit(
      ({ objectRef, annotations: found }) =>
        objectRef?.resource === "secrets" && found?.[`${WEBHOOK}/record`] === String(review?.["record"]),
    );
    expect(annotations?.[`${WEBHOOK}/approval`]).to.equal(review?.["approval"]);
    const record = ["get", "--raw", `/apis/hoop.dev/v1alpha1/namespaces/demo/records/${review?.["record"]}`];
    const { spec } = JSON.parse(await bed.must("human", record));
    expect(spec.target).to.include({ resource: "secrets", name: "token" });
  });

  it("name the same request for the decision", async () => {
    const [decision] = said("decision", ({ dryRun }) => dryRun === false);
    expect(decision).to.include({ user: "approver", verdict: "Approve", outcome: "decided" });
    const { objectRef, verb } = await audit(({ auditID }) => auditID === decision?.["auditID"]);
    expect(objectRef).to.include({ resource: "approvals", subresource: "approval" });
    expect(verb).to.equal("patch");
  });

  it("tell who was told of it, and keep what it carried to themselves", async () => {
    const [{ approval } = { approval: "" }] = said("decision");
    const told = () => said("told", (fields) => fields["approval"] === approval);
    while (told().length === 0) await delay(100);
    expect(told()).to.deep.include({ channel: "events", moment: "pending", approval });
    const text = JSON.stringify(lines);
    expect(text).to.not.contain(PAYLOAD);
    expect(text).to.not.contain(Buffer.from(PAYLOAD).toString("base64"));
  });
});

const WEBHOOK = "agents-are-refused-while-hoop-is-unreachable.hoop.dev";
