import { expect } from "chai";
import { decodeBundle, encodeBundle } from "#core/log/bundle.ts";
import { edgeTiles, parseTilePath, type Tile, tileAt, tilePath } from "#core/log/tile.ts";

const PATHS: readonly [string, Tile][] = [
  ["tile/0/000", { level: 0, index: 0, width: 256 }],
  ["tile/0/x001/x234/067", { level: 0, index: 1234067, width: 256 }],
  ["tile/0/x001/000", { level: 0, index: 1000, width: 256 }],
  ["tile/63/999.p/255", { level: 63, index: 999, width: 255 }],
  ["tile/entries/x123/x456/078.p/2", { level: "entries", index: 123456078, width: 2 }],
  ["tile/entries/x001/000", { level: "entries", index: 1000, width: 256 }],
];

const NO_PATHS = [
  "",
  "tile/0/0",
  "tile/0/00",
  "tile/0/0000",
  "tile/0/x000/001",
  "tile/0/001/x002",
  "tile/0/123/456/078",
  "tile/0/x123",
  "tile/00/000",
  "tile/01/000",
  "tile/64/000",
  "tile/-1/000",
  "tile/8/0/000",
  "tile/data/000",
  "tile/0/000.p/0",
  "tile/0/000.p/00",
  "tile/0/000.p/05",
  "tile/0/000.p/256",
  "tile/0/000.p/300",
  "tile/0/000.p",
  "tile/0/000.p/",
  "tile/0/000/",
  "/tile/0/000",
  "tile/0/000\n",
  "tile/0/x009/x007/x199/x254/x740/992",
  "TILE/0/000",
];

describe("tiles", () => {
  for (const [path, tile] of PATHS)
    it(`lie at ${path}`, () => {
      expect(tilePath(tile)).to.equal(path);
      expect(parseTilePath(path)).to.deep.equal(tile);
    });

  for (const path of NO_PATHS)
    it(`do not lie at ${JSON.stringify(path)}`, () => {
      expect(parseTilePath(path)).to.equal(undefined);
    });

  it("of 70,000 entries are those of the specification's example", () => {
    expect(tileAt(0, 272, 70000)).to.deep.equal({ level: 0, index: 272, width: 256 });
    expect(tileAt(0, 274, 70000)).to.equal(undefined);
    expect(tileAt("entries", 273, 70000)).to.deep.equal({ level: "entries", index: 273, width: 112 });
    expect(tileAt(1, 0, 70000)).to.deep.equal({ level: 1, index: 0, width: 256 });
    expect(edgeTiles(70000)).to.deep.equal([
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ]);
  });

  it("of 256 entries are a full one, and one hash above it", () => {
    expect(edgeTiles(256)).to.deep.equal([{ level: 1, index: 0, width: 1 }]);
    expect(edgeTiles(0)).to.deep.equal([]);
  });
});

describe("entry bundles", () => {
  const entries = ["", "a", "b".repeat(300)].map((text) => Buffer.from(text));

  it("are entries behind their lengths", () => {
    expect(encodeBundle(entries).toString("hex").slice(0, 14)).to.equal("0000" + "000161" + "012c");
    expect(decodeBundle(encodeBundle(entries))).to.deep.equal(entries);
  });

  it("that end early are none", () => {
    const bundle = encodeBundle(entries);
    const whole = [0, 2, 5, bundle.length];
    for (let end = 0; end <= bundle.length; end++)
      expect(decodeBundle(bundle.subarray(0, end)) !== undefined).to.equal(whole.includes(end));
  });

  it("take no entry longer than its length can say", () => {
    expect(() => encodeBundle([Buffer.alloc(65536)])).to.throw(RangeError);
    expect(decodeBundle(encodeBundle([Buffer.alloc(65535)]))).to.have.length(1);
  });
});
