/** What an agent may try with a command in a pod: to have it do what nobody allowed, or what nobody will see. */
import type { Duplex } from "node:stream";
import { expect } from "chai";
import { FrameReader, frameBytes } from "#apiserver-ext/broker/connection/frames.ts";
import type { Entry } from "#core/ledger/entry.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { type Bed, startBed } from "./bed.ts";

const EXEC = "/api/v1/namespaces/demo/pods/x/exec?command=sh&stdin=true";
const PROTOCOL = "v5.channel.k8s.io";
const COMMAND = "rm -rf /data\n";

/** A client's frame with any first byte; `claimed`: of this length, whatever follows. */
function clientFrame(first: number, payload: Buffer, claimed = payload.length): Buffer {
  const key = Buffer.from([7, 7, 7, 7]);
  const head = Buffer.alloc(4);
  head.writeUInt8(first, 0);
  head.writeUInt8(0x80 | 126, 1);
  head.writeUInt16BE(claimed, 2);
  return Buffer.concat([head, key, payload.map((byte, at) => byte ^ (key[at & 3] ?? 0))]);
}

const stdin = Buffer.from(`\0${COMMAND}`);

describe("an agent that attacks by a command in a pod", () => {
  let bed: Bed;
  /** What came to the pod, as frames of bytes that were not looked at. */
  let came: Buffer;
  beforeEach(async () => {
    bed = await startBed();
    came = Buffer.alloc(0);
    bed.upgrades.answer = (_request, socket) => {
      socket.on("data", (bytes: Buffer) => {
        came = Buffer.concat([came, bytes]);
      });
      socket.on("end", () => socket.end());
      accept(socket);
    };
  });
  afterEach(() => bed.close());

  const accept = (socket: Duplex) =>
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: ${PROTOCOL}\r\n\r\n`,
    );

  const upgrade = (below: string) =>
    [
      `GET ${bed.path}${below} HTTP/1.1`,
      ...["Host: x", "User: ann", "Connection: Upgrade", "Upgrade: websocket"],
      ...["Sec-WebSocket-Key: abc", "Sec-WebSocket-Version: 13", `Sec-WebSocket-Protocol: ${PROTOCOL}`],
      "\r\n",
    ].join("\r\n");

  /** Upgrades, sends these bytes, and leaves; resolves when all of it is over and recorded. */
  async function sends(bytes: Buffer): Promise<void> {
    const socket = bed.raw(upgrade(EXEC));
    socket.on("error", () => {});
    let isUp = false;
    socket.on("data", () => {
      if (isUp) return;
      isUp = true;
      socket.end(bytes);
    });
    await new Promise((resolve) => socket.once("close", resolve));
    while (!(await entries()).some((entry) => "event" in entry && entry.event === "response"))
      await new Promise((resolve) => setImmediate(resolve));
  }

  const entries = () => bed.entries();

  /** What the record has of what was typed. */
  async function typed(): Promise<string> {
    const all = await entries();
    const texts = await Promise.all(
      all.map(async (_: Entry, index) => {
        const payload = await bed.broker.store.payload(index);
        const text = payload instanceof Uint8Array ? unsealPayload(payload) : undefined;
        if (!(text instanceof Uint8Array)) return "";
        const { chunks = [] } = JSON.parse(Buffer.from(text).toString()) as {
          chunks?: { direction: string; channel: number; text?: string }[];
        };
        return chunks
          .filter(({ direction, channel }) => direction === "in" && channel === 0)
          .map(({ text: said = "(no text)" }) => said)
          .join("");
      }),
    );
    return texts.join("");
  }

  /** All data that a lenient server would take for it: of any kind of frame, also of one that was cut off. */
  function got(): string {
    const plain = Buffer.from(came.map((byte) => byte ^ 7)).toString("latin1");
    return plain.includes(COMMAND) ? COMMAND : "";
  }

  const FRAMES: Readonly<Record<string, Buffer>> = {
    "in one frame": clientFrame(0x82, stdin),
    "as text": clientFrame(0x81, stdin),
    "as what goes on": Buffer.concat([clientFrame(0x02, Buffer.from([0])), clientFrame(0x80, stdin)]),
    "as what goes on from another channel": Buffer.concat([
      clientFrame(0x02, Buffer.from([4])),
      clientFrame(0x80, stdin),
    ]),
    "in frames of kinds that are none": Buffer.concat(
      [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => clientFrame(0x80 | opcode, stdin)),
    ),
    "in a frame that is cut off": clientFrame(0x82, stdin, 1000),
    "in a frame that is cut off after a whole one": Buffer.concat([
      clientFrame(0x82, Buffer.from("\0#\n")),
      clientFrame(0x82, stdin, 1000),
    ]),
    "in a frame with an extension": clientFrame(0xc2, stdin),
  };
  for (const [how, bytes] of Object.entries(FRAMES))
    it(`types nothing that is not recorded, ${how}`, async () => {
      await sends(bytes);
      expect(await typed()).to.contain(got());
    });

  for (const how of ["in one frame", "as text"])
    it(`may type, ${how}`, async () => {
      await sends(FRAMES[how] ?? Buffer.alloc(0));
      expect(got()).to.equal(COMMAND);
    });

  it("types what is recorded, in order", async () => {
    await sends(
      Buffer.concat([clientFrame(0x82, Buffer.from("\0ec")), clientFrame(0x82, Buffer.from("\0ho\n"))]),
    );
    expect(await typed()).to.equal("echo\n");
    expect(new FrameReader().push(came).map(({ payload }) => payload.toString())).to.deep.equal([
      "\0ec",
      "\0ho\n",
    ]);
  });

  it("hears nothing in frames of kinds that are none", async () => {
    bed.upgrades.answer = (_request, socket) => {
      accept(socket);
      for (const opcode of [3, 7, 11, 15])
        socket.write(frameBytes({ fin: true, opcode, payload: Buffer.from("\x01secret") }));
      socket.end();
    };
    const socket = bed.raw(upgrade(EXEC));
    socket.on("error", () => {});
    let all = "";
    socket.on("data", (bytes: Buffer) => {
      all += bytes.toString("latin1");
      if (all.includes("goes no further")) socket.end();
    });
    await new Promise((resolve) => socket.once("close", resolve));
    expect(all).to.not.contain("secret");
  });

  const QUERIES: readonly [string, number][] = [
    ["stdin=true", 403],
    ["stdin", 403],
    ["stdin=", 403],
    ["stdin=1", 403],
    ["stdin=TRUE", 403],
    ["std%69n=true", 403],
    ["stdin=true&stdin=false", 403],
    ["?stdin=false&stdin=true", 403],
    ["stdin=%zz", 403],
    ["tty=true", 403],
    ["?tty=false&tty=true", 403],
    ["stdin=false&stdin=true", 101],
    ["stdin=FALSE", 101],
    ["stdin=0", 101],
  ];
  for (const [query, code] of QUERIES)
    it(`asks for input as the API server reads it: ${query}`, async () => {
      await bed.close();
      bed = await startBed({ exec: { stdin: false, tty: false } });
      bed.upgrades.answer = (_request, socket) => {
        accept(socket);
        socket.end();
      };
      const answer = await bed.answerTo(upgrade(`/api/v1/namespaces/demo/pods/x/exec?${query}&command=id`));
      expect(answer.slice(0, 12)).to.equal(`HTTP/1.1 ${code}`);
    });
});
