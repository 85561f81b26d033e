import { once } from "node:events";
import { expect } from "chai";
import { accessLine } from "#kit/access-log.ts";
import { InFlight, LIMITS, timeFor, withDeadline } from "#kit/limits.ts";
import { parseRequestInfo } from "#kit/request-info.ts";
import { StatusError } from "#kit/status.ts";
import { MACHINES, type Served, startMachines } from "./machines.ts";
import type { Loose } from "./toy.ts";

describe("the server", () => {
  let served: Served | undefined;
  const start = async (...given: Parameters<typeof startMachines>) => {
    served = await startMachines(...given);
    return served;
  };
  afterEach(async () => {
    await served?.close();
    served = undefined;
  });

  const refused: [what: string, method: string, path: string, code: number, message: string][] = [
    [
      "a verb that is not offered",
      "POST",
      MACHINES,
      405,
      'create is not supported on resources of kind "machines.machines.example.com"',
    ],
    [
      "a watch of what cannot be watched, which is no list",
      "GET",
      "/apis/machines.example.com/v1/boxes?watch=1",
      405,
      'watch is not supported on resources of kind "boxes.machines.example.com"',
    ],
    [
      "a method that the connection does not take",
      "PUT",
      `${MACHINES}/one/wire`,
      405,
      'update is not supported on resources of kind "machines.machines.example.com"',
    ],
    [
      "a resource that is not there",
      "GET",
      "/apis/machines.example.com/v1/robots",
      404,
      "the server could not find the requested resource",
    ],
    [
      "a namespace where there are none",
      "GET",
      "/apis/machines.example.com/v1/namespaces/a/machines",
      404,
      "the server could not find the requested resource",
    ],
    [
      "a path below a resource that has none",
      "GET",
      `${MACHINES}/one/wires/more`,
      404,
      'machines.machines.example.com "one" not found',
    ],
    [
      "a failure, without its words",
      "GET",
      `${MACHINES}/broken`,
      500,
      "an error on the server has prevented the request from succeeding",
    ],
    [
      "a timeout that is none",
      "GET",
      `${MACHINES}/one?timeout=soon`,
      400,
      'invalid timeout specified in the request URL - time: invalid duration "soon"',
    ],
  ];
  for (const [what, method, path, code, message] of refused) {
    it(`answers ${code} to ${what}`, async () => {
      const { call } = await start();
      const { status, json } = await call(path, {}, method);
      expect([status, json.kind, json.code, json.message]).to.deep.equal([code, "Status", code, message]);
    });
  }

  it("answers 504 when the time is over that the client asked for", async () => {
    const { call } = await start();
    const { status, json } = await call(`${MACHINES}/never?timeout=20ms`);
    expect([status, json.reason, json.message]).to.deep.equal([
      ...[504, "Timeout", "Timeout: request did not complete within the allotted timeout"],
    ]);
  });

  it("answers 429 to what is too much, but never to system:masters, health, watches and connections", async () => {
    const { api, call } = await start({ limits: { reading: 1, time: 60_000 } });
    void call(`${MACHINES}/never`).catch(() => {});
    while (api.load().reading === 0) await call("/livez");
    const { status, headers, json } = await call(`${MACHINES}/one`);
    expect([status, headers["retry-after"], json.reason]).to.deep.equal([429, "1", "TooManyRequests"]);
    expect((await call(`${MACHINES}/one`, { user: "root:masters" })).status).to.equal(200);
    expect((await call("/readyz")).status).to.equal(200);
    expect((await call(`${MACHINES}?watch=1&timeoutSeconds=1`)).status).to.equal(200);
    expect((await call(`${MACHINES}/one/wire`)).status).to.equal(200);
  });

  it("answers 429 to one watch too many of a user, until one of them ends, and nobody else is kept from any", async () => {
    const { api, call } = await start({ limits: { watches: 2 } });
    const watch = (user: string) => call(`${MACHINES}?watch=1`, { user });
    const open = (count: number) => api.load().longRunning.reduce((sum, one) => sum + one.count, 0) === count;
    const watching = [watch("ann"), watch("ann")];
    while (!open(2)) await call("/livez");
    const { status, json } = await watch("ann");
    expect([status, json.message]).to.deep.equal([429, "you have 2 watches here, and may have no more"]);
    watching.push(watch("bob"));
    while (!open(3)) await call("/livez");
    await api.close();
    expect((await Promise.all(watching)).map((one) => one.status)).to.deep.equal([200, 200, 200]);
  });

  it("counts a watch that has ended no longer", async () => {
    const { call } = await start({ limits: { watches: 1 } });
    for (let n = 0; n < 2; n++)
      expect((await call(`${MACHINES}?watch=1&timeoutSeconds=1`)).status).to.equal(200);
  });

  describe("when it ends", () => {
    it("is not ready first, and serves everything on", async () => {
      const { api, call } = await start({ checks: { store: () => true } });
      expect((await call("/readyz?verbose")).text).to.equal(
        "[+]ping ok\n[+]store ok\n[+]shutdown ok\nreadyz check passed\n",
      );
      const drained = api.drain(50);
      const { status, text } = await call("/readyz");
      expect([status, text]).to.deep.equal([
        500,
        "[+]ping ok\n[+]store ok\n[-]shutdown failed: reason withheld\nreadyz check failed\n",
      ]);
      expect((await call("/livez")).text).to.equal("ok");
      expect((await call(`${MACHINES}/one`)).status).to.equal(200);
      await drained;
      expect((await call(`${MACHINES}/one`)).status).to.equal(200);
    });

    it("ends watches and connections, refuses new ones and still answers the rest", async () => {
      const { api, call } = await start();
      const watching = call(`${MACHINES}?watch=1`);
      const connected = call(`${MACHINES}/hangs/wire`);
      while (api.load().longRunning.length < 2) await call("/livez");
      await api.close();
      expect((await watching).status).to.equal(200);
      expect((await connected).status).to.equal(200);
      for (const path of [`${MACHINES}?watch=1`, `${MACHINES}/one/wire`]) {
        const { status, headers } = await call(path);
        expect([status, headers["retry-after"]]).to.deep.equal([503, "1"]);
      }
      expect((await call(`${MACHINES}/one`)).status).to.equal(200);
    });
  });

  describe("tells of each request", () => {
    const labels = (event: Loose) => [event.verb, event.resource, event.subresource, event.scope, event.code];

    it("by verb, resource, scope and code, and nothing that callers make up", async () => {
      const { call, events } = await start();
      await call(`${MACHINES}/one`);
      await call(MACHINES);
      await call("/apis/nowhere.example.com/v1/things/x");
      await call(`${MACHINES}/one/wire/deep/below?token=secret`, {}, "POST");
      await call("/apis", {}, "BREW");
      expect(events.map(labels)).to.deep.equal([
        ["GET", "machines", "", "resource", 200],
        ["LIST", "machines", "", "cluster", 200],
        ["GET", "", "", "", 404],
        ["CONNECT", "machines", "wire", "resource", 200],
        ["other", "", "", "", 405],
      ]);
      expect(JSON.stringify(events)).to.not.contain("secret");
      expect(events.every(({ seconds }) => seconds >= 0 && seconds < 60)).to.equal(true);
    });

    it("in a line of a log", async () => {
      const { call, events } = await start();
      await call(`${MACHINES}/one?pretty=1`, { "user-agent": "test/1", "audit-id": "a-1" });
      const [event] = events;
      expect(event && { ...accessLine(event), milliseconds: 0 }).to.deep.equal({
        ...{ verb: "GET", method: "GET", path: `${MACHINES}/one`, code: 200, milliseconds: 0 },
        ...{ user: "ann", userAgent: "test/1", auditId: "a-1" },
      });
    });

    it("also of those whose client has left", async () => {
      const told = Promise.withResolvers<number>();
      const { raw } = await start({ onRequest: ({ code }) => told.resolve(code) });
      const socket = raw(`GET ${MACHINES}/never?timeout=100ms HTTP/1.1\r\nHost: x\r\nUser: ann\r\n\r\n`);
      await once(socket, "connect");
      socket.end();
      socket.destroy();
      expect(await told.promise).to.equal(0);
    });

    it("and goes on where nobody wants to hear it", async () => {
      const { call, logged } = await start({
        onRequest() {
          throw new Error("no ear");
        },
      });
      expect((await call(`${MACHINES}/one`)).status).to.equal(200);
      expect(logged).to.have.length(1);
    });
  });
});

describe("limits", () => {
  const info = (method: string, query: string) => parseRequestInfo(method, `${MACHINES}/one${query}`);
  const times: [what: string, method: string, query: string, milliseconds: number][] = [
    ["reads by default", "GET", "", 60_000],
    ["writes by default", "PATCH", "", 34_000],
    ["what is asked", "GET", "?timeout=1m30s", 60_000],
    ["what is asked and shorter", "PUT", "?timeout=1.5s", 1500],
    ["nothing, which is no wish", "GET", "?timeout=0s", 60_000],
    ["less than nothing", "GET", "?timeout=-3s", 60_000],
  ];
  for (const [what, method, query, milliseconds] of times) {
    it(`give ${what} ${milliseconds} ms`, () => {
      expect(timeFor(info(method, query), LIMITS)).to.equal(milliseconds);
    });
  }

  it("count reading and writing apart", async () => {
    const inFlight = new InFlight({ ...LIMITS, reading: 1, writing: 1 });
    const end = Promise.withResolvers<void>();
    const first = inFlight.during(info("GET", ""), false, () => end.promise);
    const second = inFlight.during(info("PUT", ""), false, () => end.promise);
    const third = await inFlight.during(info("PUT", ""), false, async () => {}).catch((error) => error);
    expect(third).to.be.instanceOf(StatusError).with.property("reason", "TooManyRequests");
    expect([inFlight.reading, inFlight.writing]).to.deep.equal([1, 1]);
    end.resolve();
    await Promise.all([first, second]);
    expect([inFlight.reading, inFlight.writing]).to.deep.equal([0, 0]);
  });

  it("abort what nobody waits for any more", async () => {
    const over = new AbortController();
    const late = await withDeadline(5, over, () => once(over.signal, "abort")).catch((error) => error);
    expect(late).to.have.property("reason", "Timeout");
    expect(over.signal.aborted).to.equal(true);
  });
});
