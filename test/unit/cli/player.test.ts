import { expect } from "chai";
import { Player } from "../../../cli/session/player.ts";
import { asciicast, type Moment, tapeOf } from "../../../cli/session/tape.ts";

const out = (at: number, text: string): Moment => ({ at, kind: "out", text });
const TAPE = [out(100, "a"), { at: 150, kind: "in", text: "x" } as const, out(1000, "b"), out(20_000, "c")];
const player = (options = {}) => new Player(TAPE, { speed: 1, maxPause: 60_000, ...options });

describe("playing a tape", () => {
  it("shows each thing when its time has come", () => {
    const playing = player();
    expect(playing.wait()).to.equal(100);
    expect(playing.advance(100)).to.equal("a");
    expect(playing.wait()).to.equal(900);
    expect(playing.advance(500)).to.equal("");
    expect(playing.advance(400)).to.equal("b");
    expect(playing.advance(20_000)).to.equal("c");
    expect(playing.wait()).to.equal(undefined);
  });

  it("goes as fast as is asked for, and cuts long pauses", () => {
    const playing = player({ speed: 2, maxPause: 3000 });
    expect(playing.wait()).to.equal(50);
    expect(playing.length).to.equal(4000);
    playing.command("faster");
    expect(playing.advance(25)).to.equal("a");
    playing.command("slower");
    playing.command("slower");
    expect(playing.advance(900)).to.equal("b");
  });

  it("stands still while it is paused", () => {
    const playing = player();
    playing.command("pause");
    expect(playing.advance(5000)).to.equal("");
    playing.command("pause");
    expect(playing.advance(100)).to.equal("a");
  });

  it("jumps on, back by drawing all anew, and to the end", () => {
    const playing = player();
    expect(playing.command("forward")).to.equal("ab");
    expect(playing.advance(4000)).to.equal("");
    const back = playing.command("back");
    expect(back).to.match(/\[2J.*\[Hab$/);
    expect(playing.position).to.equal(4000);
    expect(playing.command("back")).to.match(/\[H$/);
    expect(playing.command("end")).to.equal("abc");
    expect(playing.wait()).to.equal(undefined);
  });
});

const chunk = (at: number, channel: number, data: Buffer) => ({ at, channel, data: data.toString("base64") });

describe("a tape", () => {
  it("is read from the records, characters that were cut in two too", () => {
    const euro = Buffer.from("€");
    const payload = {
      chunks: [
        chunk(0, 4, Buffer.from('{"Width":120,"Height":40}')),
        chunk(5, 1, euro.subarray(0, 1)),
        chunk(6, 2, Buffer.from("!")),
        chunk(7, 1, euro.subarray(1)),
        chunk(8, 0, Buffer.from("ls\r")),
        chunk(9, 3, Buffer.from('{"status":"Success"}')),
      ],
    };
    expect(tapeOf([{ payload }])).to.deep.equal({
      erased: false,
      moments: [
        { at: 0, kind: "size", text: "120x40" },
        { at: 6, kind: "out", text: "!" },
        { at: 7, kind: "out", text: "€" },
        { at: 8, kind: "in", text: "ls\r" },
      ],
    });
  });

  it("says where a part of it is erased", () => {
    expect(tapeOf([{ payload: "erased" }, {}])).to.deep.equal({ erased: true, moments: [] });
  });

  it("has the usual size as an asciicast where the terminal had none", () => {
    const chunks = [chunk(0, 4, Buffer.from('{"Width":0,"Height":0}')), chunk(1, 1, Buffer.from("hi"))];
    const { moments } = tapeOf([{ payload: { chunks } }]);
    const [header = "", ...lines] = asciicast(moments, "exec", 0).trimEnd().split("\n");
    expect(JSON.parse(header)).to.include({ width: 80, height: 24 });
    expect(lines).to.deep.equal(['[0.001,"o","hi"]']);
  });

  it("is written as an asciicast", () => {
    const moments: Moment[] = [{ at: 0, kind: "size", text: "120x40" }, out(1500, "hi\r\n")];
    expect(asciicast(moments, "exec", 1_700_000_000_500)).to.equal(
      '{"version":2,"width":120,"height":40,"timestamp":1700000000,"title":"exec"}\n[0,"r","120x40"]\n[1.5,"o","hi\\r\\n"]\n',
    );
  });

  it("does nothing to a terminal as an asciicast either, but draw", () => {
    const moments = [out(0, "\u001b[1mhi\u001b]52;c;cm0gLXJm"), out(1, "\u0007"), out(2, "\u001b[6nthere")];
    const [, ...lines] = asciicast(moments, "exec", 0).trimEnd().split("\n");
    expect(lines).to.deep.equal(['[0,"o","\\u001b[1mhi"]', '[0.002,"o","there"]']);
  });
});
