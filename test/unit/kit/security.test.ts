/** What has gone wrong in other API servers, each once. */
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { memoryStore } from "#store/memory.ts";
import { library } from "../../toy/library.ts";
import { MACHINES, type Served, startMachines, upgradeOf } from "./machines.ts";

describe("security", () => {
  let served: Served;
  beforeEach(async () => {
    served = await startMachines();
  });
  afterEach(() => served.close());

  const statusLine = (answer: string) => answer.split("\r\n", 1)[0];
  const WIRE = (name: string) => `${MACHINES}/${name}/wire`;
  /** Rides along on the connection: answered only where the connection was left open. */
  const SMUGGLED = `GET ${MACHINES}/one HTTP/1.1\r\nHost: x\r\nUser: ann\r\n\r\n`;

  describe("a request to upgrade that fails leaves no open socket (CVE-2018-1002105)", () => {
    const failures: [what: string, path: string, status: string][] = [
      ["that is refused", WIRE("refuses"), "HTTP/1.1 403 Forbidden"],
      ["that breaks", WIRE("breaks"), "HTTP/1.1 500 Internal Server Error"],
      ["of what cannot be upgraded", `${MACHINES}/one`, "HTTP/1.1 400 Bad Request"],
      ["of a watch", `${MACHINES}?watch=1`, "HTTP/1.1 400 Bad Request"],
      ["of nothing", "/apis/nowhere.example.com/v1/x", "HTTP/1.1 400 Bad Request"],
      ["with a path that can be read in two ways", `${WIRE("one")}/%2e%2e/x`, "HTTP/1.1 400 Bad Request"],
    ];
    for (const [what, path, status] of failures) {
      it(`one ${what}`, async () => {
        const answer = await served.answerTo(upgradeOf(path) + SMUGGLED);
        expect(statusLine(answer)).to.equal(status);
        expect(answer.match(/HTTP\/1\.1/g)).to.have.length(1);
        expect(answer.toLowerCase()).to.contain("connection: close");
      });
    }

    it("one on a connection that has carried another answer", async () => {
      const socket = served.raw(SMUGGLED);
      const [first] = await once(socket, "data");
      const rest = text(socket);
      socket.write(upgradeOf(WIRE("refuses")) + SMUGGLED);
      expect([String(first), await rest].map(statusLine)).to.deep.equal([
        ...["HTTP/1.1 200 OK", "HTTP/1.1 403 Forbidden"],
      ]);
      expect(served.events.map(({ code }) => code)).to.deep.equal([200, 403]);
    });

    it("one that does not wait for the answer before", async () => {
      const waiting = SMUGGLED.replace("/one ", "/never?timeout=50ms ");
      const answer = await served.answerTo(waiting + upgradeOf(WIRE("one")) + SMUGGLED);
      expect(answer).to.not.contain("101").and.not.contain("200");
    });

    it("one that its handler forgets", async () => {
      expect(await served.answerTo(upgradeOf(WIRE("forgets")) + SMUGGLED)).to.equal("");
    });

    it("one whose client is nobody", async () => {
      const sent = upgradeOf(WIRE("one")).replace("User: ann\r\n", "");
      expect(statusLine(await served.answerTo(sent + SMUGGLED))).to.equal("HTTP/1.1 401 Unauthorized");
    });
  });

  it("an upgrade that is granted carries bytes both ways until the server ends", async () => {
    const socket = served.raw(upgradeOf(WIRE("one")));
    const [head] = await once(socket, "data");
    expect(statusLine(String(head))).to.equal("HTTP/1.1 101 Switching Protocols");
    socket.write("hello");
    const [echo] = await once(socket, "data");
    expect(String(echo)).to.equal("hello");
    expect(served.api.load().longRunning).to.have.length(1);
    const closed = once(socket, "close");
    await served.api.close();
    await closed;
    expect(served.events.map(({ verb, code }) => [verb, code])).to.deep.equal([["CONNECT", 101]]);
  });

  it("an upgrade is never a mere get to the authorizer (as with nodes/proxy and pods/exec)", async () => {
    await served.call(WIRE("one"));
    const socket = served.raw(upgradeOf(WIRE("one")));
    await once(socket, "data");
    socket.destroy();
    expect(served.asked.map(({ verb, subresource }) => [verb, subresource])).to.deep.equal([
      ["get", "wire"],
      ["create", "wire"],
    ]);
  });

  it("an upgrade whose method is not taken, and that may not create, is refused", async () => {
    await served.close();
    served = await startMachines({
      authorize: async (_who, { verb }) =>
        verb === "create" ? { allowed: false, reason: "" } : { allowed: true },
    });
    expect(statusLine(await served.answerTo(upgradeOf(WIRE("one"))))).to.equal("HTTP/1.1 403 Forbidden");
  });

  it("nothing is ever a redirect (CVE-2020-8559, CVE-2022-3172)", async () => {
    const paths = [
      "/",
      "/apis/",
      "/apis",
      "//apis",
      "/openapi/v3",
      "/openapi/v3/",
      `${MACHINES}/`,
      `/.${MACHINES}`,
    ];
    const documents = ["/openapi/v3/apis/machines.example.com/v1?hash=0", "/openapi/v2/", "/swagger.json"];
    for (const path of [...paths, ...documents, `${MACHINES}/..`, "/api", "/version/"]) {
      const { status, headers } = await served.call(path);
      expect(status, path).to.not.be.within(300, 399);
      expect(headers, path).to.not.have.property("location");
    }
  });

  describe("a body that is a bomb does no harm (CVE-2019-11253)", () => {
    const store = memoryStore();
    const SHELVES = "/apis/library.example.com/v1/shelves";
    beforeEach(async () => {
      await served.close();
      served = await startMachines({ resources: library(store) });
    });
    after(() => store.close());

    const send = (method: string, path: string, type: string, body: string) => {
      const head = [`${method} ${path} HTTP/1.1`, "Host: x", "User: ann", "Connection: close"];
      const content = [`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`];
      return served.answerTo(`${[...head, ...content].join("\r\n")}\r\n\r\n${body}`);
    };
    const laughs = Array.from({ length: 30 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}]`);
    const shelf = (room: string) =>
      `{"apiVersion":"library.example.com/v1","kind":"Shelf","metadata":{"name":"x"},"spec":{"room":${room}}}`;
    const bombs: [what: string, method: string, path: string, type: string, body: string, code: string][] = [
      ["of more than 3 MiB", "POST", SHELVES, "application/json", shelf(`"${"x".repeat(3 << 20)}"`), "413"],
      [
        "of a billion laughs",
        "POST",
        SHELVES,
        "application/yaml",
        ["a0: &a0 lol", ...laughs].join("\n"),
        "400",
      ],
      ["nested without end", "POST", SHELVES, "application/json", shelf("[".repeat(100_000)), "400"],
      ["nested without end in YAML", "POST", SHELVES, "application/yaml", "[".repeat(100_000), "400"],
      [
        ...(["of more operations than anybody needs", "PATCH", `${SHELVES}/there`] as const),
        "application/json-patch+json",
        JSON.stringify(Array.from({ length: 10_001 }, () => ({ op: "test", path: "/kind", value: "Shelf" }))),
        "413",
      ],
      [
        ...(["of copies of copies", "PATCH", `${SHELVES}/there`] as const),
        "application/json-patch+json",
        JSON.stringify(
          Array.from({ length: 40 }, () => ({
            op: "copy",
            from: "/metadata",
            path: "/metadata/annotations",
          })),
        ),
        "4",
      ],
    ];
    for (const [what, method, path, type, body, code] of bombs) {
      it(`one ${what}`, async () => {
        const there = shelf('"1"').replace('"x"', '"there"');
        await send("POST", SHELVES, "application/json", there);
        const answer = await send(method, path, type, body);
        expect(statusLine(answer)).to.match(new RegExp(`^HTTP/1.1 ${code}`));
        expect((await served.call(SHELVES)).json.items).to.have.length(1);
      });
    }
  });

  describe("what a connection passes on", () => {
    const passedOn = async (path: string, headers: Record<string, string> = {}) =>
      (await served.call(path, headers)).json;

    it("is the path that was authorized, read in one way only", async () => {
      const { path } = await passedOn(`${WIRE("one")}/api/v1/namespaces/a%3Ab/pods/`);
      expect(path).to.equal("/api/v1/namespaces/a%3Ab/pods/");
      expect((await passedOn(WIRE("one"))).path).to.equal("");
      expect((await passedOn(`${WIRE("one")}/`)).path).to.equal("/");
    });

    for (const part of [
      "..",
      "%2e%2e",
      ".",
      "%2E",
      "a%2fb",
      "a%5cb",
      "a\\b",
      "%00",
      "%0d%0a",
      "%2525",
      "",
      "%ff",
    ]) {
      it(`is never ${JSON.stringify(part)}`, async () => {
        const { status } = await served.call(`${WIRE("one")}/configmaps/${part}/secrets`);
        expect(status).to.equal(400);
        expect(served.asked).to.deep.equal([]);
      });
    }

    it("holds no credentials, nobody's word about the caller, and nothing of this hop", async () => {
      const sent = [
        ...["Authorization: Bearer x", "Cookie: a=b", "X-Remote-User: root", "X-Remote-Extra-Scope: all"],
        ...["Impersonate-Group: system:masters", "TE: trailers", "Keep-Alive: 5", "Proxy-Authorization: y"],
        ...["X-Named: by-connection", "X-Kept: 1", "X-Kept: 2"],
      ];
      const head = [`GET ${WIRE("one")} HTTP/1.1`, "Host: x", "User: proxied", "Connection: close, X-Named"];
      const withoutImpersonation = sent.filter((line) => !line.startsWith("Impersonate"));
      const answer = await served.answerTo(`${[...head, ...withoutImpersonation].join("\r\n")}\r\n\r\n`);
      const { headers } = JSON.parse(answer.split("\r\n\r\n")[1] ?? "");
      expect(headers).to.deep.equal([
        ["host", "x"],
        ["user", "proxied"],
        ["x-kept", "1"],
        ["x-kept", "2"],
      ]);
    });
  });
});
