/** What may go wrong with a proxy that acts as somebody else: each of the known hazards, over real sockets. */
import { once } from "node:events";
import { expect } from "chai";
import { innerHeaders } from "#apiserver-ext/broker/request/headers.ts";
import { REPLACEMENT } from "#core/mask/values.ts";
import { endOf } from "#core/session/life.ts";
import { type Bed, EMPTY, json, KNOWN, startBed } from "./bed.ts";

describe("the broker of a session", () => {
  let bed: Bed;
  beforeEach(async () => {
    bed = await startBed();
  });
  afterEach(() => bed.close());

  const MAPS = "/api/v1/namespaces/demo/configmaps";
  const get = (below: string, headers: Record<string, string> = {}, method = "GET") =>
    bed.call(`${bed.path}${below}`, headers, method);
  const linesOf = (name: string) =>
    bed.arrived.flatMap(({ lines }) => lines.filter((one) => one.startsWith(`${name}`)));

  describe("takes no path that could be read in two ways", () => {
    const PATHS = [
      "/api/v1/namespaces/demo/configmaps/../secrets/x",
      "/api/v1/namespaces/demo/configmaps/%2e%2e/secrets/x",
      "/api/v1/namespaces/demo/configmaps/%252e%252e/secrets/x",
      "/api/v1/namespaces/demo/configmaps/..%2fsecrets%2fx",
      "/api/v1/namespaces/demo/configmaps/a\\..\\..\\secrets",
      "/api/v1/namespaces/demo/configmaps/%5c",
      "/api/v1//namespaces/demo/secrets",
      "/api/v1/namespaces/demo/configmaps/./x",
      "/api/v1/namespaces/demo/configmaps/%00",
      "/api/v1/namespaces/demo/configmaps/%0d%0ax",
      "/api/v1/namespaces/demo/configmaps/%zz",
      "/api/v1/watch/namespaces/demo/secrets",
      "/api/v1/proxy/namespaces/demo/pods/x",
    ];
    for (const path of PATHS)
      it(path, async () => {
        const { status } = await get(path);
        expect(status).to.be.within(400, 404);
        expect(bed.arrived).to.deep.equal([]);
      });
  });

  it("sends the very path and query that it has looked at, in their order", async () => {
    const query = "?fieldManager=b&b=2&a=1&a=3&labelSelector=x%20in%20(y)";
    await get(`${MAPS}/a:b@c~d${query}`);
    expect(bed.arrived.map(({ url }) => url)).to.deep.equal([`${MAPS}/a%3Ab%40c~d${query}`]);
  });

  it("asks as the scoped ServiceAccount, and tells out of which session", async () => {
    await get(MAPS);
    expect(linesOf("impersonate-")).to.have.members([
      "impersonate-user: system:serviceaccount:work:bot",
      "impersonate-extra-hoop.dev%2fsession: demo/task",
      "impersonate-extra-hoop.dev%2fsession-uid: uid-task",
      "impersonate-extra-hoop.dev%2fagent: ann",
      "impersonate-extra-hoop.dev%2fprofile: ci",
    ]);
  });

  it("passes on no identity, no credential, and no header of a proxy before it", async () => {
    const sent = [
      "X-Remote-User: root",
      "X-Remote-Group: system:masters",
      "Authorization: Bearer abc",
      "Cookie: a=b",
      "Proxy-Authorization: Basic x",
      "X-Forwarded-For: 1.2.3.4",
      "Te: trailers",
      "X-Named: dropped",
      "Connection: keep-alive, x-named, impersonate-user",
      "Accept-Encoding: gzip",
      "X-Kept: kept",
    ];
    const head = [`GET ${bed.path}${MAPS} HTTP/1.1`, "Host: x", "User: ann", ...sent];
    const socket = bed.raw(`${head.join("\r\n")}\r\n\r\n`);
    await once(socket, "data");
    socket.destroy();
    const lines = bed.arrived.flatMap((one) => one.lines);
    const lost = sent
      .slice(0, -2)
      .filter((line) => lines.includes(line.replace(/^[^:]+/, (name) => name.toLowerCase())));
    expect(lost).to.deep.equal([]);
    expect(lines).to.include.members(["x-kept: kept", "accept-encoding: identity"]);
    expect(linesOf("impersonate-user")).to.deep.equal(["impersonate-user: system:serviceaccount:work:bot"]);
    expect(linesOf("connection").join()).to.not.match(/named|impersonate/);
  });

  it("impersonates nobody whom a client names", async () => {
    const { status } = await get(MAPS, { "impersonate-user": "system:admin" });
    expect([status, bed.arrived]).to.deep.equal([403, []]);
    const named = [
      "impersonate-user",
      "impersonate-group",
      "impersonate-uid",
      "impersonate-extra-hoop.dev%2fagent",
    ];
    const lines = named.map((name) => [name, "system:masters"] as const);
    const identity = { serviceAccount: { namespace: "a", name: "b" }, extras: {} };
    const headers = innerHeaders([...lines, ["x-remote-user", "root"]], identity, { masked: true });
    expect(Object.keys(headers).filter((name) => /^impersonate|^x-remote/.test(name))).to.deep.equal([
      "impersonate-user",
    ]);
    expect(headers["impersonate-user"]).to.equal("system:serviceaccount:a:b");
  });

  describe("asks the API server for JSON alone, whatever the client accepts", () => {
    const ACCEPTS: readonly [string, string][] = [
      ["application/vnd.kubernetes.protobuf", "application/json"],
      ["application/cbor", "application/json"],
      ["*/*", "application/json"],
      ["application/yaml", "application/json"],
      ["application/jsonp, text/html", "application/json"],
      [
        "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
      ],
      ["application/json;as=Table;v=v1;g=meta.k8s.io", "application/json;as=Table;v=v1;g=meta.k8s.io"],
    ];
    for (const [asked, wanted] of ACCEPTS)
      it(asked, async () => {
        await get(MAPS, { accept: asked });
        expect(linesOf("accept:")).to.deep.equal([`accept: ${wanted}`]);
      });
  });

  describe("shows nothing that it cannot read", () => {
    const BODIES: readonly [string, string, string][] = [
      ["protobuf", "application/vnd.kubernetes.protobuf", "k8s\0secret-value"],
      ["broken JSON", "application/json", '{"kind":"Secret","data":{"a":"secret-value"'],
      ["no object", "application/json", '"secret-value"'],
      ["another type", "text/html", "<p>secret-value"],
      ["no type", "", "secret-value"],
      ["YAML", "application/yaml", "data: {a: secret-value}"],
    ];
    for (const [what, type, body] of BODIES)
      for (const query of ["", "?watch=true"])
        it(`${what}${query}`, async () => {
          bed.behind.answer = (_request, response) => {
            response.writeHead(200, type === "" ? {} : { "Content-Type": type });
            response.end(body);
          };
          const answer = await get(`${MAPS}${query}`).catch((error: Error) => ({
            status: 0,
            text: error.message,
          }));
          expect(answer.text).to.not.contain("secret-value");
        });
  });

  it("masks Secrets wherever they stand, and copies of them in annotations", async () => {
    const applied = {
      "kubectl.kubernetes.io/last-applied-configuration": '{"stringData":{"a":"plain-value"}}',
    };
    const secret = {
      kind: "Secret",
      apiVersion: "v1",
      metadata: { annotations: applied },
      data: { a: "dmFsdWU=" },
    };
    const forms = [
      secret,
      { kind: "SecretList", apiVersion: "v1", items: [{ ...secret, kind: undefined }] },
      { kind: "List", apiVersion: "v1", items: [secret] },
      { kind: "Table", rows: [{ cells: ["x"], object: secret }] },
      { kind: "Status", status: "Success", details: { causes: [secret] } },
    ];
    for (const form of forms) {
      bed.behind.answer = (_request, response) => json(response, form);
      const { text, json: shown } = await get(MAPS);
      expect(text).to.not.match(/dmFsdWU|plain-value/);
      expect(shown.kind).to.equal(form.kind);
    }
  });

  it("masks the values of Secrets wherever they turn up, and in logs however these are cut", async () => {
    const encoded = Buffer.from(KNOWN).toString("base64");
    const map = {
      kind: "ConfigMap",
      metadata: { name: KNOWN, labels: { a: KNOWN } },
      data: { a: `x${KNOWN}y`, b: encoded },
    };
    bed.behind.answer = (_request, response) => json(response, map);
    expect((await get(MAPS)).json).to.deep.equal({
      ...map,
      metadata: { name: KNOWN, labels: { a: REPLACEMENT } },
      data: { a: `x${REPLACEMENT}y`, b: REPLACEMENT },
    });
    bed.behind.answer = (_request, response) => {
      response.writeHead(200, { "Content-Type": "text/plain" });
      response.write(`one ${KNOWN.slice(0, 7)}`);
      setImmediate(() => response.end(`${KNOWN.slice(7)} two cor`));
    };
    expect((await get("/api/v1/namespaces/demo/pods/x/log")).text).to.equal(`one ${REPLACEMENT} two cor`);
  });

  it("leaves what it need not mask as it came, to the last byte", async () => {
    const text = '{"kind":"ConfigMap",  "data":{"n":"\\u0041"},"big":123456789012345678901,"f":1.0}';
    bed.behind.answer = (_request, response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(text);
    };
    expect((await get(MAPS)).text).to.equal(text);
  });

  it("passes on status, warnings and when to come again, but not what is said of this hop", async () => {
    bed.behind.answer = (_request, response) => {
      response.setHeader("Retry-After", "7");
      response.setHeader("X-Kubernetes-Pf-FlowSchema-UID", "x");
      response.setHeader("Cache-Control", "private");
      json(response, { kind: "Status", code: 409, message: "no" }, 409);
    };
    const { status, headers } = await get(MAPS);
    expect([status, headers["retry-after"], headers["warning"]]).to.deep.equal([409, "7", '299 - "mind"']);
    for (const name of ["audit-id", "x-kubernetes-pf-flowschema-uid", "cache-control"])
      expect(headers).to.not.have.property(name);
  });

  it("passes on that nothing has changed since (ETag, 304)", async () => {
    bed.behind.answer = (request, response) => {
      const isSame = request.headers["if-none-match"] === '"one"';
      response.setHeader("ETag", '"one"');
      if (isSame) response.writeHead(304).end();
      else json(response, { kind: "APIGroupList", groups: [] });
    };
    const first = await get("/apis/");
    expect([first.status, first.headers["etag"]]).to.deep.equal([200, '"one"']);
    const again = await get("/apis/", { "if-none-match": '"one"' });
    expect([again.status, again.headers["etag"], again.text]).to.deep.equal([304, '"one"', ""]);
    expect(bed.arrived.map(({ url }) => url)).to.deep.equal(["/apis/", "/apis/"]);
  });

  it("follows no redirection, and shows none", async () => {
    bed.behind.answer = (_request, response) => {
      response.writeHead(307, { Location: "https://elsewhere/", "Content-Type": "application/json" });
      response.end("{}");
    };
    const { status, headers } = await get(MAPS);
    expect([status, headers["location"]]).to.deep.equal([500, undefined]);
    expect(bed.arrived).to.have.length(1);
  });

  describe("refuses", () => {
    const REFUSED: readonly [string, string, string?][] = [
      ["another session", "/apis/hoop.dev/v1alpha1/namespaces/demo/sessions/other/proxy/api/v1/pods"],
      ["itself again", "/apis/hoop.dev/v1alpha1/namespaces/demo/sessions/task/proxy"],
      ["pods by proxy", "/api/v1/namespaces/demo/pods/x/proxy/metrics"],
      ["Services by proxy", "/api/v1/namespaces/demo/services/x/proxy/"],
      ["nodes by proxy", "/api/v1/nodes/x/proxy/run"],
      ["kubelets' logs", "/api/v1/nodes/x/log"],
      ["forwarded ports", "/api/v1/namespaces/demo/pods/x/portforward", "POST"],
      ["tokens", "/api/v1/namespaces/work/serviceaccounts/bot/token", "POST"],
      ["commands without a WebSocket", "/api/v1/namespaces/demo/pods/x/exec?command=id", "POST"],
      ["commands by GET alone", "/api/v1/namespaces/demo/pods/x/exec?command=id"],
      ["the API server's logs", "/logs/kube-apiserver.log"],
      ["its profile", "/debug/pprof/"],
      ["its metrics", "/metrics"],
      ["to change what is no object", "/version", "DELETE"],
      ["Hoop's namespace", "/api/v1/namespaces/hoop-system/configmaps"],
      ["Secrets of Hoop's namespace", "/api/v1/namespaces/hoop-system/secrets/x"],
      ["decisions", "/apis/hoop.dev/v1alpha1/namespaces/demo/approvals/x/approval", "PATCH"],
      ["deleting all Secrets", "/api/v1/namespaces/demo/secrets", "DELETE"],
      [
        "what guards admission",
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/hoop",
        "DELETE",
      ],
    ];
    for (const [what, path, method] of REFUSED)
      it(what, async () => {
        expect((await get(path, {}, method)).status).to.equal(403);
        expect(bed.arrived).to.deep.equal([]);
      });

    it("a request that has come through a session already", async () => {
      expect((await get(MAPS, { "hoop-session": "1" })).status).to.equal(403);
      expect(bed.arrived).to.deep.equal([]);
    });

    it("SPDY, in words that say what to do", async () => {
      const head = [
        `POST ${bed.path}/api/v1/namespaces/demo/pods/x/exec?command=id HTTP/1.1`,
        ...["Host: x", "User: ann", "Connection: Upgrade", "Upgrade: SPDY/3.1"],
      ];
      const answer = await bed.answerTo(`${head.join("\r\n")}\r\n\r\n`);
      expect(answer)
        .to.match(/^HTTP\/1\.1 403 /)
        .and.contain("by WebSocket");
      expect(bed.arrived).to.deep.equal([]);
    });
  });

  describe("is used by nobody but its own agent", () => {
    it("not by another agent, to whom it does not exist", async () => {
      expect((await get(MAPS, { user: "bob" })).status).to.equal(404);
    });
    it("not with another credential of the same agent", async () => {
      expect((await get(MAPS, { credential: "two" })).status).to.equal(403);
    });
    it("not when its time is over", async () => {
      bed.clock.advance(500_000);
      expect((await get(MAPS)).status).to.equal(200);
      bed.clock.advance(100_000);
      const { status, json: said } = await get(MAPS);
      expect([status, said.message]).to.deep.equal([
        403,
        'sessions.hoop.dev "task" is forbidden: it is Expired (its time is over): begin another one (kubectl hoop login)',
      ]);
    });
    it("which is told plainly to who asks what there is, for kubectl shows nothing else", async () => {
      bed.clock.advance(600_000);
      for (const [user, why] of [
        ["ann", /^sessions\.hoop\.dev "task" is forbidden: it is Expired .*kubectl hoop login\)\n$/],
        ["bob", /^sessions\.hoop\.dev "task" not found: .*kubectl hoop login\)\n$/],
      ] as const) {
        const { status, text, headers } = await get("/api", { user });
        expect([status, headers["content-type"]]).to.deep.equal([403, "text/plain; charset=utf-8"]);
        expect(text).to.match(why);
      }
    });
    it("not when its profile is gone, or names somebody else", async () => {
      const profile = bed.profiles.get("ci");
      bed.profiles.clear();
      expect((await get(MAPS)).status).to.equal(403);
      if (profile) bed.profiles.set("ci", { ...profile, agents: { ...profile.agents, users: ["bob"] } });
      expect((await get(MAPS)).status).to.equal(403);
      expect(endOf(bed.broker, bed.session, bed.clock.now(), 0)?.phase).to.equal("Revoked");
    });
    afterEach(() => bed.arrived.splice(0));
  });

  it("may be asked only so much at once", async () => {
    bed.behind.answer = () => {};
    const hanging = Array.from({ length: 50 }, () => get(MAPS).catch(() => undefined));
    while (bed.arrived.length < 50) await new Promise((resolve) => setImmediate(resolve));
    const { status, headers } = await get(MAPS);
    expect([status, headers["retry-after"]]).to.deep.equal([429, "1"]);
    bed.broker.live.end(bed.session.metadata.uid);
    await Promise.all(hanging);
  });

  it("ends what is under way when the session ends", async () => {
    let isGone: Promise<unknown> | undefined;
    bed.behind.answer = (request, response) => {
      response.writeHead(200, { "Content-Type": "application/json" });
      response.write(`${JSON.stringify({ type: "ADDED", object: EMPTY })}\n`);
      isGone = new Promise((resolve) => request.socket.once("close", resolve));
    };
    const watch = get(`${MAPS}?watch=true`).catch((error: Error) => error);
    while (isGone === undefined) await new Promise((resolve) => setImmediate(resolve));
    bed.broker.live.end(bed.session.metadata.uid);
    await Promise.all([watch, isGone]);
  });

  const seenBehind = async (method: string) => {
    let before: unknown[] = [];
    bed.behind.answer = (_request, response) => {
      void bed.entries().then((entries) => {
        before = entries.map((entry) => "event" in entry && entry.event);
        json(response, EMPTY);
      });
    };
    await get(`${MAPS}?labelSelector=a`, { "kubectl-command": "kubectl get" }, method);
    return before;
  };

  it("records what may have an effect before it is passed on", async () => {
    expect(await seenBehind("DELETE")).to.deep.equal(["request"]);
    expect(await seenBehind("GET")).to.deep.equal(["request", "response"]);
  });

  it("records each request, and each answer", async () => {
    bed.behind.answer = (_request, response) => json(response, EMPTY);
    await get(`${MAPS}?labelSelector=a`, { "kubectl-command": "kubectl get" });
    const [asked, answered] = await bed.entries();
    expect(asked).to.deep.include({ kind: "brokered", verb: "list", command: "kubectl get", profile: "ci" });
    expect(asked).to.have.nested.property("target.resource", "configmaps");
    expect(answered).to.deep.include({ event: "response", code: 200 });
  });

  it("passes on nothing that it cannot record", async () => {
    bed.broker.store.commit = () => Promise.reject(new Error("the disk is full"));
    expect((await get(`${MAPS}/x`, {}, "DELETE")).status).to.equal(500);
    expect(bed.arrived).to.deep.equal([]);
  });

  it("shows nothing of what it cannot record", async () => {
    bed.broker.store.commit = () => Promise.reject(new Error("the disk is full"));
    bed.behind.answer = (_request, response) => json(response, { ...EMPTY, shown: "what is there" });
    for (const path of [MAPS, `${MAPS}/x`, `${MAPS}?watch=true`, "/version"]) {
      const { status, text } = await get(path);
      expect(status, path).to.equal(500);
      expect(text, path).to.contain("cannot be recorded").and.not.contain("what is there");
    }
  });
});
