/** Being told, as a receiver of callbacks sees it: signed, once for each approval and decision, and again where it failed. */
import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { startTestbed, type Testbed } from "../support/testbed.ts";

interface Told {
  type: string;
  data: {
    approval: { name: string; namespace: string; phase: string };
    agent: { username: string };
    decisions: { user: string; verdict: string; comment?: string }[];
  };
}

interface Attempt {
  headers: IncomingHttpHeaders;
  body: string;
  answered: number;
}

describe("a callback", () => {
  const key = randomBytes(32);
  const attempts: Attempt[] = [];
  const failing = new Set<string>();
  let down = false;
  let bed: Testbed;
  let directory: string;
  const receiver = createServer(async (request, response) => {
    const body = await text(request);
    const { type } = JSON.parse(body) as Told;
    // Fails the first attempt at each type it is told to fail.
    const answered = down || failing.delete(type) ? 500 : 204;
    attempts.push({ headers: request.headers, body, answered });
    response.writeHead(answered).end();
  });

  before(async () => {
    receiver.listen(0, "127.0.0.1");
    await once(receiver, "listening");
    directory = await mkdtemp(join(tmpdir(), "hoop-callback-"));
    const secretFile = join(directory, "secret");
    await writeFile(secretFile, `whsec_${key.toString("base64")}\n`);
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
    bed = await startTestbed({ settings: { callback: { url, secretFile } } });
  });
  after(async () => {
    await bed?.stop();
    receiver.close();
    receiver.closeAllConnections();
    await rm(directory, { recursive: true });
  });

  const told = (): Told[] =>
    attempts.filter(({ answered }) => answered === 204).map(({ body }) => JSON.parse(body) as Told);
  const typesFor = (name: string) =>
    told().flatMap(({ type, data }) => (data.approval.name === name ? [type] : []));
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await delay(50);
  };
  const untilTold = (name: string, type: string) => until(() => typesFor(name).includes(type));

  it("comes once for an approval and once for its decision, from whom, about whom, and signed", async () => {
    await bed.must("human", ["create", "namespace", "prod"]);
    const blocked = bed.start("agent", ["delete", "namespace", "prod", "--wait=false"]);
    const approval = await bed.pending("prod");
    const { name } = approval.metadata;
    await untilTold(name, "approval.pending");
    await bed.decide(approval, "Approve", "CHG-12");
    expect((await blocked.ended).code).to.equal(0);
    await untilTold(name, "approval.approved");
    // The next one is told after everything before it.
    const next = bed.start("agent", ["delete", "namespace", "demo", "--wait=false"]);
    const other = await bed.pending("demo");
    await untilTold(other.metadata.name, "approval.pending");
    await bed.decide(other, "Deny", "not today");
    await next.ended;
    await untilTold(other.metadata.name, "approval.denied");
    expect(typesFor(name)).to.deep.equal(["approval.pending", "approval.approved"]);
    expect(typesFor(other.metadata.name)).to.deep.equal(["approval.pending", "approval.denied"]);

    const decided = told().find(({ type }) => type === "approval.approved");
    expect(decided?.data.agent.username).to.equal("agent");
    expect(decided?.data.approval).to.include({ namespace: "hoop-system", phase: "Approved" });
    expect(decided?.data.decisions[0]).to.include({
      user: "approver",
      verdict: "Approve",
      comment: "CHG-12",
    });
    for (const { headers, body } of attempts) {
      const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
      const signature = createHmac("sha256", key).update(signed).digest("base64");
      expect(headers["webhook-signature"]).to.equal(`v1,${signature}`);
    }
  });

  it("comes again under the same id when the receiver failed, and Hoop does not wait for it", async () => {
    failing.add("approval.pending");
    failing.add("approval.denied");
    const blocked = bed.start("agent", ["delete", "namespace", "kube-node-lease", "--wait=false"]);
    const approval = await bed.pending("kube-node-lease");
    await bed.decide(approval, "Deny", "never");
    expect((await blocked.ended).output).to.contain("never");
    const { name } = approval.metadata;
    await untilTold(name, "approval.denied");
    expect(typesFor(name)).to.deep.equal(["approval.pending", "approval.denied"]);
    const ids = attempts
      .filter(({ body }) => body.includes(name))
      .map(({ headers, answered }) => [headers["webhook-id"], answered]);
    const { uid } = approval.metadata;
    expect(ids).to.deep.equal([
      [`msg_${uid}_pending`, 500],
      [`msg_${uid}_pending`, 204],
      [`msg_${uid}_denied`, 500],
      [`msg_${uid}_denied`, 204],
    ]);
  });

  it("comes after a restart for what happened right before it", async () => {
    down = true;
    const blocked = bed.start("agent", ["create", "clusterrole", "late", "--verb=get", "--resource=pods"]);
    const { metadata } = await bed.pending("late");
    await until(() => attempts.some(({ body }) => body.includes(metadata.name)));
    await bed.stopHoop();
    expect(typesFor(metadata.name)).to.deep.equal([]);
    down = false;
    await bed.startHoop();
    await untilTold(metadata.name, "approval.pending");
    blocked.child.kill("SIGINT");
    await blocked.ended;
    expect(typesFor(metadata.name)).to.deep.equal(["approval.pending"]);
  });
});
