import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { callback } from "#notify/callback.ts";
import { type Moment, momentIn } from "#notify/moments.ts";
import { outbox } from "#notify/outbox.ts";
import { memoryStore } from "#store/memory.ts";
import { approval, instantClock, put, silent } from "./fixtures.ts";

const SECRET = `whsec_${Buffer.from("a secret of some length").toString("base64")}`;

interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

/** A receiver on loopback that answers with these codes in turn, then 204. */
async function receiver(...answers: number[]) {
  const received: Received[] = [];
  const server: Server = createServer(async (request, response) => {
    received.push({ headers: request.headers, body: await text(request) });
    const code = answers.shift() ?? 204;
    response.writeHead(code, code === 302 ? { location: "/elsewhere" } : {}).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

const pending: Moment = { kind: "pending", approval: approval("a"), time: "2026-01-02T03:04:05Z" };

describe("the callback", () => {
  it("is signed as Standard Webhooks says", async () => {
    const to = await receiver();
    await callback({ url: to.url, secret: SECRET, clock: instantClock(), log: silent })(pending);
    const [{ headers, body } = { headers: {}, body: "" }] = to.received;
    expect(headers["webhook-id"]).to.equal("msg_uid-of-a_pending");
    expect(headers["webhook-timestamp"]).to.equal(String(Date.UTC(2026, 0, 2, 3, 4, 5) / 1000));
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    const key = Buffer.from("a secret of some length");
    expect(headers["webhook-signature"]).to.equal(
      `v1,${createHmac("sha256", key).update(signed).digest("base64")}`,
    );
    await to.close();
  });

  it("signs with a secret that has no prefix as it is, and refuses an empty one", async () => {
    const to = await receiver();
    await callback({ url: to.url, secret: "plain", clock: instantClock(), log: silent })(pending);
    const [{ headers, body } = { headers: {}, body: "" }] = to.received;
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    expect(headers["webhook-signature"]).to.equal(
      `v1,${createHmac("sha256", "plain").update(signed).digest("base64")}`,
    );
    expect(() => callback({ url: to.url, secret: "whsec_", clock: instantClock(), log: silent })).to.throw(
      "empty",
    );
    await to.close();
  });

  it("tells who asks for what, and neither payload nor diff nor credential", async () => {
    const to = await receiver();
    await callback({ url: to.url, secret: SECRET, clock: instantClock(), log: silent })({
      kind: "denied",
      approval: approval("a", "Denied"),
      time: "2026-01-02T03:05:00Z",
    });
    expect(JSON.parse(to.received[0]?.body ?? "")).to.deep.equal({
      type: "approval.denied",
      timestamp: "2026-01-02T03:05:00Z",
      data: {
        approval: {
          namespace: "shop",
          name: "a",
          uid: "uid-of-a",
          phase: "Denied",
          expiresAt: "2026-01-02T04:04:05Z",
        },
        agent: { username: "bot", groups: ["hoop:agents"] },
        operation: "DELETE",
        target: {
          group: "apps",
          version: "v1",
          resource: "deployments",
          kind: "Deployment",
          namespace: "shop",
          name: "web",
        },
        rules: [{ name: "delete-workload", message: "it serves people" }],
        approvers: [{ groups: [], count: 1 }],
        decisions: [{ user: "ann", verdict: "Deny", groups: ["sre"], time: "2026-01-02T03:05:00Z" }],
      },
    });
    await to.close();
  });

  const answers: Record<string, { code: number; again: boolean }> = {
    "200 is delivered": { code: 200, again: false },
    "410 is left alone": { code: 410, again: false },
    "500 is tried again": { code: 500, again: true },
    "404 is tried again": { code: 404, again: true },
    "a redirect is not followed, and tried again": { code: 302, again: true },
  };
  for (const [name, { code, again }] of Object.entries(answers)) {
    it(name, async () => {
      const to = await receiver(code);
      const tell = callback({ url: to.url, secret: SECRET, clock: instantClock(), log: silent });
      const outcome = await tell(pending).then(
        () => "told",
        () => "again",
      );
      expect(outcome).to.equal(again ? "again" : "told");
      expect(to.received).to.have.length(1);
      await to.close();
    });
  }

  it("through the outbox: one for each moment, under one id however often it took, going on after a restart", async () => {
    const to = await receiver(503, 500, 204);
    const store = memoryStore();
    const clock = instantClock();
    const tell = callback({ url: to.url, secret: SECRET, clock, log: silent });
    const told: (() => void)[] = [];
    const nextTold = () => new Promise<void>((resolve) => told.push(resolve));
    const start = () =>
      outbox({
        store,
        name: "callback",
        prefix: "approvals/",
        clock,
        log: silent,
        async deliver(change, signal) {
          const moment = momentIn(change);
          if (moment === undefined) return;
          await tell(moment, signal);
          told.shift()?.();
        },
      });
    const first = await start();
    const delivered = nextTold();
    await put(store, approval("a"));
    await delivered;
    await first.stop();
    await put(store, approval("a", "Approved"));
    await put(store, approval("a", "Used"));
    await put(store, approval("b"));
    const both = Promise.all([nextTold(), nextTold()]);
    const second = await start();
    await both;
    await second.stop();
    await to.close();
    expect(to.received.map(({ headers }) => headers["webhook-id"])).to.deep.equal([
      ...Array<string>(3).fill("msg_uid-of-a_pending"),
      "msg_uid-of-a_approved",
      "msg_uid-of-b_pending",
    ]);
  });
});
