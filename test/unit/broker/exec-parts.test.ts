/** What commands in pods print: recorded before it is shown, as much at once as has come meanwhile. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { expect } from "chai";
import { FrameReader, frameBytes } from "#apiserver-ext/broker/connection/frames.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { type Bed, startBed } from "./bed.ts";

const EXEC = "/api/v1/namespaces/demo/pods/x/exec?command=cat&stdout=true";
const PROTOCOL = "v5.channel.k8s.io";
const PIECE = 32 * 1024;

const turn = () => new Promise((resolve) => setImmediate(resolve));
const output = (data: Buffer) =>
  frameBytes({ fin: true, opcode: 2, payload: Buffer.concat([Buffer.of(1), data]) });

interface Chunk {
  direction: string;
  channel: number;
  text?: string;
  data?: string;
}

describe("what a command in a pod prints", () => {
  let bed: Bed;
  let there: Duplex;
  let commit: Bed["broker"]["store"]["commit"];
  beforeEach(async () => {
    bed = await startBed();
    const { store } = bed.broker;
    commit = store.commit.bind(store);
    bed.upgrades.answer = (_request, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: ${PROTOCOL}\r\n\r\n`,
      );
      there = socket;
    };
  });
  afterEach(() => {
    open();
    return bed.close();
  });

  let waiting = 0;
  let open = () => {};
  /** What is committed from now on waits for `open`. */
  const gate = () => {
    const opened = Promise.withResolvers<void>();
    open = opened.resolve;
    waiting = 0;
    bed.broker.store.commit = async (batch) => {
      waiting += 1;
      await opened.promise;
      return commit(batch);
    };
  };

  /** Once it runs; what it has shown by now. */
  async function running() {
    const socket = bed.raw(
      [
        `GET ${bed.path}${EXEC} HTTP/1.1`,
        ...["Host: x", "User: ann", "Connection: Upgrade", "Upgrade: websocket"],
        ...["Sec-WebSocket-Key: abc", "Sec-WebSocket-Version: 13", `Sec-WebSocket-Protocol: ${PROTOCOL}`],
        "\r\n",
      ].join("\r\n"),
    );
    socket.on("error", () => {});
    await once(socket, "data");
    const reader = new FrameReader();
    const seen = { shown: Buffer.alloc(0), ended: false };
    socket.on("data", (bytes: Buffer) => {
      const frames = reader.push(bytes);
      const payloads = frames.map(({ payload }) => payload.subarray(1));
      seen.shown = Buffer.concat([seen.shown, ...payloads]);
      if (frames.some(({ opcode }) => opcode === 8)) socket.end();
    });
    socket.once("close", () => {
      seen.ended = true;
    });
    return seen;
  }

  /** Of each part. */
  async function parts(): Promise<Chunk[][]> {
    const entries = await bed.entries();
    const all = await Promise.all(
      entries.map(async (entry, index) => {
        if (entry.kind !== "brokered" || entry.event !== "stream") return [];
        const payload = await bed.broker.store.payload(index);
        const text = payload instanceof Uint8Array ? unsealPayload(payload)?.toString() : undefined;
        return [(JSON.parse(text ?? "{}") as { chunks: Chunk[] }).chunks];
      }),
    );
    return all.flat();
  }

  const said = (chunks: readonly Chunk[]) =>
    Buffer.concat(
      chunks.map(({ text, data = "" }) =>
        text === undefined ? Buffer.from(data, "base64") : Buffer.from(text),
      ),
    );

  it("in plenty is recorded in few parts, none of it shown before, and comes as it was", async () => {
    const seen = await running();
    gate();
    const printed = Buffer.from(Array.from({ length: 20 * PIECE }, (_, at) => 97 + (at % 23)));
    there.write(output(printed.subarray(0, PIECE)));
    while (waiting === 0) await turn();
    for (let at = PIECE; at < printed.length; at += PIECE)
      there.write(output(printed.subarray(at, at + PIECE)));
    for (let n = 0; n < 50; n++) await turn();
    expect([waiting, seen.shown.length]).to.deep.equal([1, 0]);
    open();
    while (seen.shown.length < printed.length) await turn();
    expect(seen.shown.equals(printed)).to.equal(true);
    const recorded = await parts();
    expect(recorded.length).to.be.lessThan(20);
    expect(said(recorded.flat()).equals(printed)).to.equal(true);
  });

  it("is not taken without end while it cannot be recorded yet", async () => {
    await running();
    gate();
    const piece = output(Buffer.alloc(PIECE, "x"));
    let taken = 0;
    // Far more than what is gathered, and what sockets hold.
    while (taken < 32 * 1024 * 1024 && there.writableLength < 1024 * 1024) {
      there.write(piece);
      taken += piece.length;
      await turn();
    }
    expect(taken).to.be.lessThan(32 * 1024 * 1024);
  });

  it("that comes by itself is recorded before it is shown", async () => {
    const seen = await running();
    gate();
    there.write(output(Buffer.from("a prompt> ")));
    while (waiting === 0) await turn();
    for (let n = 0; n < 20; n++) await turn();
    expect(seen.shown.length).to.equal(0);
  });

  it("ends where it cannot be recorded, also when nothing more comes", async () => {
    const seen = await running();
    there.write(output(Buffer.from("first")));
    while (seen.shown.length === 0) await turn();
    bed.broker.store.commit = () => Promise.reject(new Error("the disk is full"));
    there.write(output(Buffer.from("second")));
    while (!seen.ended) await turn();
    bed.clock.advance(10_000);
    expect(said((await parts()).flat()).toString()).to.equal("first");
  });

  it("is readable in the record where it is text, and as it was where it is not", async () => {
    const seen = await running();
    const text = Buffer.from("grüße\n");
    there.write(output(text));
    while (seen.shown.length < text.length) await turn();
    bed.clock.advance(10_000);
    const bytes = Buffer.from([0xff, 0xfe, 0, 1]);
    there.write(output(bytes));
    while (seen.shown.length < text.length + bytes.length) await turn();
    const [first, second] = await parts();
    expect(first?.map(({ text: own }) => own)).to.deep.equal([text.toString()]);
    expect(second?.map(({ data }) => data)).to.deep.equal([bytes.toString("base64")]);
  });
});
