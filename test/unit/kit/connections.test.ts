/** Who gets a place at a server that everybody can reach. Strangers come from an address of their own: 127.0.0.2. */
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { expect } from "chai";
import { vouchFor } from "#kit/connections.ts";
import { type Listening, listen } from "#kit/listen.ts";
import { authority } from "./certificates.ts";

const ca = authority("ca");

describe("connections", () => {
  let server: Listening;
  const crowd: (Socket | ClientHttp2Session)[] = [];

  beforeEach(async () => {
    server = await listen({
      ...ca.issue({ commonName: "server", usage: "server", hosts: ["127.0.0.1"] }),
      host: "127.0.0.1",
      port: 0,
      handler: async (request, response) => {
        if (request.headers["x-known"] === "yes") vouchFor(request);
        if (request.headers["x-slow"] !== "yes") response.end();
      },
    });
  });
  afterEach(async () => {
    for (const one of crowd.splice(0)) one.destroy();
    await server.close(async () => {}, 0);
  });

  const ask = async (session: ClientHttp2Session, headers: Record<string, string> = {}) => {
    const stream = session.request({ ":path": "/", ...headers });
    const [answer] = await once(stream, "response");
    return answer[":status"];
  };
  const session = () => {
    const made = connectHttp2(`https://127.0.0.1:${server.port}`, { ca: ca.cert });
    crowd.push(made.on("error", () => undefined));
    return made;
  };
  /** Finished handshakes from elsewhere, one after the other. */
  const strangers = async (count: number) => {
    for (let n = 0; n < count; n++) {
      const from = connectTcp({ host: "127.0.0.1", port: server.port, localAddress: "127.0.0.2" });
      const socket = connectTls({
        socket: from.on("error", () => undefined),
        ALPNProtocols: ["h2"],
        rejectUnauthorized: false,
      });
      crowd.push(socket.on("error", () => undefined).resume());
      await new Promise((resolve) => socket.once("secureConnect", resolve).once("close", resolve));
    }
  };

  it("of whom somebody vouches for outlive any number of others", async () => {
    const known = session();
    expect(await ask(known, { "x-known": "yes" })).to.equal(200);
    await strangers(250);
    expect(await ask(known)).to.equal(200);
    expect(known.destroyed).to.equal(false);
  });

  it("of strangers go to make room for one another's, the most frequent address's first", async () => {
    const elsewhere = session();
    expect(await ask(elsewhere)).to.equal(200);
    await strangers(250);
    expect(await ask(elsewhere)).to.equal(200);
    const open = crowd.filter((one) => !one.destroyed).length;
    expect(open).to.be.lessThan(230);
  });

  /** Requests that are broken off as soon as they are sent. */
  const resets = async (of: ClientHttp2Session, count: number) => {
    const over = new Promise((resolve) => of.once("close", resolve));
    for (let n = 0; n < count && !of.closed && !of.destroyed; n++) {
      const stream = of.request({ ":path": "/", "x-slow": "yes" }).on("error", () => undefined);
      const closed = new Promise((resolve) => stream.once("close", resolve));
      await new Promise((resolve) => setImmediate(resolve));
      stream.destroy();
      await Promise.race([closed, over]);
    }
  };

  it("of whom somebody vouches for outlive any number of requests that are broken off: they are everybody's", async () => {
    const known = session();
    expect(await ask(known, { "x-known": "yes" })).to.equal(200);
    await resets(known, 1500);
    expect(await ask(known)).to.equal(200);
  });

  it("of strangers who do nothing but that end", async () => {
    const stranger = session();
    const ended = new Promise((resolve) => stranger.once("close", resolve));
    await resets(stranger, 1500);
    await ended;
  });
});
