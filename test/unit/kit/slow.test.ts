/** Peers that take their time. Nobody is told how much there is: each is waited for until the server gives it up. */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { expect } from "chai";
import { vouchFor } from "#kit/connections.ts";
import { type Listening, listen } from "#kit/listen.ts";
import { authority } from "./certificates.ts";

const ca = authority("ca");

describe("a server and its slow peers", () => {
  let server: Listening;
  let seconds: NodeJS.Timeout;
  const dripping = new Set<() => void>();

  before(async () => {
    server = await listen({
      ...ca.issue({ commonName: "server", usage: "server", hosts: ["127.0.0.1"] }),
      host: "127.0.0.1",
      port: 0,
      handler: async (request, response) => {
        vouchFor(request);
        try {
          for await (const _ of request);
          response.end();
        } catch {
          // The client, or the server itself, has given it up.
        }
      },
    });
    seconds = setInterval(() => {
      for (const drip of dripping) drip();
    }, 1000);
  });
  after(async () => {
    clearInterval(seconds);
    await server.close(async () => {}, 0);
  });

  const tcp = () => connectTcp({ host: "127.0.0.1", port: server.port }).on("error", () => undefined);
  const tls = async (protocol: string) => {
    const socket = connectTls({
      host: "127.0.0.1",
      port: server.port,
      ca: ca.cert,
      ALPNProtocols: [protocol],
    });
    await once(socket, "secureConnect");
    return socket.on("error", () => undefined);
  };
  /** Says it, then goes on with a letter a second, until the server closes the connection. */
  const untilClosed = async (socket: Socket, said: string, letter: string) => {
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.resume().write(said);
    const drip = () => letter !== "" && socket.write(letter);
    dripping.add(drip);
    await closed;
    dripping.delete(drip);
  };

  const peers: Record<string, () => Promise<void>> = {
    "one that never begins its handshake": () => untilClosed(tcp(), "", ""),
    "one that says its hello a byte at a time": () => untilClosed(tcp(), "\x16\x03\x01\x02\x00", "\x01"),
    "one that speaks HTTP/1.1, and says nothing": async () => untilClosed(await tls("http/1.1"), "", ""),
    "one that speaks HTTP/2, and says nothing": async () => untilClosed(await tls("h2"), "", ""),
    "headers over HTTP/1.1 that never end": async () =>
      untilClosed(await tls("http/1.1"), "GET / HTTP/1.1\r\nhost: x\r\nx: ", "x"),
    "a body over HTTP/1.1 that never ends": async () =>
      untilClosed(await tls("http/1.1"), "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n", "x"),
    "a body over HTTP/2 that never ends": async () => {
      const session = connectHttp2(`https://127.0.0.1:${server.port}`, { ca: ca.cert });
      const stream = session.request({ ":method": "POST", ":path": "/" }).on("error", () => undefined);
      const drip = () => stream.write("x");
      dripping.add(drip);
      await new Promise((resolve) => stream.once("close", resolve));
      dripping.delete(drip);
      expect(stream.rstCode).to.not.equal(0);
      // The connection is somebody's: it goes on.
      const next = session.request({ ":path": "/" });
      const [headers] = await once(next, "response");
      expect(headers[":status"]).to.equal(200);
      session.destroy();
    },
  };

  it(`gives up ${Object.keys(peers).join("; ")}`, async () => {
    await Promise.all(Object.values(peers).map((peer) => peer()));
  });
});
