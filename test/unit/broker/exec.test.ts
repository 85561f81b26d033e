/** Commands in pods through a session: frames, both ways, masked and recorded; and what waits for people. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { expect } from "chai";
import { FrameReader, frameBytes } from "#apiserver-ext/broker/connection/frames.ts";
import { putApproval } from "#core/hold/rows.ts";
import { REPLACEMENT } from "#core/mask/values.ts";
import { decided, pending } from "#core/transitions.ts";
import { type Bed, json, KNOWN, startBed } from "./bed.ts";

const EXEC = "/api/v1/namespaces/demo/pods/x/exec?command=sh&command=-c&command=id&stdin=true";
const PROTOCOL = "v5.channel.k8s.io";

/** A client's frame: masked, as they must be. */
function clientFrame(payload: Buffer): Buffer {
  const plain = frameBytes({ fin: true, opcode: 2, payload });
  const head = plain.subarray(0, plain.length - payload.length);
  head[1] = (head[1] ?? 0) | 0x80;
  const key = Buffer.from([1, 2, 3, 4]);
  return Buffer.concat([head, key, payload.map((byte, at) => byte ^ (key[at & 3] ?? 0))]);
}

const output = (text: string, channel = 1) =>
  frameBytes({ fin: true, opcode: 2, payload: Buffer.concat([Buffer.of(channel), Buffer.from(text)]) });

describe("frames", () => {
  it("are read however they are cut, of every length, masked or not", () => {
    const payloads = [0, 1, 125, 126, 65_535, 65_536].map((length) => Buffer.alloc(length, "x"));
    for (const size of [1, 7, 4096, 1_000_000]) {
      const reader = new FrameReader();
      const all = Buffer.concat(
        payloads.flatMap((payload) => [clientFrame(payload), frameBytes({ fin: true, opcode: 2, payload })]),
      );
      const read: number[] = [];
      for (let at = 0; at < all.length; at += size)
        for (const { payload } of reader.push(all.subarray(at, at + size))) read.push(payload.length);
      expect(read).to.deep.equal(payloads.flatMap(({ length }) => [length, length]));
    }
  });

  it("with extensions, or too large, are refused", () => {
    expect(() => new FrameReader().push(Buffer.from([0xc2, 0]))).to.throw("extension");
    const large = Buffer.from([0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0]);
    expect(() => new FrameReader().push(large)).to.throw("too large");
  });
});

describe("a command in a pod", () => {
  let bed: Bed;
  beforeEach(async () => {
    bed = await startBed();
  });
  afterEach(() => bed.close());

  const upgrade = (below = EXEC, lines: readonly string[] = []) =>
    [
      `GET ${bed.path}${below} HTTP/1.1`,
      ...["Host: x", "User: ann", "Connection: Upgrade", "Upgrade: websocket"],
      ...["Sec-WebSocket-Key: abc", "Sec-WebSocket-Version: 13", `Sec-WebSocket-Protocol: ${PROTOCOL}`],
      ...lines,
      "\r\n",
    ].join("\r\n");

  const accept = (socket: Duplex) =>
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: ${PROTOCOL}\r\nSet-Cookie: a\r\n\r\n`,
    );

  /** What comes back, until it fits. */
  async function received(socket: Duplex, fits: (all: Buffer) => boolean): Promise<Buffer> {
    let all = Buffer.alloc(0);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      all = Buffer.concat([all, chunk]);
      if (fits(all)) break;
    }
    return all;
  }

  it("goes both ways, with the values of Secrets masked however they are cut, and is recorded", async () => {
    bed.upgrades.answer = (_request, socket) => {
      accept(socket);
      const reader = new FrameReader();
      socket.on("data", (chunk: Buffer) => {
        for (const { payload } of reader.push(chunk)) {
          expect(payload.toString()).to.equal("\0typed");
          socket.write(output(`a ${KNOWN.slice(0, 6)}`));
          socket.write(output("to stderr", 2));
          socket.write(output(`${KNOWN.slice(6)} b fine`));
          socket.write(output('{"status":"Success"}', 3));
          socket.end(frameBytes({ fin: true, opcode: 8, payload: Buffer.alloc(0) }));
        }
      });
    };
    const socket = bed.raw(upgrade());
    let isUp = false;
    const all = await received(socket, (seen) => {
      if (!isUp && seen.includes("\r\n\r\n")) {
        isUp = true;
        socket.write(clientFrame(Buffer.from("\0typed")));
      }
      return false;
    });
    const [head = "", ...rest] = all.toString("latin1").split("\r\n\r\n");
    expect(head)
      .to.match(/^HTTP\/1\.1 101 /)
      .and.contain(PROTOCOL)
      .and.not.match(/cookie/i);
    const frames = new FrameReader().push(Buffer.from(rest.join("\r\n\r\n"), "latin1"));
    const texts = frames.filter(({ opcode }) => opcode === 2).map(({ payload }) => payload);
    const of = (channel: number) =>
      texts
        .filter(([first]) => first === channel)
        .map((payload) => payload.subarray(1).toString())
        .join("");
    expect([of(1), of(2), of(3)]).to.deep.equal([
      `a ${REPLACEMENT} b fine`,
      "to stderr",
      '{"status":"Success"}',
    ]);
    const events = (await ended(bed)).map((entry) => "event" in entry && entry.event);
    expect([events[0], events.at(-1)]).to.deep.equal(["request", "response"]);
    expect(new Set(events.slice(1, -1))).to.deep.equal(new Set(["stream"]));
  });

  /** All entries, once the last one of the connection is there. */
  async function ended({ entries }: Bed) {
    for (;;) {
      const all = await entries();
      if (all.some((entry) => entry.kind === "brokered" && entry.event === "response")) return all;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it("is cut when the session ends", async () => {
    let there: Promise<unknown> | undefined;
    bed.upgrades.answer = (_request, socket) => {
      there = new Promise((resolve) => socket.once("end", resolve).once("close", resolve));
      socket.resume();
      accept(socket);
    };
    const socket = bed.raw(upgrade());
    socket.on("error", () => {});
    const here = new Promise((resolve) => socket.once("close", resolve));
    await once(socket, "data");
    socket.on("data", () => socket.end());
    bed.broker.live.end(bed.session.metadata.uid);
    await Promise.all([here, there]);
  });

  const REFUSED: readonly [string, string, string][] = [
    ["a terminal that the profile does not allow", `${EXEC}&tty=true`, "no terminal"],
    [
      "an upgrade of what is no command",
      "/api/v1/namespaces/demo/configmaps",
      "only exec, attach and port-forward",
    ],
    ["a forwarded port", "/api/v1/namespaces/demo/pods/x/portforward", "does not allow port-forward"],
  ];
  for (const [what, below, why] of REFUSED)
    it(`is refused: ${what}`, async () => {
      const answer = await bed.answerTo(upgrade(below));
      expect(answer)
        .to.match(/^HTTP\/1\.1 403 /)
        .and.contain(why);
      expect(bed.arrived).to.deep.equal([]);
    });

  it("that is refused behind is refused in the same words, and leaves no connection", async () => {
    bed.upgrades.answer = (_request, socket) => {
      const body = JSON.stringify({ kind: "Status", code: 403, message: "no such right" });
      socket.end(
        `HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    };
    expect(await bed.answerTo(upgrade()))
      .to.match(/^HTTP\/1\.1 403 /)
      .and.contain("no such right");
  });
});

describe("a request that waits for people", () => {
  it("is asked again once they have decided, however long that takes, and not before", async () => {
    const bed = await startBed();
    try {
      const metadata = { name: "delete-x", namespace: "demo", uid: "a1" };
      const spec = { agent: { username: "a", groups: [] }, approvers: [{ groups: [], count: 1 }] };
      const approval = pending(metadata, spec as never, bed.clock.now(), 3600);
      const stored = { approval, intent: "", namespaceUid: "ns-1", approvedSeconds: 60 };
      await bed.broker.store.commit(putApproval(stored, 0));
      const held =
        'admission webhook "hoop.dev" denied the request: HELD, not refused. approval=delete-x namespace=demo rule=r';
      bed.behind.answer = (_request, response) => {
        if (bed.arrived.length === 1) json(response, { kind: "Status", code: 429, message: held }, 429);
        else json(response, { kind: "Status", status: "Success" });
      };
      const answer = bed.call(`${bed.path}/api/v1/namespaces/demo/configmaps/x`, {}, "DELETE");
      while (bed.clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
      bed.clock.advance(300_000);
      expect(bed.arrived).to.have.length(1);
      const decision = { user: "p", verdict: "Approve" as const, groups: [] };
      const approved = decided(approval, decision, bed.clock.now(), 60);
      await bed.broker.store.commit(putApproval({ ...stored, approval: approved }, undefined as never));
      expect((await answer).status).to.equal(200);
      expect(bed.arrived).to.have.length(2);
    } finally {
      await bed.close();
    }
  });
});
