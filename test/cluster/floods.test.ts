/**
 * What anybody who reaches Hoop's ports may do to it. Hoop runs as shipped, in a process of its own; after each attack
 * it serves people, agents and the API server as before, and has not grown beyond what it is given.
 */
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { servingCertificate } from "#certs/directory.ts";
import { claimPort, releasePort } from "#controlplane/ports.ts";
import {
  endlessHeaders,
  floodUntilClosed,
  frame,
  openAndReset,
  openHttp2,
  PING,
  SETTINGS,
} from "../support/frames.ts";
import { type HoopProcess, startProcess } from "../support/hoop-process.ts";
import { memoryOf } from "../support/memory.ts";
import { asUserOf, type Caller, credentialsIn, type Identity, rawCaller } from "../support/raw.ts";
import { admissionReview, type ReviewClient, reviewClient } from "../support/review-client.ts";
import { request, user } from "../support/reviews.ts";
import { startTestbed, type Testbed } from "../support/testbed.ts";

/** MiB. deploy/base/statefulset.yaml gives it 512. */
const GIVEN = 350;
const MEBIBYTE = 1024 * 1024;

type Port = "webhook" | "api";
const PATHS: Record<Port, string> = { webhook: "/validate", api: "/apis/hoop.dev/v1alpha1/approvals" };

const harmless = () => admissionReview(request({ userInfo: user("ann") }));
const changed = (change: (review: { apiVersion: string; kind: string; request: object }) => object) =>
  JSON.stringify(change(JSON.parse(harmless())));
const accessReview = (apiVersion: string, spec: object) =>
  JSON.stringify({ apiVersion, kind: "SubjectAccessReview", spec: { user: "ann", ...spec } });
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
const AUTHORIZATION = "authorization.k8s.io/v1";

interface Bad {
  path?: string;
  body: string | Buffer;
  headers?: Record<string, string>;
  code: number;
}

const BAD_REVIEWS: Record<string, () => Bad> = {
  "a review that is cut off": () => ({ body: harmless().slice(0, -20), code: 400 }),
  "no body": () => ({ body: "", code: 400 }),
  "what is not JSON": () => ({ body: "\u0000\u0001", code: 400 }),
  "another kind": () => ({ body: changed((review) => ({ ...review, kind: "Pod" })), code: 400 }),
  "another version": () => ({
    body: changed((review) => ({ ...review, apiVersion: "admission.k8s.io/v1beta1" })),
    code: 400,
  }),
  "no uid": () => ({
    body: changed((review) => ({ ...review, request: { ...review.request, uid: "" } })),
    code: 400,
  }),
  "no request": () => ({ body: changed(({ apiVersion, kind }) => ({ apiVersion, kind })), code: 400 }),
  "a review nested 100,000 levels deep": () => ({ body: nested(100_000), code: 400 }),
  "an object nested 1,000 levels deep": () => ({
    body: changed((review) => ({
      ...review,
      request: { ...review.request, object: JSON.parse(nested(1000)) },
    })),
    code: 400,
  }),
  "an access review where an admission review is due": () => ({
    body: accessReview(AUTHORIZATION, {}),
    code: 400,
  }),
  "an admission review where an access review is due": () => ({
    path: "/authorize",
    body: harmless(),
    code: 400,
  }),
  "an access review of another version": () => ({
    path: "/authorize",
    body: accessReview("authorization.k8s.io/v1beta1", { resourceAttributes: {} }),
    code: 400,
  }),
  "an access review about nothing": () => ({
    path: "/authorize",
    body: accessReview(AUTHORIZATION, {}),
    code: 400,
  }),
  "an access review that is cut off": () => ({
    path: "/authorize",
    body: accessReview(AUTHORIZATION, { resourceAttributes: {} }).slice(0, -2),
    code: 400,
  }),
  "another content type": () => ({ body: harmless(), headers: { "content-type": "text/plain" }, code: 415 }),
  "a compressed body": () => ({
    body: gzipSync(harmless()),
    headers: { "content-encoding": "gzip" },
    code: 415,
  }),
  "a body of more than 16 MiB": () => ({ body: " ".repeat(16 * MEBIBYTE + 1), code: 413 }),
};

const json = { type: "application/merge-patch+json" };
const BAD_DECISIONS: Record<string, { type: string; body: string; code: number }> = {
  "a decision that is cut off": { ...json, body: '{"decision": {"verd', code: 400 },
  "a decision nested 100,000 levels deep": { ...json, body: nested(100_000), code: 400 },
  "a body of more than 3 MiB": { ...json, body: " ".repeat(3 * MEBIBYTE + 1), code: 413 },
  "another content type": { type: "text/plain", body: "Approve", code: 415 },
};

describe("floods", () => {
  let bed: Testbed;
  let hoop: HoopProcess;
  let web: number;
  let agent: Caller;
  let human: Caller;
  let apiServer: ReviewClient;
  let foreign: Identity;

  before(async () => {
    bed = await startTestbed();
    await bed.stopHoop();
    web = await claimPort();
    const { listen, ...settings } = parse(bed.settingsYaml) as { listen: object };
    hoop = await startProcess({
      ...bed,
      settingsYaml: stringify({ ...settings, listen: { ...listen, web } }),
    });
    agent = await asUserOf(bed.kubeconfig("agent"));
    human = await asUserOf(bed.kubeconfig("human"));
    apiServer = await reviewClient(bed.webhookPort, bed.certificates);
    const elsewhere = await servingCertificate(join(bed.certificates, "..", "elsewhere"), {
      dns: ["x"],
      ips: [],
    });
    foreign = { cert: elsewhere.client.certificate, key: elsewhere.client.key };
  });
  after(async () => {
    apiServer?.close();
    hoop?.child.kill("SIGKILL");
    await hoop?.ended;
    await bed?.stop();
    if (web !== undefined) await releasePort(web);
  });

  const portOf = (port: Port) => (port === "webhook" ? bed.webhookPort : bed.apiPort);

  /** An agent's write, a person's read, and a review on a connection that the API server has had all the time. */
  async function serves(): Promise<void> {
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "after-a-flood-" } };
    const written = await agent({
      method: "POST",
      path: "/api/v1/namespaces/demo/configmaps?dryRun=All",
      body,
    });
    expect(written.code, written.text).to.equal(201);
    const listed = await human({ path: "/apis/hoop.dev/v1alpha1/approvals" });
    expect(listed.code, listed.text).to.equal(200);
    expect(await apiServer.review(request({ userInfo: user("ann") }))).to.deep.include({ allowed: true });
    expect((await fetch(`http://127.0.0.1:${web}/livez`)).status).to.equal(200);
  }

  /** The API server may have to connect anew. */
  async function takesNewConnections(): Promise<void> {
    const another = await reviewClient(bed.webhookPort, bed.certificates);
    expect(await another.review(request({ userInfo: user("ann") }))).to.deep.include({ allowed: true });
    another.close();
  }

  afterEach("everybody is served as before, and memory is bounded", async () => {
    await serves();
    await takesNewConnections();
    const { most } = memoryOf(hoop.child.pid ?? 0);
    expect(most).to.be.greaterThan(0).and.lessThan(GIVEN);
  });

  describe("of connections", () => {
    const crowd: (Socket | ClientHttp2Session)[] = [];
    afterEach(() => {
      for (const one of crowd.splice(0)) one.destroy();
    });

    for (const [port, count] of [
      ["webhook", 10_000],
      ["api", 2_000],
      ["web", 2_000],
    ] as const)
      it(`${count} that never say a word, at the ${port}'s port: the others are served meanwhile`, async () => {
        const to = port === "web" ? web : portOf(port);
        const tried = Array.from({ length: count }, async () => {
          const socket = connectTcp({ host: "127.0.0.1", port: to });
          crowd.push(socket.on("error", () => undefined));
          await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
        });
        await Promise.all(tried);
        await serves();
        await takesNewConnections();
      });

    for (const port of ["webhook", "api"] as const)
      it(`400 finished handshakes of nobody, at the ${port}'s port: only so many stay`, async () => {
        let open = 0;
        for (let n = 0; n < 400; n++) {
          const session = connectHttp2(`https://127.0.0.1:${portOf(port)}`, {
            rejectUnauthorized: false,
            ...foreign,
          });
          crowd.push(session.on("error", () => undefined));
          session.once("close", () => {
            open -= 1;
          });
          await new Promise((resolve) => session.once("connect", resolve).once("close", resolve));
          open += 1;
        }
        await serves();
        await takesNewConnections();
        expect(open).to.be.lessThan(250);
      });
  });

  for (const port of ["webhook", "api"] as const)
    describe(`at the ${port}'s port`, () => {
      it("callers whom nobody vouches for are refused with 401, over HTTP/1.1 and HTTP/2", async () => {
        for (const identity of [{}, foreign]) {
          const call = rawCaller(portOf(port), identity);
          expect((await call({ method: "POST", path: PATHS[port], body: harmless() })).code).to.equal(401);
          const session = connectHttp2(`https://127.0.0.1:${portOf(port)}`, {
            rejectUnauthorized: false,
            ...identity,
          });
          const stream = session.request({ ":method": "POST", ":path": PATHS[port] });
          stream.end(harmless());
          const [headers] = await once(stream, "response");
          expect(headers[":status"]).to.equal(401);
          session.destroy();
        }
      });

      it("streams that are opened and reset (CVE-2023-44487): the connection is closed", async () => {
        const resets = function* () {
          for (let n = 0; n < 50_000; n++) yield openAndReset(2 * n + 1, PATHS[port]);
        };
        await floodUntilClosed(await openHttp2(portOf(port)), resets());
      });

      it("headers that never end: the connection is closed", async () => {
        await floodUntilClosed(await openHttp2(portOf(port)), [endlessHeaders(PATHS[port], 20_000)]);
      });

      for (const [name, one] of Object.entries({
        settings: frame(SETTINGS, 0, 0, Buffer.from([0, 4, 0, 0, 255, 255])),
        pings: frame(PING, 0, 0, Buffer.alloc(8)),
      }))
        it(`a flood of ${name} whose answers nobody reads`, async () => {
          const socket = await openHttp2(portOf(port));
          socket.pause();
          const many = Buffer.concat(Array.from({ length: 1000 }, () => one));
          for (let n = 0; n < 200 && !socket.destroyed; n++) socket.write(many);
          await serves();
          socket.destroy();
        });

      it("headers of more than a mebibyte: 431, or over HTTP/2 no answer", async () => {
        const socket = connectTls({ host: "127.0.0.1", port: portOf(port), rejectUnauthorized: false });
        await once(socket, "secureConnect");
        socket.write(`GET ${PATHS[port]} HTTP/1.1\r\nHost: x\r\nx: ${"a".repeat(2 * MEBIBYTE)}\r\n\r\n`);
        const [said] = await once(socket, "data");
        expect(String(said)).to.match(/^HTTP\/1.1 431 /);
        socket.destroy();
        const session = connectHttp2(`https://127.0.0.1:${portOf(port)}`, {
          rejectUnauthorized: false,
          maxSendHeaderBlockLength: 4 * MEBIBYTE,
        });
        session.on("error", () => undefined);
        const large = Object.fromEntries(
          Array.from({ length: 40 }, (_, n) => [`x-${n}`, "a".repeat(50_000)]),
        );
        const stream = session.request({ ":path": PATHS[port], ...large });
        const answered: unknown[] = [];
        stream.on("response", (headers) => answered.push(headers[":status"])).on("error", () => undefined);
        await new Promise((resolve) => stream.once("close", resolve));
        expect(answered).to.deep.equal([]);
        session.destroy();
      });
    });

  describe("of the API server's own making", () => {
    for (const [name, bad] of Object.entries(BAD_REVIEWS))
      it(`${name}: a clear refusal`, async () => {
        const { path = "/validate", body, headers = {}, code } = bad();
        const refused = await apiServer.post(`${path}?timeout=30s`, body, headers);
        expect(refused.code, refused.text).to.equal(code);
        expect(refused.text).to.match(/^[\w ./,-]+\n$/);
      });

    it("a body shorter than announced: no review of it", async () => {
      const half = harmless();
      const headers = { "content-length": String(2 * half.length) };
      const outcome = await apiServer.post("/validate", half, headers).catch((error: Error) => error);
      expect(outcome).to.be.an("error");
    });

    it("32 reviews of 8 MiB at once: each is answered, and few are in memory at a time", async () => {
      const review = harmless();
      const body = review + " ".repeat(8 * MEBIBYTE - review.length);
      const headers = { "content-length": String(body.length) };
      const answers = await Promise.all(
        Array.from({ length: 32 }, () => apiServer.post("/validate", body, headers)),
      );
      expect(new Set(answers.map(({ code }) => code))).to.deep.equal(new Set([200]));
    });

    for (const [name, { type, body, code }] of Object.entries(BAD_DECISIONS))
      it(`at the api's port, ${name}: a clear refusal`, async () => {
        const { identity } = await credentialsIn(bed.kubeconfig("human"));
        const path = "/apis/hoop.dev/v1alpha1/namespaces/demo/approvals/none/approval";
        const refused = await rawCaller(bed.apiPort, identity)({ method: "PATCH", path, type, body });
        expect(refused.code, refused.text).to.equal(code);
        expect(JSON.parse(refused.text)).to.deep.include({ kind: "Status", status: "Failure" });
      });
  });
});
