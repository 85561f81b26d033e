/** Watch frames over real sockets, HTTP/1.1 and HTTP/2: readers that keep up, and readers that do not. */
import { type ClientRequest, createServer as createServer1, type IncomingMessage, request } from "node:http";
import { type ClientHttp2Session, connect, createServer as createServer2 } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { type Frame, type Frames, openFrames } from "#kit/encode.ts";
import type { ApiResponse } from "#kit/request.ts";

const bookmark = (n: number, size = 10): Frame => ({
  type: "ERROR",
  object: { kind: "Status", n, message: "x".repeat(size) },
});

interface Connected {
  server: Server;
  /** The server's side of one request. */
  frames: Promise<Frames>;
  /** The client's side, which reads nothing until it is asked to. */
  body: Promise<NodeJS.ReadableStream>;
  hangUp(): void;
  close(): void;
}

const PROTOCOLS: Record<string, (patience: number) => Promise<Connected>> = {
  "HTTP/1.1": async (patience) => {
    const opened = Promise.withResolvers<Frames>();
    const server = createServer1((_request, response) => opened.resolve(openFrames(response, patience)));
    const port = await listening(server);
    const client: ClientRequest = request({ port, host: "127.0.0.1" });
    const body = new Promise<IncomingMessage>((resolve) => client.once("response", resolve));
    client.on("error", () => {});
    client.end();
    return {
      ...{ server, frames: opened.promise, body },
      hangUp: () => client.destroy(),
      close: () => {
        client.destroy();
        server.close();
      },
    };
  },
  "HTTP/2": async (patience) => {
    const opened = Promise.withResolvers<Frames>();
    const server = createServer2((_request, response: ApiResponse) =>
      opened.resolve(openFrames(response, patience)),
    );
    const port = await listening(server);
    const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`);
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {});
    stream.pause();
    const body = new Promise<typeof stream>((resolve) => stream.once("response", () => resolve(stream)));
    return {
      ...{ server, frames: opened.promise, body },
      hangUp: () => stream.close(),
      close: () => {
        session.destroy();
        server.close();
      },
    };
  },
};

function listening(server: Server): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
  );
}

for (const [name, start] of Object.entries(PROTOCOLS))
  describe(`watch frames over ${name}`, () => {
    let connected: Connected;
    afterEach(() => connected.close());

    it("arrive complete and in order, however many and large they are", async () => {
      connected = await start(30_000);
      const frames = await connected.frames;
      const received = connected.body.then(text);
      for (let n = 0; n < 200; n += 10) {
        const batch = Array.from({ length: 10 }, (_, index) => bookmark(n + index, n * 100));
        expect(await frames.send(batch)).to.equal(true);
      }
      frames.end();
      const lines = (await received).trimEnd().split("\n");
      expect(lines.map((line) => JSON.parse(line).object.n)).to.deep.equal(
        Array.from({ length: 200 }, (_, n) => n),
      );
    });

    it("end for a reader that makes no room, and no more is kept for it than it had room for", async () => {
      connected = await start(50);
      const frames = await connected.frames;
      await connected.body;
      let made = 0;
      function* endless(): Generator<Frame> {
        for (; made < 100_000; made += 1) yield bookmark(made, 10_000);
      }
      expect(await frames.send(endless())).to.equal(false);
      expect(frames.gone.aborted).to.equal(true);
      // What the sockets hold, and one write; not the gigabyte that there was to send.
      expect(made * 10_000).to.be.below(50_000_000);
      expect(await frames.send([bookmark(1)])).to.equal(false);
    });

    it("stop when the reader hangs up", async () => {
      connected = await start(30_000);
      const frames = await connected.frames;
      await connected.body;
      expect(await frames.send([bookmark(1)])).to.equal(true);
      connected.hangUp();
      await new Promise((resolve) => frames.gone.addEventListener("abort", resolve));
      expect(await frames.send([bookmark(2)])).to.equal(false);
    });
  });
