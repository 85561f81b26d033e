/** What a client that forwards ports can be told by its own streams: only between two frames, and as it reads them. */
import { expect } from "chai";
import fc from "fast-check";
import { SpdyHeaders } from "#apiserver-ext/broker/connection/spdy-headers.ts";
import { SpdyStreams } from "#apiserver-ext/broker/connection/spdy-streams.ts";
import { block, control, data, SpdyWriter } from "../../support/spdy.ts";

const SYN_REPLY = 2;
const RST_STREAM = 3;
const idOf = (id: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(id);
  return bytes;
};

describe("the streams of forwarded ports", () => {
  it("are between two frames exactly where one ends, however what comes is cut", () => {
    const one = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((bytes) => data(3, Buffer.from(bytes))),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => control(SYN_REPLY, Buffer.concat([idOf(1), bytes]))),
      fc.constant(control(6, idOf(2))),
      fc.constant(control(4, Buffer.alloc(0))),
    );
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), fc.infiniteStream(fc.nat({ max: 30 })), (frames, cuts) => {
        const streams = new SpdyStreams();
        const ends = new Set([0]);
        for (const { length } of frames) ends.add(Math.max(...ends) + length);
        const all = Buffer.concat(frames);
        for (let at = 0; at < all.length; ) {
          const size = cuts.next().value + 1;
          const isWhole = streams.heard(all.subarray(at, at + size));
          at = Math.min(at + size, all.length);
          expect(isWhole).to.equal(ends.has(at));
        }
      }),
    );
  });

  const replied = (id: number) => control(SYN_REPLY, Buffer.concat([idOf(id), Buffer.alloc(9)]));
  const last = (id: number) => {
    const bytes = data(id, Buffer.alloc(0));
    bytes[4] = 1;
    return bytes;
  };

  const OVER: readonly [string, Buffer][] = [
    ["has ended", last(1)],
    ["was broken off", control(RST_STREAM, Buffer.concat([idOf(1), idOf(5)]))],
  ];
  for (const [what, frame] of OVER)
    it(`are told nothing any more once one ${what}`, () => {
      const streams = new SpdyStreams();
      streams.asked(1, true);
      streams.heard(replied(1));
      expect(streams.ending("over").includes("over")).to.equal(true);
      streams.heard(frame);
      expect(streams.ending("over").length).to.equal(0);
    });

  it("are told nothing before the pod has said anything: nobody could read it", () => {
    const streams = new SpdyStreams();
    streams.asked(1, true);
    expect(streams.ending("over").length).to.equal(0);
  });

  it("that nobody has replied to are replied to, in headers that are read after any others", async () => {
    const streams = new SpdyStreams();
    const [writer, reader] = [new SpdyWriter(), new SpdyHeaders()];
    const first = await writer.compressed(block([["x", "y"]]));
    streams.heard(control(SYN_REPLY, Buffer.concat([idOf(1), first])));
    streams.asked(5, false);
    const told = streams.ending("over");
    const length = told.readUIntBE(5, 3);
    expect([told.readUInt16BE(0), told.readUInt16BE(2), told.readUInt32BE(8)]).to.deep.equal([
      0x8003,
      SYN_REPLY,
      5,
    ]);
    expect([...(await reader.read(first))]).to.deep.equal([["x", "y"]]);
    expect([...(await reader.read(told.subarray(12, 8 + length)))]).to.deep.equal([]);
    expect(told.subarray(8 + length).equals(last(5))).to.equal(true);
    writer.close();
    reader.close();
  });

  it("are forgotten where there are more than anybody has", () => {
    const streams = new SpdyStreams();
    streams.heard(replied(1));
    for (let id = 1; id < 20_000; id += 2) streams.asked(id, true);
    expect(streams.ending("over").toString("latin1").split("over").length - 1).to.equal(1_000);
  });
});
