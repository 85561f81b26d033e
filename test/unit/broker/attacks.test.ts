/** What an agent may try against its own session: each of these once showed, did or hid something. */
import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { putApproval } from "#core/hold/rows.ts";
import type { Entry } from "#core/ledger/entry.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { knownValues, REPLACEMENT } from "#core/mask/values.ts";
import { decided, pending } from "#core/transitions.ts";
import { type Bed, EMPTY, json, KNOWN, startBed } from "./bed.ts";

const MAPS = "/api/v1/namespaces/demo/configmaps";
const POD = "/api/v1/namespaces/demo/pods/x";
const JSON_PATCH = "application/json-patch+json";

describe("an agent that attacks its session", () => {
  let bed: Bed;
  beforeEach(async () => {
    bed = await startBed();
  });
  afterEach(() => bed.close());

  const call = (below: string, headers: Record<string, string> = {}, method = "GET") =>
    bed.call(`${bed.path}${below}`, headers, method);

  /** As HTTP/1.1, with a body. */
  async function sent(method: string, below: string, type: string, body: string): Promise<string> {
    const head = [
      `${method} ${bed.path}${below} HTTP/1.1`,
      ...["Host: x", "User: ann", "Connection: close"],
      ...[`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`],
    ];
    return bed.answerTo(`${head.join("\r\n")}\r\n\r\n${body}`);
  }

  /** All that lies in the ledger, payloads too. */
  async function ledger(): Promise<string> {
    const entries = await bed.entries();
    const payloads = await Promise.all(
      entries.map(async (_: Entry, index) => {
        const payload = await bed.broker.store.payload(index);
        const text = payload instanceof Uint8Array ? unsealPayload(payload) : undefined;
        return text instanceof Uint8Array ? Buffer.from(text).toString() : "";
      }),
    );
    return [...entries.map((entry) => JSON.stringify(entry)), ...payloads].join("\n");
  }

  describe("cannot have a value moved to where it is not known as one,", () => {
    for (const op of ["copy", "move"])
      for (const type of [JSON_PATCH, `${JSON_PATCH}; charset=utf-8`, JSON_PATCH.toUpperCase()])
        it(`by ${op} in ${type}`, async () => {
          const patch = [{ op, from: "/spec/containers/0/env/0/value", path: "/metadata/annotations/x" }];
          expect(await sent("PATCH", POD, type, JSON.stringify(patch))).to.match(/^HTTP\/1\.1 4\d\d /);
          expect(bed.arrived).to.deep.equal([]);
        });

    it("while other JSON patches go through", async () => {
      const patch = JSON.stringify([{ op: "add", path: "/metadata/labels/a", value: "move" }]);
      expect(await sent("PATCH", POD, JSON_PATCH, patch)).to.match(/^HTTP\/1\.1 200 /);
      expect(bed.arrived.map(({ body }) => body)).to.deep.equal([patch]);
    });
  });

  it("cannot make a request wait by a name that reads like a hold", async () => {
    const metadata = { name: "a", namespace: "demo", uid: "a1" };
    const spec = { agent: { username: "a", groups: [] }, approvers: [{ groups: [], count: 1 }] };
    const approval = pending(metadata, spec as never, bed.clock.now(), 3600);
    const denied = decided(approval, { user: "p", verdict: "Deny", groups: [] }, bed.clock.now(), 60);
    const stored = { approval: denied, intent: "", namespaceUid: "ns-1", approvedSeconds: 60 };
    await bed.broker.store.commit(putApproval(stored as never, 0));
    const name = "hoop: HELD, not refused. approval=a namespace=demo x";
    const message = `configmaps "${name}" is forbidden: User "system:serviceaccount:work:bot" cannot get resource`;
    bed.behind.answer = (_request, response) =>
      bed.arrived.length < 20
        ? json(response, { kind: "Status", code: 403, message }, 403)
        : json(response, EMPTY);
    const { status } = await call(`${MAPS}/${encodeURIComponent(name)}`);
    expect([status, bed.arrived.length < 5]).to.deep.equal([403, true]);
  });

  describe("is shown no value", () => {
    const inForms = [KNOWN, Buffer.from(KNOWN).toString("base64"), encodeURIComponent(KNOWN)];
    const status = (message: string, more: object = {}) => ({
      ...{ kind: "Status", apiVersion: "v1", status: "Failure", reason: "Invalid", code: 422, message },
      ...more,
    });
    const ERRORS: Readonly<Record<string, (text: string) => object>> = {
      "the message of an error": (text) => status(`spec.x: Invalid value: "${text}"`),
      "its causes": (text) =>
        status("no", { details: { causes: [{ message: `Invalid value: "${text}"`, field: "x" }] } }),
      "what it quotes as Go writes it": (text) =>
        status(`Invalid value: core.EnvVar{Name:"A", Value:"${text}"}`),
      "the cells of a Table": (text) => ({ kind: "Table", rows: [{ cells: ["a", text], object: {} }] }),
      "an Event": (text) => ({
        kind: "Event",
        metadata: { name: "e" },
        message: `cannot log in with ${text}`,
      }),
      "an annotation that is called kind": (text) => ({
        kind: "ConfigMap",
        metadata: { name: "a", annotations: { kind: text, apiVersion: text } },
      }),
      "data that are called kind": (text) => ({ kind: "ConfigMap", data: { kind: text, apiVersion: text } }),
      "members of what is called metadata but is none": (text) => ({
        kind: "Thing",
        apiVersion: "example.com/v1",
        spec: { metadata: { continue: text, uid: text, resourceVersion: text } },
      }),
      "the deleted Secret itself": (text) => ({
        kind: "Secret",
        metadata: { name: "a", finalizers: ["x"], annotations: { note: text } },
        data: { a: Buffer.from(text).toString("base64") },
      }),
      "an object that kubectl applied": (text) => ({
        kind: "Deployment",
        metadata: {
          annotations: {
            "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({
              env: [{ name: "A", value: text }],
            }),
          },
        },
      }),
    };
    for (const [where, made] of Object.entries(ERRORS))
      it(`in ${where}`, async () => {
        for (const text of inForms) {
          bed.behind.answer = (_request, response) => json(response, made(text), 422);
          const { text: shown } = await call(MAPS);
          expect(shown).to.contain("[masked: ").and.not.contain(text);
        }
      });

    it("in what the API server says before it looks at any object", async () => {
      bed.behind.answer = (_request, response) => {
        response.writeHead(400, { "Content-Type": "text/plain; charset=utf-8" });
        response.end(`cannot decode ${KNOWN}`);
      };
      expect((await call(MAPS)).text).to.equal(`cannot decode ${REPLACEMENT}`);
    });

    it("in a warning, nor in a header that nobody expects", async () => {
      bed.behind.answer = (_request, response) => {
        response.setHeader("Warning", [`299 - "env A is ${KNOWN}"`, '299 - "mind the gap"']);
        response.setHeader("X-Debug", KNOWN);
        response.setHeader("Www-Authenticate", 'Basic realm="x"');
        response.writeHead(200, { "Content-Type": "application/json" });
        response.end(JSON.stringify(EMPTY));
      };
      const { headers } = await call(MAPS);
      expect(JSON.stringify(headers)).to.not.contain(KNOWN);
      expect(String(headers["warning"])).to.contain("mind the gap");
      expect(headers).to.not.have.any.keys("x-debug", "www-authenticate");
    });

    it("that is compressed though nobody asked for it", async () => {
      bed.behind.answer = (_request, response) => {
        response.writeHead(200, { "Content-Type": "application/json", "Content-Encoding": "gzip" });
        response.end(gzipSync(JSON.stringify({ kind: "ConfigMap", data: { a: KNOWN } })));
      };
      const { status: code } = await call(MAPS);
      expect(code).to.be.at.least(500);
    });

    it("that is written with JSON's escapes", async () => {
      const letters = [...KNOWN].map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);
      const forms = [KNOWN.replace("-", "\\u002d"), KNOWN.replace("-", "\\u002D"), letters.join("")];
      for (const form of forms)
        for (const query of ["", "/x", "?watch=1"]) {
          const object = `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"},"data":{"a":"${form}"}}`;
          const list = `{"kind":"ConfigMapList","apiVersion":"v1","metadata":{},"items":[${object}]}`;
          const event = `{"type":"ADDED","object":${object}}\n`;
          bed.behind.answer = (_request, response) => {
            response.writeHead(200, { "Content-Type": "application/json" });
            response.end(query === "" ? list : query === "/x" ? object : event);
          };
          const { text } = await call(`${MAPS}${query}`);
          expect(text).to.contain(REPLACEMENT).and.not.contain(form);
        }
    });

    it("of members that stand twice in an object", async () => {
      bed.behind.answer = (_request, response) => {
        response.writeHead(200, { "Content-Type": "application/json" });
        response.end(`{"kind":"ConfigMap","data":{"a":"${KNOWN}"},"data":{"a":"b"}}`);
      };
      expect((await call(MAPS)).text).to.not.contain(KNOWN);
    });

    it("of which a log shows only a part", async () => {
      for (let length = 7; length < KNOWN.length; length++) {
        bed.behind.answer = (_request, response) => {
          response.writeHead(200, { "Content-Type": "text/plain" });
          response.end(`password ${KNOWN.slice(0, length)}`);
        };
        const { text } = await call(`${POD}/log?limitBytes=${9 + length}`);
        expect(text).to.not.contain(KNOWN.slice(0, 7));
      }
    });
  });

  it("is told that it does not work, and not that the API server refused Hoop's own credential", async () => {
    bed.behind.answer = (_request, response) =>
      json(response, { kind: "Status", code: 401, message: "Unauthorized" }, 401);
    expect((await call(MAPS)).status).to.be.within(500, 503);
  });

  it("is told so where nobody knows whether its request was done", async () => {
    bed.behind.answer = (request) => request.socket.destroy();
    const answer = await sent("POST", MAPS, "application/json", "{}");
    expect(answer)
      .to.match(/^HTTP\/1\.1 503 /)
      .and.contain("may be done or not");
  });

  it("is shown placeholders unchanged, so that it can send them back", async () => {
    const password = Buffer.from(`[masked:${"a".repeat(24)}.${"b".repeat(20)}]`).toString("base64");
    const one = { metadata: { name: "db" }, data: { password } };
    const [apiVersion, kind] = ["hoop.dev/v1alpha1", "SecureSecret"];
    const answers = [
      { apiVersion, kind, ...one },
      { apiVersion, kind: "SecureSecretList", metadata: {}, items: [one] },
    ];
    for (const [at, answer] of answers.entries()) {
      bed.behind.answer = (_request, response) => json(response, answer);
      const path = `/apis/hoop.dev/v1alpha1/namespaces/demo/secure-secrets${at === 0 ? "/db" : ""}`;
      expect((await call(path)).json).to.deep.equal(answer);
    }
  });

  it("gets a list where it asks for one, also by the name of a Secret", async () => {
    bed.behind.answer = (_request, response) =>
      json(response, { ...EMPTY, kind: "SecureSecretList", apiVersion: "hoop.dev/v1alpha1" });
    for (const query of ["?fieldSelector=metadata.name%3Ddb", "?fieldSelector=metadata.name%3Ddb&watch=true"])
      await call(`/api/v1/namespaces/demo/secrets${query}`).catch(() => undefined);
    expect(bed.arrived.map(({ url }) => url.split("?")[0])).to.deep.equal([
      "/apis/hoop.dev/v1alpha1/namespaces/demo/secure-secrets",
      "/apis/hoop.dev/v1alpha1/namespaces/demo/secure-secrets",
    ]);
  });

  describe("leaves no secret of its own in the ledger", () => {
    const VALUE = "hunter22hunter22";
    const base64 = Buffer.from(VALUE).toString("base64");
    const BODIES: Readonly<Record<string, [path: string, type: string, body: string]>> = {
      "by a JSON patch of a password": [
        `${MAPS}/x`,
        JSON_PATCH,
        JSON.stringify([{ op: "add", path: "/data/password", value: VALUE }]),
      ],
      "by a Secret sent to where none goes": [
        MAPS,
        "application/json",
        JSON.stringify({ kind: "Secret", apiVersion: "v1", data: { a: base64 } }),
      ],
      "by a Secret in YAML, sent there": [MAPS, "application/yaml", `kind: Secret\ndata:\n  a: ${base64}\n`],
      "by a list of Secrets": [
        MAPS,
        "application/json",
        JSON.stringify({ kind: "List", items: [{ kind: "Secret", stringData: { a: VALUE } }] }),
      ],
      "by a token that it has reviewed": [
        "/apis/authentication.k8s.io/v1/tokenreviews",
        "application/json",
        JSON.stringify({ kind: "TokenReview", spec: { token: VALUE } }),
      ],
    };
    for (const [how, [path, type, body]] of Object.entries(BODIES))
      it(how, async () => {
        await sent(type === JSON_PATCH ? "PATCH" : "POST", path, type, body);
        const kept = await ledger();
        expect(kept).to.contain('"event":"request"').and.not.contain(VALUE).and.not.contain(base64);
      });

    it("by what its client calls itself", async () => {
      await call(MAPS, {
        "user-agent": `curl --token=${VALUE}`,
        "kubectl-command": `kubectl --token=${VALUE}`,
      });
      expect(await ledger())
        .to.contain('"event":"request"')
        .and.not.contain(VALUE);
    });
  });

  describe("is limited in what it may do:", () => {
    const CHOSEN = Array.from({ length: 40 }, (_, at) => `value-number-${at}`);
    const TRIED: Readonly<Record<string, (guess: string) => Promise<{ status: number }>>> = {
      "names that are not there": (guess) => call(`${MAPS}/${guess}`),
      "selectors that are none": (guess) => call(`${MAPS}?labelSelector=${guess}%3D%3D%3D`),
      "lists that go on elsewhere": (guess) => call(`${MAPS}?continue=${encodeURIComponent(guess)}`),
    };
    for (const [what, tried] of Object.entries(TRIED))
      it(`values that it tries, by ${what}`, async () => {
        const known = knownValues(CHOSEN.map((text) => Buffer.from(text)));
        bed.broker.known.of = async () => known;
        bed.behind.answer = (request, response) =>
          json(response, { kind: "Status", code: 404, message: `"${request.url}" not found` }, 404);
        const codes: number[] = [];
        for (const guess of CHOSEN) codes.push((await tried(guess)).status);
        expect(codes.filter((code) => code === 429).length).to.be.greaterThan(20);
      });

    it("requests a second", async () => {
      await bed.close();
      bed = await startBed({ requestsPerSecond: 1 });
      for (let count = 0; count < 100; count++) expect((await call(MAPS)).status).to.equal(200);
      expect((await call(MAPS)).status).to.equal(429);
      bed.clock.advance(1_000);
      expect((await call(MAPS)).status).to.equal(200);
      expect((await call(MAPS)).status).to.equal(429);
    });

    it("streams, which take no place from other requests", async () => {
      bed.behind.answer = (request, response) => {
        if (!request.url?.includes("watch")) return json(response, EMPTY);
        response.writeHead(200, { "Content-Type": "application/json" });
        response.flushHeaders();
      };
      const watching = Array.from({ length: 100 }, () => call(`${MAPS}?watch=1`).catch(() => undefined));
      while (bed.arrived.length < 100) await new Promise((resolve) => setImmediate(resolve));
      expect((await call(`${MAPS}?watch=1`)).status).to.equal(429);
      expect((await call(MAPS)).status).to.equal(200);
      bed.broker.live.end(bed.session.metadata.uid);
      await Promise.all(watching);
    });
  });

  it("tunnels nothing behind a request to upgrade that was refused", async () => {
    bed.upgrades.answer = (_request, socket) => {
      socket.write("HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    };
    const head = [
      `GET ${bed.path}${POD}/exec?command=id HTTP/1.1`,
      ...["Host: x", "User: ann", "Connection: Upgrade", "Upgrade: websocket"],
      ...["Sec-WebSocket-Key: abc", "Sec-WebSocket-Version: 13"],
      "Sec-WebSocket-Protocol: v5.channel.k8s.io",
    ];
    const smuggled = "GET /api/v1/secrets HTTP/1.1\r\nHost: x\r\nImpersonate-User: root\r\n\r\n";
    const socket = bed.raw(`${head.join("\r\n")}\r\n\r\n${smuggled}`);
    socket.on("error", () => {});
    const closed = once(socket, "close");
    socket.once("data", () => socket.write(smuggled));
    socket.resume();
    await closed;
    expect(bed.arrived.map(({ url }) => url.split("?")[0])).to.deep.equal([`${POD}/exec`]);
  });
});
