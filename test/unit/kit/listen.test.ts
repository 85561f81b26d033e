import { once } from "node:events";
import { connect } from "node:http2";
import { request as https } from "node:https";
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

  it("rejects when the address is taken", async () => {
    const pair = serving();
    const options = { ...pair, host: "127.0.0.1", handler: async () => {} };
    const server = await listen({ ...options, port: 0 });
    const outcome = await listen({ ...options, port: server.port }).catch((error: unknown) => error);
    expect(outcome).to.have.property("code", "EADDRINUSE");
    await server.close(async () => {}, 0);
  });
});
