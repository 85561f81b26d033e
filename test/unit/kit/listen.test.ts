import { once } from "node:events";
import { connect } from "node:http2";
import { Agent, request as https } from "node:https";
import { connect as tcp } from "node:net";
import type { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { connect as tls } from "node:tls";
import { expect } from "chai";
import { listen } from "#kit/listen.ts";
import { authority } from "./certificates.ts";

const ca = authority("ca");
const serving = () => ca.issue({ commonName: "server", usage: "server", hosts: ["127.0.0.1"] });

describe("listening", () => {
  it("uses a new certificate for new connections", async () => {
    const server = await listen({
      ...serving(),
      host: "127.0.0.1",
      port: 0,
      handler: async (_, res) => void res.end(),
    });
    const serial = async () => {
      const socket = tls({ host: "127.0.0.1", port: server.port, ca: ca.cert, ALPNProtocols: ["h2"] });
      await once(socket, "secureConnect");
      const found = socket.getPeerCertificate().serialNumber;
      socket.destroy();
      return found;
    };
    const first = await serial();
    server.setCertificate(serving());
    expect(await serial()).not.to.equal(first);
    await server.close(async () => {}, 1000);
  });

  it("says how long header lines may be: by one that is longer the connection would end that brings everybody's requests", async () => {
    const server = await listen({
      ...serving(),
      host: "127.0.0.1",
      port: 0,
      handler: async (_, res) => void res.end(),
    });
    const session = connect(`https://127.0.0.1:${server.port}`, { ca: ca.cert });
    const [settings] = (await once(session, "remoteSettings")) as [{ maxHeaderListSize?: number }];
    expect(settings.maxHeaderListSize).to.be.at.most(65_536);
    const answer = (line: string) => {
      const asked = session.request({ ":path": "/", line });
      return Promise.race([once(asked, "response"), once(asked, "error")]);
    };
    const [headers] = (await answer("\\".repeat(60_000))) as [{ ":status"?: number }];
    expect(headers[":status"]).to.equal(200);
    session.destroy();
    await server.close(async () => {}, 1000);
  });

  it("keeps an idle HTTP/1.1 connection longer than the API server does, which else would post into one that closes", async () => {
    const server = await listen({
      ...serving(),
      host: "127.0.0.1",
      port: 0,
      handler: async (_, res) => void res.end(),
    });
    const asked = https({ host: "127.0.0.1", port: server.port, ca: ca.cert });
    asked.end();
    const [response] = await once(asked, "response");
    const promised = /timeout=(\d+)/.exec(response.headers["keep-alive"])?.[1];
    expect(Number(promised)).to.be.greaterThan(90);
    response.resume();
    await server.close(async () => {}, 1000);
  });

  it("drains: says goodbye, lets requests end, and takes no new connections", async () => {
    let finish = () => {};
    const drained = Promise.withResolvers<void>();
    const server = await listen({
      ...{ ...serving(), host: "127.0.0.1", port: 0 },
      handler: async (_, response) => {
        const sink: Writable = response;
        sink.write("last ");
        finish = () => sink.end("words");
      },
    });
    const session = connect(`https://127.0.0.1:${server.port}`, { ca: ca.cert });
    const stream = session.request({ ":path": "/" }).end();
    await once(stream, "response");
    const goodbye = once(session, "goaway");
    const closed = server.close(() => drained.promise, 10_000);
    await goodbye;
    finish();
    drained.resolve();
    expect(await text(stream)).to.equal("last words");
    await closed;
    const late = connect(`https://127.0.0.1:${server.port}`, { ca: ca.cert });
    const [error] = await once(late, "error");
    expect(error).to.have.property("code", "ECONNREFUSED");
  });

  it("drains HTTP/1.1: an idle connection gets its next answer, and is closed with it", async () => {
    const server = await listen({
      ...{ ...serving(), host: "127.0.0.1", port: 0 },
      handler: async (_, response) => {
        const sink: Writable = response;
        sink.end("answer");
      },
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 2 });
    const ask = async () => {
      const asked = https({ host: "127.0.0.1", port: server.port, ca: ca.cert, agent }).end();
      const [response] = await once(asked, "response");
      expect(await text(response)).to.equal("answer");
      return { reused: asked.reusedSocket, connection: response.headers.connection };
    };
    expect(await Promise.all([ask(), ask()])).to.deep.equal([
      { reused: false, connection: "keep-alive" },
      { reused: false, connection: "keep-alive" },
    ]);
    const idle = Object.values(agent.freeSockets).flat();
    expect(idle).to.have.length(2);
    const ended = idle.flatMap((socket) => (socket === undefined ? [] : [once(socket, "close")]));
    const closed = server.close(async () => {}, 60_000);
    expect(await ask()).to.deep.equal({ reused: true, connection: "close" });
    await Promise.all([closed, ...ended]);
    agent.destroy();
  });

  const shares = process.platform === "linux";
  it(`${shares ? "lets" : "does not let"} another one share its address, which then has it alone`, async () => {
    const answering = (words: string) => async (_: unknown, response: Writable) => void response.end(words);
    const options = { ...serving(), host: "127.0.0.1" };
    const first = await listen({ ...options, port: 0, handler: answering("first") });
    const second = listen({ ...options, port: first.port, shared: true, handler: answering("second") });
    if (!shares) {
      expect(await second.catch(({ code }) => code)).to.equal("EADDRINUSE");
      return first.close(async () => {}, 0);
    }
    const { close } = await second;
    await first.close(async () => {}, 1000);
    for (let time = 0; time < 5; time++) {
      const asked = https({ host: "127.0.0.1", port: first.port, ca: ca.cert, agent: false }).end();
      const [response] = await once(asked, "response");
      expect(await text(response)).to.equal("second");
    }
    return close(async () => {}, 1000);
  });

  it("accepts the connections that were made before it closes: nobody else would", async () => {
    const server = await listen({
      ...{ ...serving(), host: "127.0.0.1", port: 0 },
      handler: async (_, response) => void response.end(),
    });
    const made = Array.from({ length: 20 }, () => tls({ host: "127.0.0.1", port: server.port, ca: ca.cert }));
    const outcomes = made.map((socket) => once(socket, "secureConnect").then(() => "served", String));
    // They connect first, and nothing is accepted before this turn is over.
    await new Promise<void>((connected) => process.nextTick(connected));
    const closed = server.close(async () => {}, 60_000);
    expect(new Set(await Promise.all(outcomes))).to.deep.equal(new Set(["served"]));
    for (const socket of made) socket.destroy();
    await closed;
  });

  it("says goodbye to those as well whose handshake ends when the others are gone", async () => {
    const server = await listen({
      ...{ ...serving(), host: "127.0.0.1", port: 0 },
      handler: async (_, response) => void response.end(),
    });
    const other = connect(`https://127.0.0.1:${server.port}`, { ca: ca.cert });
    await once(other, "connect");
    const slow = tcp({ host: "127.0.0.1", port: server.port });
    await once(slow, "connect");
    const closed = server.close(async () => {}, 60_000);
    await once(other, "close");
    const secure = tls({ socket: slow, ca: ca.cert, host: "127.0.0.1", ALPNProtocols: ["h2"] });
    const session = connect(`https://127.0.0.1:${server.port}`, { createConnection: () => secure });
    await Promise.all([once(session, "goaway"), once(session, "close"), closed]);
  });

  it("closes what does not end within its grace", async () => {
    const server = await listen({
      ...{ ...serving(), host: "127.0.0.1", port: 0 },
      handler: async (_, response) => {
        const sink: Writable = response;
        sink.write("never ends");
      },
    });
    const session = connect(`https://127.0.0.1:${server.port}`, { ca: ca.cert });
    const stream = session.request({ ":path": "/" }).end();
    await once(stream, "response");
    const old = https({ host: "127.0.0.1", port: server.port, ca: ca.cert, agent: false }).end();
    await once(old, "response");
    const closed = Promise.all([once(session, "close"), once(old, "close")]);
    await server.close(async () => {}, 10);
    await closed;
  });

  for (const [name, head, code] of [
    [
      "headers that are too large",
      `GET / HTTP/1.1\r\nHost: x\r\nx: ${"a".repeat(16 * 1024 * 1024)}\r\n\r\n`,
      431,
    ],
    ["no HTTP", `${"Hello\r\n".repeat(1024 * 1024)}`, 400],
  ] as const)
    it(`answers ${code} to ${name}, also to a client that says all it has to say before it listens`, async () => {
      const server = await listen({
        ...{ ...serving(), host: "127.0.0.1", port: 0 },
        handler: async (_, response) => void response.end(),
      });
      const socket = tls({ host: "127.0.0.1", port: server.port, ca: ca.cert });
      await once(socket, "secureConnect");
      await new Promise<void>((said, fail) => {
        socket.write(head, (error) => (error ? fail(error) : said()));
      });
      expect(await text(socket)).to.match(new RegExp(`^HTTP/1.1 ${code} `));
      await server.close(async () => {}, 1000);
    });

  it("rejects when the address is taken", async () => {
    const pair = serving();
    const options = { ...pair, host: "127.0.0.1", handler: async () => {} };
    const server = await listen({ ...options, port: 0 });
    const outcome = await listen({ ...options, port: server.port }).catch((error: unknown) => error);
    expect(outcome).to.have.property("code", "EADDRINUSE");
    await server.close(async () => {}, 0);
  });
});
