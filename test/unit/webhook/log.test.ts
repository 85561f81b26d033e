/** What the webhook logs: enough to find a request in the ledger and the audit log, and nothing of what it carried. */
import { once } from "node:events";
import { request as https } from "node:https";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import { type Listening, listen } from "#kit/listen.ts";
import { webhookHandler } from "#webhook/server.ts";
import { NO_AUDIT } from "../../support/audit-events.ts";
import { agentUser, podCreate, request, user } from "../../support/reviews.ts";
import { World } from "../../support/world.ts";
import { written } from "../../support/written.ts";
import { authority } from "../kit/certificates.ts";

const SECRET = "4f1d0c6a9be27853d4f1d0c6a9be2785";
const PAYLOAD = "hunter2";

interface Line {
  level: string;
  message: string;
  fields: Record<string, unknown>;
}

const ca = authority("ca");

describe("the webhook's log", () => {
  let world: World;
  let server: Listening;
  let lines: Line[];

  beforeEach(async () => {
    lines = [];
    const at = (level: string) => (fields: object, message: string) =>
      void lines.push({ level, message, fields: { ...fields } });
    world = await World.begin();
    world.ports = { ...world.ports, log: { info: at("info"), warn: at("warn"), error: at("error") } };
    server = await listen({
      ...ca.issue({ commonName: "server", usage: "server", hosts: ["127.0.0.1"] }),
      host: "127.0.0.1",
      port: 0,
      handler: webhookHandler({ ...world.ports, checkWritten: written, audit: NO_AUDIT }, () => ({
        mode: "unguessable-path",
        secret: SECRET,
      })),
    });
  });
  afterEach(async () => {
    expect(JSON.stringify(lines)).to.not.contain(PAYLOAD);
    await server.close(async () => world.ports.waiters.stop(), 0);
  });

  async function post(endpoint: string, body: object | string): Promise<JsonObject> {
    const sent = https({
      host: "127.0.0.1",
      port: server.port,
      method: "POST",
      path: `/${endpoint}/${SECRET}?timeout=30s`,
      ca: ca.cert,
      agent: false,
    }).end(typeof body === "string" ? body : JSON.stringify(body));
    const [response] = await once(sent, "response");
    const said = await text(response);
    return response.statusCode === 200 ? JSON.parse(said) : { code: response.statusCode };
  }
  const review = ({ subresource, userInfo, ...rest }: AdmissionRequest) =>
    post("validate", {
      apiVersion: "admission.k8s.io/v1",
      kind: "AdmissionReview",
      request: {
        ...rest,
        subResource: subresource,
        userInfo: { ...userInfo, extra: Object.fromEntries(userInfo.extra) },
      },
    });
  const secret = (): AdmissionRequest =>
    request({
      kind: { group: "", version: "v1", kind: "ConfigMap" },
      resource: { group: "", version: "v1", resource: "configmaps" },
      operation: "CREATE",
      name: "settings",
      namespace: "demo",
      object: {
        metadata: { name: "settings", namespace: "demo", annotations: { "hoop.dev/reason": PAYLOAD } },
        data: { password: PAYLOAD },
      },
      options: { note: PAYLOAD },
    });

  it("has a line for each review: its uid, who, what, the answer, and the record it left", async () => {
    const asked = secret();
    const { response } = await review(asked);
    expect(response).to.deep.include({
      uid: asked.uid,
      allowed: true,
      auditAnnotations: { record: "0", "record-0": "" },
    });
    const [{ level, message, fields } = { fields: {} }, ...more] = lines;
    const { seconds, ...rest } = fields as Record<string, unknown>;
    expect({ level, message, more }).to.deep.equal({ level: "info", message: "review", more: [] });
    expect(seconds).to.be.a("number");
    expect(rest).to.deep.equal({
      uid: asked.uid,
      user: asked.userInfo.username,
      operation: "CREATE",
      resource: "configmaps",
      namespace: "demo",
      name: "settings",
      answer: "allowed",
      record: 0,
    });
  });

  it("names the approval of what is held, and not what a person said of it", async () => {
    const asked = podCreate("risky", { volumes: [{ name: PAYLOAD }] });
    const answer = review(asked);
    await world.untilSleeping(1);
    await world.decide(user("ann"), { verdict: "Deny", comment: PAYLOAD });
    await answer;
    const { metadata } = await world.only();
    const { fields } = lines.find(({ message }) => message === "review") ?? {};
    expect(fields).to.deep.include({ uid: asked.uid, answer: 403, approval: `demo/${metadata.name}` });
  });

  it("says of a request that could not be recorded which one it was", async () => {
    const asked = secret();
    await world.store.close();
    const { response } = await review(asked);
    expect(response).to.deep.include({ allowed: false });
    expect(lines.map(({ level }) => level)).to.deep.equal(["error"]);
    expect(lines[0]?.fields).to.include({ uid: asked.uid, user: asked.userInfo.username, name: "settings" });
  });

  it("says that something came which is no review, and repeats nothing of it", async () => {
    const bodies = [
      PAYLOAD,
      `{"kind":"${PAYLOAD}"}`,
      { apiVersion: "admission.k8s.io/v1", request: PAYLOAD },
    ];
    for (const body of bodies) expect(await post("validate", body)).to.deep.equal({ code: 400 });
    expect(lines.map(({ level }) => level)).to.deep.equal(["warn", "warn", "warn"]);
  });

  it("has a line for what authorization denies, and none for the rest", async () => {
    const { username, groups } = agentUser();
    const access = (attributes: object) =>
      post("authorize", {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: { user: username, groups, resourceAttributes: attributes },
      });
    await access({ verb: "get", resource: "secrets", namespace: "demo", name: "password" });
    await access({ verb: "get", resource: "pods", namespace: "demo" });
    expect(lines).to.have.length(1);
    expect(lines[0]?.fields).to.deep.include({
      user: username,
      verb: "get",
      resource: "secrets",
      namespace: "demo",
      name: "password",
      rule: "secrets",
    });
  });
});
