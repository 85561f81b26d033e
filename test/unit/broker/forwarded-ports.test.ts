/** Which ports are asked for in what a client sends, however it is cut, and what of it is not passed on. */
import { expect } from "chai";
import fc from "fast-check";
import { ForwardedPorts } from "#apiserver-ext/broker/connection/forwarded-ports.ts";
import { block, control, data, type Headers, SpdyWriter } from "../../support/spdy.ts";

const headers = (port: string, type = "data"): Headers => [
  ["port", port],
  ["requestid", "0"],
  ["streamtype", type],
];

describe("the ports that a client wants forwarded", () => {
  let writer: SpdyWriter;
  let reader: ForwardedPorts;
  beforeEach(() => {
    writer = new SpdyWriter();
    reader = new ForwardedPorts();
  });
  afterEach(() => {
    writer.close();
    reader.close();
  });

  it("are told once for each connection, whatever comes between", async () => {
    const ping = control(6, Buffer.from([0, 0, 0, 1]));
    expect(await reader.push(await writer.connection(5432, 0))).to.deep.equal([5432]);
    expect(await reader.push(Buffer.concat([ping, data(3, Buffer.alloc(70_000, "x"))]))).to.deep.equal([]);
    const both = [await writer.connection(80, 1), await writer.connection(5432, 2)];
    expect(await reader.push(Buffer.concat(both))).to.deep.equal([80, 5432]);
  });

  it("are known after other headers too, which are compressed with them", async () => {
    const more = Buffer.concat([Buffer.alloc(4), await writer.compressed(block([["port", "1"]]))]);
    expect(await reader.push(control(8, more))).to.deep.equal([]);
    expect(await reader.push(await writer.stream(1, headers("65535")))).to.deep.equal([65535]);
  });

  it("are the same wherever the bytes are cut", async () => {
    const port = fc.integer({ min: 1, max: 65535 });
    const talk = fc.array(fc.oneof(port, fc.uint8Array({ maxLength: 300 })), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(talk, fc.infiniteStream(fc.integer({ min: 1, max: 40 })), async (said, cuts) => {
        const [from, to] = [new SpdyWriter(), new ForwardedPorts()];
        const parts: Buffer[] = [];
        for (const [at, one] of said.entries())
          parts.push(typeof one === "number" ? await from.connection(one, at) : data(1, Buffer.from(one)));
        const all = Buffer.concat(parts);
        const found: number[] = [];
        for (let at = 0; at < all.length; ) {
          const length = cuts.next().value;
          found.push(...(await to.push(all.subarray(at, at + length))));
          at += length;
        }
        from.close();
        to.close();
        expect(found).to.deep.equal(said.filter((one) => typeof one === "number"));
      }),
    );
  });

  const withCut = (plain: Buffer) => plain.subarray(0, plain.length - 1);
  const refused: Record<string, () => Promise<Buffer>> = {
    "without a port": () => writer.stream(1, [["streamtype", "data"]]),
    "of port 0": () => writer.stream(1, headers("0")),
    "of a port that is none": () => writer.stream(1, headers("65536")),
    "of a port in other digits": () => writer.stream(1, headers("0x50")),
    "of two ports in one header": () => writer.stream(1, headers("80\u0000443")),
    "of two headers with a port": () => writer.stream(1, [...headers("80"), ["port", "443"]]),
    "of a header in capitals": () => writer.stream(1, [...headers("80"), ["Port", "443"]]),
    "with headers that are cut short": () => writer.streamOf(1, withCut(block(headers("80")))),
    "with more than its headers": () =>
      writer.streamOf(1, Buffer.concat([block(headers("80")), block(headers("443"))])),
    "with no headers": async () => control(1, Buffer.alloc(10)),
    "that is shorter than it can be": async () => control(1, Buffer.alloc(9)),
    "with headers that are not compressed": async () =>
      control(1, Buffer.concat([Buffer.alloc(10), block(headers("80"))])),
    "with a bomb": async () => {
      const bomb = Buffer.concat([Buffer.from([0, 0, 0, 1]), Buffer.alloc(8 * 1024 * 1024)]);
      return writer.streamOf(1, bomb);
    },
    "of another version": async () => control(1, Buffer.alloc(10), 2),
    "of a type that there is not": async () => control(5, Buffer.alloc(4)),
    "that is longer than headers are": async () => control(1, Buffer.alloc(20_000)).subarray(0, 8),
  };
  for (const [what, frame] of Object.entries(refused))
    it(`are not guessed from a frame ${what}: it goes no further`, async () => {
      const bytes = await frame();
      const error = await reader.push(bytes).then(
        (ports) => `passed on: ${ports}`,
        (error: unknown) => error,
      );
      expect(error).to.be.instanceOf(Error);
    });

  it("are not guessed after the headers have ended for good", async () => {
    const { deflateSync } = await import("node:zlib");
    const { DICTIONARY } = await import("#apiserver-ext/broker/connection/spdy-headers.ts");
    const whole = deflateSync(block(headers("80")), { dictionary: DICTIONARY });
    const frame = control(1, Buffer.concat([Buffer.alloc(10), whole]));
    expect(await reader.push(frame)).to.deep.equal([80]);
    const error = await reader.push(frame).catch((error: unknown) => error);
    expect(error).to.be.instanceOf(Error);
  });
});
