/** The webhook's endpoints over real sockets, as kube-apiserver and others would call them. */

import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:http2";
import { Agent, request as https } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { certificatesIn } from "#certs/ca.ts";
import { type Certificates, servingCertificate } from "#certs/directory.ts";
import { serviceNames } from "#certs/leaf.ts";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import { type Listening, listen } from "#kit/listen.ts";
import { webhookHandler } from "#webhook/server.ts";
import { NO_AUDIT } from "../../support/audit-events.ts";
import { podCreate, request, user } from "../../support/reviews.ts";
import { World } from "../../support/world.ts";
import { written } from "../../support/written.ts";

interface Call {
  method?: string;
  path: string;
  body?: string;
  /** Left out: the API server's. Null: none. */
  certificate?: { certificate: string; key: string } | null;
}

interface Reply {
  code: number;
  type: string;
  text: string;
}

type Send = (port: number, call: Call, signal?: AbortSignal) => Promise<Reply>;

const SECRET = "4f1d0c6a9be27853d4f1d0c6a9be2785";

let directory: string;
let ours: Certificates;
let foreign: Certificates;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "hoop-webhook-"));
  const names = serviceNames("hoop", "hoop-system", true);
  ours = await servingCertificate(join(directory, "ours"), names);
  foreign = await servingCertificate(join(directory, "foreign"), names);
});
after(() => rm(directory, { recursive: true }));

const pair = ({ certificate = ours.client }: Call) =>
  certificate === null ? {} : { cert: certificate.certificate, key: certificate.key };

const overHttp1: Send = async (port, call, signal) => {
  const agent = new Agent({ keepAlive: false, ca: ours.caBundle, ...pair(call) });
  const { method = "POST", path, body } = call;
  const sent = https({
    host: "127.0.0.1",
    servername: "localhost",
    port,
    method,
    path,
    agent,
    ...(signal && { signal }),
  });
  // An answer may come before the whole body is sent; what becomes of the rest is no matter.
  sent.on("error", () => undefined);
  sent.end(body);
  const [response] = await once(sent, "response");
  return { code: response.statusCode, type: response.headers["content-type"], text: await text(response) };
};

const overHttp2: Send = async (port, call, signal) => {
  const session = connect(`https://localhost:${port}`, { ca: ours.caBundle, ...pair(call) });
  try {
    const { method = "POST", path, body } = call;
    const stream = session.request({ ":method": method, ":path": path }, { ...(signal && { signal }) });
    stream.on("error", () => undefined);
    stream.end(body);
    const [headers] = await once(stream, "response", signal && { signal });
    const code = Number(headers[":status"]);
    return { code, type: String(headers["content-type"]), text: await text(stream) };
  } finally {
    session.destroy();
  }
};

/** The request as kube-apiserver writes it. */
function admissionReview({ subresource, userInfo, ...rest }: AdmissionRequest): string {
  const extra = Object.fromEntries(userInfo.extra);
  const wire = { ...rest, subResource: subresource, userInfo: { ...userInfo, extra } };
  return JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request: wire });
}

const accessReview = (groups: string[], resourceAttributes: object) =>
  JSON.stringify({
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: { user: "bot", groups, resourceAttributes },
  });

const sized = (bytes: number) => {
  const review = admissionReview(podCreate("large"));
  return review + " ".repeat(bytes - Buffer.byteLength(review));
};

const statusIn = (response: JsonObject | undefined) => response?.["status"] as JsonObject;

const LIMIT = 16 * 1024 * 1024;

for (const [protocol, send] of Object.entries({ "HTTP/1.1": overHttp1, "HTTP/2": overHttp2 }))
  describe(`the webhook over ${protocol}`, () => {
    let world: World;
    let server: Listening;

    beforeEach(async () => {
      world = await World.begin();
      const { commonName } = ours.client;
      const authorities = [new X509Certificate(ours.clientAuthority)];
      server = await listen({
        key: ours.key,
        cert: ours.certificate,
        host: "127.0.0.1",
        port: 0,
        handler: webhookHandler({ ...world.ports, checkWritten: written, audit: NO_AUDIT }, () => ({
          mode: "client-certificate",
          authorities,
          commonName,
        })),
      });
    });
    afterEach(() => server.close(async () => world.ports.waiters.stop(), 0));

    const reviewed = async (path: string, body: string) => {
      const { code, type, text: said } = await send(server.port, { path, body });
      expect(code, said).to.equal(200);
      expect(type).to.equal("application/json");
      return JSON.parse(said) as {
        apiVersion: string;
        kind: string;
        response?: JsonObject;
        status?: JsonObject;
      };
    };

    it("answers what is allowed with its uid and the record in the audit annotations", async () => {
      const asked = podCreate("harmless", { containers: [{ name: "main", image: "app:1" }] });
      const { apiVersion, kind, response } = await reviewed("/validate?timeout=30s", admissionReview(asked));
      expect({ apiVersion, kind }).to.deep.equal({
        apiVersion: "admission.k8s.io/v1",
        kind: "AdmissionReview",
      });
      expect(response).to.deep.equal({
        uid: asked.uid,
        allowed: true,
        auditAnnotations: { record: "0", "record-0": "" },
      });
    });

    it("answers what is held with 429, the explanation, when to ask again, and the approval", async () => {
      const asked = podCreate("risky");
      const { response } = await reviewed("/validate?timeout=4s", admissionReview(asked));
      const approval = await world.only();
      const name = `${approval.metadata.namespace}/${approval.metadata.name}`;
      expect(response).to.deep.include({ uid: asked.uid, allowed: false });
      expect(response?.["auditAnnotations"]).to.deep.equal({ approval: name, record: "1", "record-1": name });
      const { message, ...status } = statusIn(response);
      expect(status).to.deep.equal({
        kind: "Status",
        apiVersion: "v1",
        status: "Failure",
        code: 429,
        reason: "TooManyRequests",
        details: { retryAfterSeconds: 1 },
      });
      expect(message).to.contain("HELD, not refused").and.to.contain(approval.metadata.name);
    });

    it("wakes at the decision, and answers 403 with the comment when it is a denial", async () => {
      const asked = podCreate("risky");
      const answer = reviewed("/validate?timeout=30s", admissionReview(asked));
      await world.untilSleeping(1);
      await world.decide(user("ann"), { verdict: "Deny", comment: "not on a Friday" });
      const { response } = await answer;
      const { code, reason, message, ...rest } = statusIn(response);
      expect([code, reason]).to.deep.equal([403, "Forbidden"]);
      expect(message).to.contain("denied by ann: not on a Friday");
      expect(rest).not.to.have.property("details");
    });

    it("frees the waiter of a client that hangs up, and keeps its approval", async () => {
      const gone = new AbortController();
      const answer = send(
        server.port,
        { path: "/validate?timeout=30s", body: admissionReview(podCreate("risky")) },
        gone.signal,
      );
      answer.catch(() => undefined);
      await world.untilSleeping(1);
      expect(world.ports.waiters.size).to.equal(1);
      gone.abort();
      for (let look = 0; look < 1000 && world.ports.waiters.size > 0; look++) await delay(10);
      expect(world.ports.waiters.size).to.equal(0);
      expect((await world.only()).status.phase).to.equal("Pending");
      expect(await world.admissions()).to.deep.equal([]);
    });

    it("sends who waits away, to ask again, when it stops", async () => {
      const answer = reviewed("/validate?timeout=30s", admissionReview(podCreate("risky")));
      await world.untilSleeping(1);
      const closed = server.close(async () => world.ports.waiters.stop(), 60_000);
      const { response } = await answer;
      expect(statusIn(response)["code"]).to.equal(429);
      await closed;
    });

    it("leaves people alone: allowed, and nothing is recorded", async () => {
      const asked = request({ userInfo: user("ann") });
      const { response } = await reviewed("/validate", admissionReview(asked));
      expect(response).to.deep.include({ uid: asked.uid, allowed: true });
    });

    it("stamps by JSON Patch, and gives no patch where nothing is to be stamped", async () => {
      const asked = podCreate("web");
      const { response } = await reviewed("/mutate", admissionReview(asked));
      expect(response).to.deep.include({ uid: asked.uid, allowed: true, patchType: "JSONPatch" });
      const patch = JSON.parse(Buffer.from(String(response?.["patch"]), "base64").toString());
      expect(patch.at(-1)).to.deep.equal({
        op: "add",
        path: "/metadata/annotations/hoop.dev~1agent",
        value: "ci-bot",
      });
      const deletion = request();
      const unpatched = await reviewed("/mutate", admissionReview(deletion));
      expect(unpatched.response).to.deep.equal({ uid: deletion.uid, allowed: true });
    });

    it("answers access reviews: denied with the rule, or without an opinion; never allowed", async () => {
      const secrets = { verb: "get", resource: "secrets" };
      const denied = await reviewed("/authorize", accessReview(["hoop:agents"], secrets));
      expect(denied).to.deep.include({ apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview" });
      expect(denied.status).to.deep.include({ allowed: false, denied: true });
      expect(denied.status?.["reason"]).to.contain("(rule secrets)");
      for (const [groups, attributes] of [
        [["hoop:agents"], { verb: "get", resource: "pods" }],
        [["people"], secrets],
      ] as const) {
        const { status } = await reviewed("/authorize", accessReview([...groups], attributes));
        expect(status).to.deep.equal({ allowed: false, denied: false });
      }
    });

    it("denies, under the request's uid, what it could not review", async () => {
      world.ports.store.commit = () => Promise.reject(new Error("the disk is full"));
      const asked = podCreate("harmless", { containers: [{ name: "main", image: "app:1" }] });
      const { response } = await reviewed("/validate", admissionReview(asked));
      expect(response).to.deep.include({ uid: asked.uid, allowed: false });
      expect(statusIn(response)).to.deep.include({ code: 500, reason: "InternalError" });
      expect(JSON.stringify(response)).not.to.contain("the disk is full");
    });

    const harmless = admissionReview(request({ userInfo: user("ann") }));
    const refused: Record<string, [number, () => Call]> = {
      "a caller without a certificate": [
        401,
        () => ({ path: "/validate", body: harmless, certificate: null }),
      ],
      "a caller with another installation's certificate": [
        401,
        () => ({ path: "/validate", body: harmless, certificate: foreign.client }),
      ],
      "a caller with our own serving certificate": [
        401,
        () => ({ path: "/validate", body: harmless, certificate: ours }),
      ],
      "a path beyond the endpoint": [401, () => ({ path: `/validate/${SECRET}`, body: harmless })],
      "an endpoint that does not exist": [404, () => ({ path: "/healthz", body: harmless })],
      "no endpoint at all": [404, () => ({ path: "/", body: harmless })],
      "a GET": [405, () => ({ method: "GET", path: "/validate" })],
      "a PUT": [405, () => ({ method: "PUT", path: "/authorize", body: harmless })],
      "what is not JSON": [400, () => ({ path: "/validate", body: "{" })],
      "an empty body": [400, () => ({ path: "/mutate", body: "" })],
      "an access review at the admission endpoint": [
        400,
        () => ({ path: "/validate", body: accessReview([], { verb: "get" }) }),
      ],
      "an admission review at the authorization endpoint": [
        400,
        () => ({ path: "/authorize", body: harmless }),
      ],
    };
    for (const [name, [code, call]] of Object.entries(refused))
      it(`refuses ${name} with ${code}, in plain text`, async () => {
        const reply = await send(server.port, call());
        expect(reply.code, reply.text).to.equal(code);
        expect(reply.type).to.equal("text/plain; charset=utf-8");
        expect(await world.entries()).to.deep.equal([]);
      });

    it("spends no approval, asks for none, and wakes nobody, for whom nobody vouches", async () => {
      const review = (name: string) => admissionReview(podCreate(name));
      await reviewed("/validate?timeout=4s", review("risky"));
      await world.decide(user("ann"), { verdict: "Approve" });
      const before = (await world.entries()).length;
      const others = [null, foreign.client, ours];
      for (const certificate of others)
        for (const body of [review("risky"), review("another")]) {
          const { code, text: said } = await send(server.port, {
            ...{ path: "/validate?timeout=30s", body, certificate },
          });
          expect(code, said).to.equal(401);
        }
      expect((await world.only()).status.phase).to.equal("Approved");
      expect(await world.entries()).to.have.length(before);
      const { response } = await reviewed("/validate?timeout=30s", review("risky"));
      expect(response).to.include({ allowed: true });
      expect((await world.only()).status.phase).to.equal("Used");
    });

    it("takes a review of 16 MiB, and not one byte more", async () => {
      const fits = await send(server.port, { path: "/mutate", body: sized(LIMIT) });
      expect(fits.code).to.equal(200);
      const tooLarge = await send(server.port, { path: "/mutate", body: sized(LIMIT + 1) });
      expect(tooLarge.code, tooLarge.text).to.equal(413);
    });
  });

describe("the webhook while the API server's authority is replaced", () => {
  it("believes both the old and the new one, and then the new one alone, on connections that stay open too", async () => {
    const world = await World.begin();
    const { commonName } = ours.client;
    const both = certificatesIn(`${foreign.clientAuthority}${ours.clientAuthority}`);
    let authorities = both;
    const server = await listen({
      key: ours.key,
      cert: ours.certificate,
      host: "127.0.0.1",
      port: 0,
      handler: webhookHandler({ ...world.ports, checkWritten: written, audit: NO_AUDIT }, () => ({
        mode: "client-certificate",
        authorities,
        commonName,
      })),
    });
    const body = admissionReview(podCreate("web"));
    const connected = ({ client: { certificate: cert, key } }: Certificates) =>
      connect(`https://localhost:${server.port}`, { ca: ours.caBundle, cert, key });
    const [oldOne, newOne] = [connected(ours), connected(foreign)];
    const codeOver = async (session: typeof oldOne) => {
      const stream = session.request({ ":method": "POST", ":path": "/mutate" });
      stream.end(body);
      const [headers] = await once(stream, "response");
      stream.resume();
      return headers[":status"];
    };
    expect([await codeOver(oldOne), await codeOver(newOne)]).to.deep.equal([200, 200]);
    authorities = both.slice(0, 1);
    expect([await codeOver(oldOne), await codeOver(newOne)]).to.deep.equal([401, 200]);
    for (const session of [oldOne, newOne]) session.close();
    await server.close(async () => world.ports.waiters.stop(), 1000);
  });
});

describe("the webhook behind an unguessable path", () => {
  let world: World;
  let server: Listening;

  before(async () => {
    world = await World.begin();
    const { key, certificate: cert } = ours;
    const handler = webhookHandler({ ...world.ports, checkWritten: written, audit: NO_AUDIT }, () => ({
      mode: "unguessable-path",
      secret: SECRET,
    }));
    server = await listen({ key, cert, host: "127.0.0.1", port: 0, handler });
  });
  after(() => server.close(async () => {}, 0));

  const body = () =>
    admissionReview(podCreate("harmless", { containers: [{ name: "main", image: "app:1" }] }));

  it("answers there, without a certificate, and records that nobody vouches for the caller", async () => {
    const path = `/validate/${SECRET}?timeout=30s`;
    const { code } = await overHttp1(server.port, { path, body: body(), certificate: null });
    expect(code).to.equal(200);
    const [admission] = await world.admissions();
    expect(admission?.caller).to.equal("unverified");
  });

  for (const path of ["/validate", "/validate/", `/validate/${"x".repeat(32)}`, `/validate/${SECRET}/x`])
    it(`refuses ${path} with 401, whatever certificate comes along`, async () => {
      const before = await world.entries();
      for (const certificate of [null, ours.client]) {
        const { code } = await overHttp1(server.port, { path, body: body(), certificate });
        expect(code).to.equal(401);
      }
      expect(await world.entries()).to.deep.equal(before);
    });
});
