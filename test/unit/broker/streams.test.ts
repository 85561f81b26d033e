/** What lasts in a session: forwarded ports, people who decide while it waits, values that come while it runs. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { expect } from "chai";
import { FrameReader, frameBytes } from "#apiserver-ext/broker/connection/frames.ts";
import { putApproval } from "#core/hold/rows.ts";
import { unsealPayload } from "#core/log/payload.ts";
import { knownValues, REPLACEMENT } from "#core/mask/values.ts";
import { decided, pending } from "#core/transitions.ts";
import { data, SpdyWriter } from "../../support/spdy.ts";
import { type Bed, EMPTY, json, KNOWN, startBed } from "./bed.ts";

const POD = "/api/v1/namespaces/demo/pods/x";
const EXEC = `${POD}/exec?command=id`;
const FORWARD = `${POD}/portforward`;
const PROTOCOLS = { exec: "v5.channel.k8s.io", forward: "SPDY/3.1+portforward.k8s.io" };

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A client's frame: masked, with a key of naughts. */
function fromClient(payload: Buffer): Buffer {
  const plain = frameBytes({ fin: true, opcode: 2, payload });
  const head = plain.subarray(0, plain.length - payload.length);
  head[1] = (head[1] ?? 0) | 0x80;
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

const fromPod = (text: string) => frameBytes({ fin: true, opcode: 2, payload: Buffer.from(text) });

describe("what lasts in a session", () => {
  let bed: Bed;
  beforeEach(async () => {
    bed = await startBed({ portForward: true });
  });
  afterEach(() => bed.close());

  const upgrade = (below: string, protocol: string, kind = "websocket", method = "GET") =>
    [
      `${method} ${bed.path}${below} HTTP/1.1`,
      ...["Host: x", "User: ann", "Connection: Upgrade", `Upgrade: ${kind}`],
      ...["Sec-WebSocket-Key: abc", "Sec-WebSocket-Version: 13", `Sec-WebSocket-Protocol: ${protocol}`],
      "\r\n",
    ].join("\r\n");

  const accept = (socket: Duplex, protocol: string) =>
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
    );

  async function payloads(): Promise<unknown[]> {
    const entries = await bed.entries();
    const found = await Promise.all(
      entries.map(async (entry, index) => {
        if (!("event" in entry) || entry.event !== "stream") return [];
        const payload = await bed.broker.store.payload(index);
        const text = payload instanceof Uint8Array ? unsealPayload(payload) : undefined;
        return text instanceof Uint8Array ? [JSON.parse(Buffer.from(text).toString())] : [];
      }),
    );
    return found.flat();
  }

  async function recorded() {
    for (;;) {
      const all = await bed.entries();
      const end = all.find((entry) => entry.kind === "brokered" && entry.event === "response");
      if (end?.kind === "brokered") return end;
      await turn();
    }
  }

  describe("a forwarded port", () => {
    let writer: SpdyWriter;
    beforeEach(() => {
      writer = new SpdyWriter();
    });
    afterEach(() => writer.close());

    it("goes both ways as it is, and is recorded by counts and hashes, and nothing of what it says", async () => {
      bed.upgrades.answer = (_request, socket) => {
        accept(socket, PROTOCOLS.forward);
        const reader = new FrameReader();
        socket.on("data", (chunk: Buffer) => {
          for (const { payload } of reader.push(chunk)) {
            if (!payload.includes(KNOWN)) continue;
            expect(payload.subarray(8).toString()).to.equal(`ask ${KNOWN}`);
            socket.write(fromPod(`answer ${KNOWN}`));
            socket.end();
          }
        });
      };
      const socket = bed.raw(upgrade(FORWARD, PROTOCOLS.forward));
      const [asks, says] = [await writer.connection(5432, 0), data(3, Buffer.from(`ask ${KNOWN}`))];
      let all = Buffer.alloc(0);
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        if (all.length === 0) for (const part of [asks, says]) socket.write(fromClient(part));
        all = Buffer.concat([all, chunk]);
      }
      expect(all.toString()).to.contain(PROTOCOLS.forward).and.contain(`answer ${KNOWN}`);
      expect(await recorded()).to.deep.include({ code: 101, bytes: `answer ${KNOWN}`.length });
      const [first, ...rest] = (await payloads()) as {
        ports?: number[];
        forwarded: { direction: string; bytes: number; sha256: string }[];
      }[];
      const counts = (of: typeof first) =>
        of?.forwarded.map(({ direction, bytes }) => [direction, bytes]) ?? [];
      expect(first?.ports, "before anything goes there").to.deep.equal([5432]);
      expect(counts(first)).to.deep.equal([["in", asks.length]]);
      expect(rest.flatMap(counts)).to.deep.equal([
        ["in", says.length],
        ["out", `answer ${KNOWN}`.length],
      ]);
      expect(JSON.stringify([await bed.entries(), await payloads()])).to.not.contain(KNOWN);
    });

    const CUT: Record<string, [says: () => Promise<Buffer>, why: string]> = {
      "where it cannot be told which port is meant": [
        async () => Buffer.from("\u0080 is no SPDY, and no port", "latin1"),
        "it cannot be told which ports are asked for: a frame is none of SPDY/3.1",
      ],
      "where the profile does not allow the port": [
        async () => Buffer.concat([await writer.connection(5432, 0), await writer.connection(22, 1)]),
        "the profile does not allow port 22",
      ],
    };
    for (const [where, [says, why]] of Object.entries(CUT))
      it(`is cut ${where}, and nothing of that goes on`, async () => {
        await bed.close();
        bed = await startBed({ portForward: true, forwardedPorts: [80, 5432] });
        const got: string[] = [];
        bed.upgrades.answer = (_request, socket) => {
          accept(socket, PROTOCOLS.forward);
          socket.on("data", (chunk: Buffer) => got.push(chunk.toString("latin1")));
          socket.on("error", () => {});
        };
        const socket = bed.raw(upgrade(FORWARD, PROTOCOLS.forward));
        socket.on("error", () => {});
        await once(socket, "data");
        const closed = once(socket, "close");
        socket.on("data", () => socket.end());
        socket.write(fromClient(await says()));
        await closed;
        expect((await recorded()).message).to.equal(why);
        expect(got).to.deep.equal([]);
      });

    it("is refused where the profile does not allow it, also by SPDY, before anything is asked", async () => {
      await bed.close();
      bed = await startBed();
      for (const kind of ["websocket", "SPDY/3.1"])
        expect(await bed.answerTo(upgrade(FORWARD, PROTOCOLS.forward, kind)))
          .to.match(/^HTTP\/1\.1 403 /)
          .and.contain("the profile does not allow port-forward")
          .and.contain("spec.session.portForward")
          .and.contain("forwardedPorts");
      expect(bed.arrived).to.deep.equal([]);
    });

    const OTHERS: readonly [string, string][] = [
      [PROTOCOLS.forward, "SPDY/3.1"],
      ["v4.channel.k8s.io", "websocket"],
      [PROTOCOLS.exec, "websocket"],
    ];
    for (const [protocol, kind] of OTHERS)
      it(`is refused in words that say what to set: ${kind}, ${protocol}`, async () => {
        expect(await bed.answerTo(upgrade(FORWARD, protocol, kind)))
          .to.match(/^HTTP\/1\.1 403 /)
          .and.contain("KUBECTL_PORT_FORWARD_WEBSOCKETS");
        expect(bed.arrived).to.deep.equal([]);
      });

    it("is cut when the session ends", async () => {
      bed.upgrades.answer = (_request, socket) => {
        accept(socket, PROTOCOLS.forward);
        socket.resume();
      };
      const socket = bed.raw(upgrade(FORWARD, PROTOCOLS.forward));
      socket.on("error", () => {});
      await once(socket, "data");
      const closed = once(socket, "close");
      socket.on("data", () => socket.end());
      bed.broker.live.end(bed.session.metadata.uid);
      await closed;
    });
  });

  describe("a command by SPDY", () => {
    const spdy = () => bed.answerTo(upgrade(EXEC, "", "SPDY/3.1", "POST"));

    it("is refused in words that say what to set", async () => {
      expect(await spdy())
        .to.match(/^HTTP\/1\.1 403 /)
        .and.contain("KUBECTL_REMOTE_COMMAND_WEBSOCKETS");
    });

    it("that comes since the WebSocket was refused is told why that was, once", async () => {
      bed.upgrades.answer = (_request, socket) => {
        const body = JSON.stringify({ kind: "Status", code: 403, message: "denied by Ann: not today" });
        socket.end(
          `HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
      };
      expect(await bed.answerTo(upgrade(EXEC, PROTOCOLS.exec))).to.contain("denied by Ann: not today");
      expect(await spdy()).to.contain("denied by Ann: not today");
      expect(await spdy()).to.contain("KUBECTL_REMOTE_COMMAND_WEBSOCKETS");
      expect(bed.arrived).to.have.length(1);
    });
  });

  describe("what is typed into a command", () => {
    it("does not lie in the ledger where it is a Secret's value, and goes on as it is", async () => {
      let got = "";
      bed.upgrades.answer = (_request, socket) => {
        accept(socket, PROTOCOLS.exec);
        const reader = new FrameReader();
        socket.on("data", (chunk: Buffer) => {
          for (const { payload } of reader.push(chunk)) got += payload.subarray(1).toString();
          if (got.endsWith("\n")) socket.end();
        });
      };
      const socket = bed.raw(upgrade(EXEC, PROTOCOLS.exec));
      await once(socket, "data");
      socket.write(fromClient(Buffer.from(`\0login ${KNOWN.slice(0, 8)}`)));
      socket.write(fromClient(Buffer.from(`\0${KNOWN.slice(8)}\n`)));
      await once(socket.resume(), "close");
      await recorded();
      expect(got).to.equal(`login ${KNOWN}\n`);
      const chunks = ((await payloads()) as { chunks: { text: string }[] }[]).flatMap((part) => part.chunks);
      expect(chunks.map(({ text }) => text).join("")).to.equal(`login ${REPLACEMENT}\n`);
    });

    it("goes nowhere once it cannot be recorded", async () => {
      let got = "";
      bed.upgrades.answer = (_request, socket) => {
        accept(socket, PROTOCOLS.exec);
        socket.on("data", (chunk: Buffer) => {
          got += chunk.toString("latin1");
        });
      };
      const socket = bed.raw(upgrade(EXEC, PROTOCOLS.exec));
      socket.on("error", () => {});
      await once(socket, "data");
      bed.broker.store.commit = () => Promise.reject(new Error("the disk is full"));
      const closed = once(socket, "close");
      socket.on("data", () => socket.end());
      socket.write(fromClient(Buffer.from("\0rm -rf /\n")));
      await closed;
      expect(got).to.equal("");
    });
  });

  describe("a value that comes while it runs", () => {
    it("is masked in a log from then on", async () => {
      let known = knownValues([]);
      bed.broker.known.of = async () => known;
      let write = (_text: string) => {};
      bed.behind.answer = (_request, response) => {
        response.writeHead(200, { "Content-Type": "text/plain" });
        write = (text) => response.write(text);
        response.write("first\n");
      };
      const socket = bed.raw(
        `GET ${bed.path}${POD}/log?follow=true HTTP/1.1\r\nHost: x\r\nUser: ann\r\n\r\n`,
      );
      let all = "";
      socket.on("data", (chunk: Buffer) => {
        all += chunk.toString();
      });
      while (!all.includes("first")) await turn();
      known = knownValues([Buffer.from("new-secret-value")]);
      write("then new-secret-value\n");
      while (!all.includes("then")) await turn();
      expect(all).to.contain(`then ${REPLACEMENT}`);
      socket.destroy();
    });

    it("is masked in what a command prints from then on", async () => {
      let known = knownValues([]);
      bed.broker.known.of = async () => known;
      let there: Duplex | undefined;
      bed.upgrades.answer = (_request, socket) => {
        accept(socket, PROTOCOLS.exec);
        there = socket;
      };
      const socket = bed.raw(upgrade(EXEC, PROTOCOLS.exec));
      await once(socket, "data");
      known = knownValues([Buffer.from("new-secret-value")]);
      const shown = once(socket, "data");
      there?.write(fromPod("\x01new-secret-value\n"));
      expect(String((await shown)[0])).to.contain(REPLACEMENT);
      socket.destroy();
    });
  });

  describe("what waits for people", () => {
    const metadata = { name: "exec-x", namespace: "demo", uid: "a1" };
    const held = (state = "HELD, not refused. approval=exec-x namespace=demo rule=r") =>
      `admission webhook "agents-are-refused-while-hoop-is-unreachable.hoop.dev" denied the request: ${state}`;

    async function waiting() {
      const spec = { agent: { username: "a", groups: [] }, approvers: [{ groups: [], count: 1 }] };
      const approval = pending(metadata, spec as never, bed.clock.now(), 3600);
      const stored = { approval, intent: "", namespaceUid: "ns-1", approvedSeconds: 60 };
      await bed.broker.store.commit(putApproval(stored, 0));
      return async (verdict: "Approve" | "Deny") => {
        const decision = { user: "p", verdict, groups: [] };
        const after = decided(approval, decision, bed.clock.now(), 60);
        await bed.broker.store.commit(putApproval({ ...stored, approval: after }, undefined as never));
      };
    }

    /** Holds the first, and answers the rest so. */
    const holding = (then: (socket: Duplex) => void) => {
      bed.upgrades.answer = (_request, socket) => {
        if (bed.arrived.length > 1) return then(socket);
        refuse(socket, held());
      };
    };

    const refuse = (socket: Duplex, message: string) => {
      const body = JSON.stringify({ kind: "Status", code: 403, message });
      socket.end(
        `HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    };

    const sleeping = async () => {
      while (bed.clock.sleeping === 0) await turn();
    };

    it("waits for minutes, and then runs the command once", async () => {
      const decide = await waiting();
      holding((socket) => {
        accept(socket, PROTOCOLS.exec);
        socket.end();
      });
      const answer = bed.answerTo(upgrade(EXEC, PROTOCOLS.exec));
      await sleeping();
      bed.clock.advance(150_000);
      await decide("Approve");
      expect(await answer).to.match(/^HTTP\/1\.1 101 /);
      expect(bed.arrived).to.have.length(2);
      const events = (await bed.entries()).map((entry) => "event" in entry && entry.event);
      expect(events.filter((event) => event === "request")).to.have.length(1);
    });

    it("is told the reason where people refuse", async () => {
      const decide = await waiting();
      holding((socket) => refuse(socket, held("denied by p: not today")));
      const answer = bed.answerTo(upgrade(EXEC, PROTOCOLS.exec));
      await sleeping();
      await decide("Deny");
      expect(await answer)
        .to.match(/^HTTP\/1\.1 403 /)
        .and.contain("not today");
    });

    it("does nothing later when its client has left", async () => {
      const decide = await waiting();
      holding((socket) => accept(socket, PROTOCOLS.exec));
      const socket = bed.raw(upgrade(EXEC, PROTOCOLS.exec));
      socket.on("error", () => {});
      await sleeping();
      socket.destroy();
      while (bed.clock.sleeping > 0) await turn();
      await decide("Approve");
      expect(await recorded()).to.not.include({ code: 101 });
      expect(bed.arrived).to.have.length(1);
    });

    it("does nothing later when its client has left, also where it writes", async () => {
      const decide = await waiting();
      bed.behind.answer = (_request, response) =>
        json(response, { kind: "Status", code: 429, message: held() }, 429);
      const socket = bed.raw(
        `DELETE ${bed.path}/api/v1/namespaces/demo/configmaps/x HTTP/1.1\r\nHost: x\r\nUser: ann\r\n\r\n`,
      );
      socket.on("error", () => {});
      await sleeping();
      socket.destroy();
      while (bed.clock.sleeping > 0) await turn();
      await decide("Approve");
      await recorded();
      expect(bed.arrived).to.have.length(1);
    });

    it("keeps no place from other calls", async () => {
      await waiting();
      bed.behind.answer = (request, response) =>
        request.method === "DELETE"
          ? json(response, { kind: "Status", code: 429, message: held() }, 429)
          : json(response, EMPTY);
      const path = `${bed.path}/api/v1/namespaces/demo/configmaps`;
      const held60 = Array.from({ length: 60 }, () =>
        bed.call(`${path}/x`, {}, "DELETE").catch(() => undefined),
      );
      while (bed.clock.sleeping < 60) await turn();
      expect((await bed.call(path)).status).to.equal(200);
      bed.broker.live.end(bed.session.metadata.uid);
      await Promise.all(held60);
    });
  });
});
