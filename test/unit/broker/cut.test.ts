/** What a client is told whose command or forwarded port is cut: by frames, as kubectl reads them; and that nothing waits for it. */
import { once } from "node:events";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { expect } from "chai";
import { type Frame, FrameReader, frameBytes } from "#apiserver-ext/broker/connection/frames.ts";
import type { BrokeredEntry } from "#core/ledger/session-entry.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { control, data, SpdyWriter } from "../../support/spdy.ts";
import { type Bed, startBed } from "./bed.ts";

const POD = "/api/v1/namespaces/demo/pods/x";
const EXEC = `${POD}/exec?command=sh&stdin=true&stdout=true`;
const FORWARD = `${POD}/portforward`;
const V5 = "v5.channel.k8s.io";
const TUNNEL = "SPDY/3.1+portforward.k8s.io";

const turn = () => new Promise((resolve) => setImmediate(resolve));
const frame = (payload: Buffer, more: Partial<Frame> = {}) =>
  frameBytes({ fin: true, opcode: 2, payload, ...more });
const channel = (number: number, text: string) => Buffer.concat([Buffer.of(number), Buffer.from(text)]);

/** A client's frame: masked, with a key of naughts. */
function fromClient(payload: Buffer): Buffer {
  const plain = frame(payload);
  const head = plain.subarray(0, plain.length - payload.length);
  head[1] = (head[1] ?? 0) | 0x80;
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

/** A connection that is up, and what has come by it. */
interface Client {
  socket: Socket;
  frames: Frame[];
  /** What the pod's end of it is. */
  pod: Duplex;
  podClosed: Promise<unknown>;
}

describe("a connection that is cut", () => {
  let bed: Bed;
  beforeEach(async () => {
    bed = await startBed({ portForward: true, forwardedPorts: [80] });
  });
  afterEach(() => bed.close());

  /** @param leaves it goes once it is told that the connection ends, as clients do. */
  async function connected(below: string, protocol: string, leaves = true): Promise<Client> {
    const pod = Promise.withResolvers<Duplex>();
    bed.upgrades.answer = (_request, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
      );
      pod.resolve(socket);
    };
    const socket = bed.raw(
      [
        `GET ${bed.path}${below} HTTP/1.1`,
        ...["Host: x", "User: ann", "Connection: Upgrade", "Upgrade: websocket"],
        ...["Sec-WebSocket-Key: abc", "Sec-WebSocket-Version: 13", `Sec-WebSocket-Protocol: ${protocol}`],
        "\r\n",
      ].join("\r\n"),
    );
    socket.on("error", () => {});
    await once(socket, "data");
    const frames: Frame[] = [];
    const reader = new FrameReader();
    socket.on("data", (bytes: Buffer) => {
      frames.push(...reader.push(bytes));
      if (leaves && frames.some(({ opcode }) => opcode === 8)) socket.end();
    });
    const there = await pod.promise;
    const podClosed = new Promise((resolve) => there.once("end", resolve).once("close", resolve));
    there.resume();
    return { socket, frames, pod: there, podClosed };
  }

  const end = () => bed.broker.live.end(bed.session.metadata.uid);
  const closed = async ({ socket, podClosed }: Client) =>
    Promise.all([podClosed, socket.closed || once(socket, "close")]);
  const shown = async ({ frames }: Client, text: string) => {
    while (!frames.some(({ payload }) => payload.includes(text))) await turn();
  };

  async function recorded(): Promise<BrokeredEntry> {
    for (;;) {
      const found = (await bed.entries()).find(
        (entry) => entry.kind === "brokered" && entry.event === "response",
      );
      if (found?.kind === "brokered") return found;
      await turn();
    }
  }

  async function tape(): Promise<{ direction: string; channel: number; text: string }[]> {
    const entries = await bed.entries();
    const parts = await Promise.all(
      entries.map(async (entry, index) => {
        if (entry.kind !== "brokered" || entry.event !== "stream") return [];
        const payload = await bed.broker.store.payload(index);
        const text = payload instanceof Uint8Array ? unsealPayload(payload)?.toString() : undefined;
        return (JSON.parse(text ?? "{}") as { chunks: [] }).chunks;
      }),
    );
    return parts.flat();
  }

  const closing = ({ frames }: Client) =>
    frames
      .filter(({ opcode }) => opcode === 8)
      .map(({ payload }) => [payload.readUInt16BE(0), payload.toString("utf8", 2)]);
  const statuses = ({ frames }: Client) =>
    frames
      .filter(({ opcode, payload }) => opcode === 2 && payload[0] === 3)
      .map(({ payload }) => JSON.parse(payload.toString("utf8", 1)));

  const OVER = {
    ...{ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure" },
    ...{ message: "the session has ended", reason: "Forbidden", code: 403 },
  };

  for (const protocol of [V5, "v4.channel.k8s.io"])
    it(`is told why by the status of its command, by ${protocol}`, async () => {
      const client = await connected(EXEC, protocol);
      client.pod.write(frame(channel(1, "working")));
      await shown(client, "working");
      end();
      await closed(client);
      expect(statuses(client)).to.deep.equal([OVER]);
      // Any other code, and kubectl prints that and not the status.
      expect(closing(client)).to.deep.equal([[1000, "the session has ended"]]);
      expect(client.frames.at(-1)?.opcode).to.equal(8);
      expect((await recorded()).message).to.equal("the session has ended");
      const told = (await tape()).filter((one) => one.channel === 3);
      expect(told.map(({ text }) => JSON.parse(text))).to.deep.equal([OVER]);
    });

  it("is told no second status: its command had ended", async () => {
    const client = await connected(EXEC, V5);
    client.pod.write(frame(channel(3, '{"status":"Success"}')));
    await shown(client, "Success");
    end();
    await closed(client);
    expect(statuses(client)).to.deep.equal([{ status: "Success" }]);
    expect(closing(client).map(([code]) => code)).to.deep.equal([1000]);
  });

  it("is told by how it is closed where the pod sends messages in parts: there is no place for another", async () => {
    const client = await connected(EXEC, V5);
    client.pod.write(frame(channel(1, "half"), { fin: false }));
    await shown(client, "half");
    end();
    await closed(client);
    expect(statuses(client)).to.deep.equal([]);
    expect(closing(client)).to.deep.equal([[1008, "the session has ended"]]);
  });

  it("hears no more of what is typed, and shows no more of what comes", async () => {
    const client = await connected(EXEC, V5, false);
    client.socket.write(fromClient(channel(0, "before")));
    while (!(await tape()).some(({ direction }) => direction === "in")) await turn();
    end();
    await shown(client, "the session has ended");
    client.socket.end(fromClient(channel(0, "after")));
    await closed(client);
    await recorded();
    expect(
      (await tape()).filter(({ direction }) => direction === "in").map(({ text }) => text),
    ).to.deep.equal(["before"]);
  });

  it("is cut and recorded at once, and closed, though its client reads nothing", async () => {
    const client = await connected(EXEC, V5);
    client.socket.pause();
    const before = bed.events.length;
    // More than sockets hold on the way.
    const plenty = frame(Buffer.concat([Buffer.of(1), Buffer.alloc(64 * 1024, "x")]));
    while (client.pod.writableLength < 1024 * 1024) {
      client.pod.write(plenty);
      await turn();
    }
    end();
    await client.podClosed;
    expect((await recorded()).message).to.equal("the session has ended");
    while (bed.events.length === before) await turn();
  });

  it("is told that it cannot be recorded", async () => {
    const client = await connected(EXEC, V5);
    client.pod.write(frame(channel(1, "first")));
    await shown(client, "first");
    bed.broker.store.commit = () => Promise.reject(new Error("the disk is full"));
    client.socket.write(fromClient(channel(0, "typed")));
    await closed(client);
    expect(statuses(client).map(({ reason, message }) => [reason, message])).to.deep.equal([
      ["InternalError", "what goes on cannot be recorded, and so goes no further"],
    ]);
  });

  it("is told what of it nobody takes", async () => {
    const client = await connected(EXEC, V5);
    const whole = fromClient(channel(0, "typed"));
    whole[0] = 0x02;
    client.socket.write(whole);
    await closed(client);
    expect(statuses(client).map(({ message }) => message)).to.deep.equal(["a message comes in parts"]);
  });

  describe("of a forwarded port", () => {
    let writer: SpdyWriter;
    let pods: SpdyWriter;
    beforeEach(() => {
      writer = new SpdyWriter();
      pods = new SpdyWriter();
    });
    afterEach(() => {
      writer.close();
      pods.close();
    });

    /** As the pod does: the streams are there. */
    const replied = async (...ids: number[]) => {
      const replies: Buffer[] = [];
      for (const id of ids) {
        const head = Buffer.alloc(4);
        head.writeUInt32BE(id);
        replies.push(control(2, Buffer.concat([head, await pods.compressed(Buffer.alloc(4))])));
      }
      return Buffer.concat(replies);
    };
    const FIN = 1;
    /** As a client reads them: stream, whether it is the last of it, what it says. */
    const said = ({ frames }: Client) => {
      const found: [number, boolean, string][] = [];
      const all = Buffer.concat(frames.filter(({ opcode }) => opcode === 2).map(({ payload }) => payload));
      for (let at = 0; at < all.length; at += 8 + all.readUIntBE(at + 5, 3))
        if ((all.readUInt8(at) & 0x80) === 0)
          found.push([
            all.readUInt32BE(at),
            (all.readUInt8(at + 4) & FIN) !== 0,
            all.toString("latin1", at + 8, at + 8 + all.readUIntBE(at + 5, 3)),
          ]);
      return found;
    };

    it("is told how it is closed, where nothing goes on in it", async () => {
      const client = await connected(FORWARD, TUNNEL);
      end();
      await closed(client);
      expect(client.frames.map(({ opcode }) => opcode)).to.deep.equal([8]);
      expect(closing(client)).to.deep.equal([[1008, "the session has ended"]]);
      expect((await recorded()).message).to.equal("the session has ended");
    });

    it("is told by the errors of the connections that go on, and not of those that are over", async () => {
      const client = await connected(FORWARD, TUNNEL);
      const both = Buffer.concat([await writer.connection(80, 0), await writer.connection(80, 1)]);
      const came = once(client.pod, "data");
      client.socket.write(fromClient(both));
      await came;
      const last = (id: number) => {
        const frame = data(id, Buffer.alloc(0));
        frame[4] = FIN;
        return frame;
      };
      const over = [await replied(1, 3, 5, 7), data(7, Buffer.from("hello")), last(1), last(3)];
      client.pod.write(frame(Buffer.concat(over)));
      await shown(client, "hello");
      end();
      await shown(client, "the session has ended");
      client.socket.end();
      await closed(client);
      expect(said(client).slice(-2)).to.deep.equal([
        [5, true, "the session has ended"],
        [7, true, ""],
      ]);
    });

    it("is told which port the profile does not allow, by the errors of the connection to it", async () => {
      const client = await connected(FORWARD, TUNNEL);
      const came = once(client.pod, "data");
      client.socket.write(fromClient(await writer.connection(80, 0)));
      await came;
      client.pod.write(frame(Buffer.concat([await replied(1, 3), data(3, Buffer.from("hello"))])));
      await shown(client, "hello");
      client.socket.write(fromClient(await writer.connection(22, 1)));
      await shown(client, "port 22");
      client.socket.end();
      await closed(client);
      const [, ...told] = said(client);
      expect(told).to.deep.equal([
        [1, true, "the profile does not allow port 22"],
        [5, true, "the profile does not allow port 22"],
        [3, true, ""],
        [7, true, ""],
      ]);
      expect((await recorded()).message).to.equal("the profile does not allow port 22");
    });

    it("is told by how it is closed in the middle of what the pod says", async () => {
      const client = await connected(FORWARD, TUNNEL);
      const came = once(client.pod, "data");
      client.socket.write(fromClient(await writer.connection(80, 0)));
      await came;
      const [said, rest] = [Buffer.from("hello"), 3];
      const half = Buffer.concat([await replied(1, 3), data(3, said)]).subarray(0, -rest);
      client.pod.write(frame(half));
      await shown(client, "he");
      end();
      await closed(client);
      expect(closing(client)).to.deep.equal([[1008, "the session has ended"]]);
      expect(client.frames.at(-2)?.payload.equals(half)).to.equal(true);
    });
  });
});
