/** The endpoint for audit events: what it takes, what it answers, and that reviews never wait for it. */
import { once } from "node:events";
import { request as https } from "node:https";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import type { EventList } from "#core/audit/event.ts";
import { type Listening, listen } from "#kit/listen.ts";
import type { AuditSink } from "#webhook/audit.ts";
import { webhookHandler } from "#webhook/server.ts";
import { auditEvent, eventList } from "../../support/audit-events.ts";
import { podCreate } from "../../support/reviews.ts";
import { World } from "../../support/world.ts";
import { written } from "../../support/written.ts";
import { authority } from "../kit/certificates.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
const ca = authority("ca");

describe("the webhook's endpoint for audit events", () => {
  let world: World;
  let server: Listening;
  let taken: EventList[];
  let take: AuditSink["take"];

  beforeEach(async () => {
    world = await World.begin();
    taken = [];
    take = async (list) => taken.push(list);
    server = await listen({
      ...ca.issue({ commonName: "server", usage: "server", hosts: ["127.0.0.1"] }),
      host: "127.0.0.1",
      port: 0,
      handler: webhookHandler(
        { ...world.ports, checkWritten: written, audit: { take: (list) => take(list) } },
        () => ({ mode: "unguessable-path", secret: SECRET }),
      ),
    });
  });
  afterEach(() => server.close(async () => world.ports.waiters.stop(), 0));

  async function post(path: string, body: string): Promise<{ code: number | undefined; said: string }> {
    const to = {
      host: "127.0.0.1",
      port: server.port,
      method: "POST",
      path,
      ca: ca.cert,
      agent: false,
    } as const;
    const sent = https(to);
    // An answer may come before the whole body is sent; what becomes of the rest is no matter.
    sent.on("error", () => undefined);
    sent.end(body);
    const [response] = await once(sent, "response");
    return { code: response.statusCode, said: await text(response) };
  }
  const audit = (body: string) => post(`/audit/${SECRET}`, body);

  it("takes an EventList, and answers once it is kept", async () => {
    expect(await audit(JSON.stringify(eventList(auditEvent(), auditEvent())))).to.deep.equal({
      code: 200,
      said: '{"entries":1}',
    });
    expect(taken.map(({ events }) => events.length)).to.deep.equal([2]);
  });

  it("answers with an error where it could not be kept, so that it comes again", async () => {
    take = () => Promise.reject(new Error("the store is lost"));
    expect((await audit(JSON.stringify(eventList(auditEvent())))).code).to.equal(500);
  });

  it("loses no event of a list because another is nested a hundred thousand levels deep", async () => {
    const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
    const [before = "", after = ""] = JSON.stringify(
      eventList(auditEvent(), auditEvent({ requestObject: "HERE" }), auditEvent()),
    ).split('"HERE"');
    expect((await audit(before + deep + after)).code).to.equal(200);
    expect(taken[0]?.events.map(({ truncated }) => truncated)).to.deep.equal([false, true, false]);
  });

  const REFUSED: Record<string, [body: string, code: number, says: string]> = {
    "no JSON": ['{"items": [hunter2', 400, "the body is not JSON\n"],
    nothing: ["", 400, "the body is not JSON\n"],
    "a list": ["[]", 400, "the body is not a JSON object\n"],
    "a review": [
      JSON.stringify({ kind: "AdmissionReview" }),
      400,
      "the body is not an EventList of audit.k8s.io/v1\n",
    ],
    "more than 16 MiB": [" ".repeat(16 * 1024 * 1024 + 1), 413, "the body is larger than 16 MiB\n"],
  };
  for (const [name, [body, code, said]] of Object.entries(REFUSED))
    it(`refuses ${name} with ${code}, and does not quote it`, async () => {
      expect(await audit(body)).to.deep.equal({ code, said });
      expect(taken).to.deep.equal([]);
    });

  it("refuses whoever is not the API server", async () => {
    for (const path of ["/audit", `/audit/${"x".repeat(32)}`])
      expect((await post(path, JSON.stringify(eventList(auditEvent())))).code).to.equal(401);
    expect(taken).to.deep.equal([]);
  });

  it("keeps no review waiting, however many lists are there and however long they take", async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    take = () => promise;
    const large = JSON.stringify(
      eventList(auditEvent({ requestObject: { a: "x".repeat(3 * 1024 * 1024) } })),
    );
    const lists = [audit(large), audit(large), audit(large)];
    const asked = podCreate("harmless", { containers: [{ name: "main", image: "app:1" }] });
    const { subresource, userInfo, ...rest } = asked;
    const request = { ...rest, subResource: subresource, userInfo: { ...userInfo, extra: {} } };
    const body = JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request });
    const { code, said } = await post(`/validate/${SECRET}?timeout=30s`, body);
    expect({ code, allowed: JSON.parse(said).response.allowed }).to.deep.equal({ code: 200, allowed: true });
    resolve(0);
    expect((await Promise.all(lists)).map((one) => one.code)).to.deep.equal([200, 200, 200]);
  });
});
