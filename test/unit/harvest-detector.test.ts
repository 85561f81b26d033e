/** The detector of the harvests can fail: it finds every form of a value, and finds none where there is none. */
import { createHash, randomBytes } from "node:crypto";
import { expect } from "chai";
import fc from "fast-check";
import { chance } from "../support/crash/chance.ts";
import { detector, type Hidden } from "../support/harvest/detector.ts";
import { seeds } from "../support/harvest/seeds.ts";

const TEXT = 'p4ss "w0rd" <with> all\\sorts & more: ÄöLé+/=';
const VALUES: Readonly<Record<string, Buffer>> = {
  "a short password": Buffer.from("Zk7uQw2x"),
  "a text": Buffer.from(TEXT),
  "binary data": createHash("sha512").update("binary").digest(),
  "a long text": Buffer.from(createHash("sha512").update("long").digest("hex").repeat(40)),
};

const escaped = (text: string) => JSON.stringify(text).slice(1, -1);
const inLines = (text: string, width: number, by: string) =>
  text.match(new RegExp(`.{1,${width}}`, "gs"))?.join(by) ?? "";
const goBytes = (value: Buffer) => `[${[...value].join(" ")}]`;

const WAYS: Readonly<Record<string, (value: Buffer) => string | Buffer>> = {
  "as it is": (value) => Buffer.concat([Buffer.from("data: "), value, Buffer.from(".")]),
  "in base64": (value) => `{"data":{"k":"${value.toString("base64")}"}}`,
  "in base64, one byte into a group": (value) => Buffer.concat([Buffer.from("x"), value]).toString("base64"),
  "in base64, two bytes into a group": (value) =>
    Buffer.concat([Buffer.from("xy"), value, Buffer.from("z")]).toString("base64"),
  "in base64url": (value) => value.toString("base64url"),
  "in base64 of base64": (value) => Buffer.from(`{"k":"${value.toString("base64")}"}`).toString("base64"),
  backwards: (value) => Buffer.from(value).reverse(),
  "in base64 backwards": (value) => [...value.toString("base64")].reverse().join(""),
  "in hex": (value) => value.toString("hex"),
  "in capital hex": (value) => value.toString("hex").toUpperCase(),
  "in hex with colons": (value) => value.toString("hex").replace(/..(?=.)/g, "$&:"),
  "as Go prints bytes": goBytes,
  "as Go prints bytes in hex": (value) => [...value].map((byte) => `0x${byte.toString(16)}`).join(", "),
  "escaped for a URL": (value) => encodeURIComponent(value.toString()),
  "escaped for JSON": (value) => JSON.stringify({ message: value.toString() }),
  "escaped for JSON twice": (value) => JSON.stringify({ a: JSON.stringify({ b: value.toString() }) }),
  "escaped for JSON letter by letter": (value) =>
    [...value.toString()].map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  "in base64 in lines": (value) => inLines(value.toString("base64"), 7, "\n"),
  "in base64 in lines of YAML": (value) => inLines(value.toString("base64"), 5, "\\\n      \\"),
  "in base64 in lines, escaped": (value) => escaped(inLines(value.toString("base64"), 6, "\r\n")),
  "in hex in lines": (value) => inLines(value.toString("hex"), 4, "\n  "),
  hashed: (value) => `sha256:${createHash("sha256").update(value).digest("hex")}`,
};
/** Of these, a value that is no text keeps nothing. */
const TEXT_ONLY = /URL|JSON/;

describe("the detector of values", () => {
  for (const [what, value] of Object.entries(VALUES))
    for (const [way, write] of Object.entries(WAYS)) {
      if (what === "binary data" && TEXT_ONLY.test(way)) continue;
      it(`finds ${what} ${way}`, () => {
        const { look } = detector([{ name: "it", value }]);
        expect(look(write(value)).map(({ name }) => name)).to.include("it");
      });
    }

  it("finds a third of a value, wherever it was cut off", () => {
    const value = createHash("sha512").update("cut").digest();
    const { look } = detector([{ name: "it", value }]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: value.length - 20 }), (from) => {
        const part = value.subarray(from, from + 20);
        for (const said of [part, part.toString("base64"), part.toString("hex")])
          expect(look(`… ${said.toString("latin1")}`).length).to.be.greaterThan(0);
      }),
      { seed: 1, numRuns: 44 },
    );
  });

  it("finds each value among many, in each form that it has at once", () => {
    const hidden = Object.entries(VALUES).map(([name, value]): Hidden => ({ name, value }));
    const text = Object.values(VALUES).map((value) => `${value.toString("base64")} ${value.toString("hex")}`);
    const found = detector(hidden).look(text.join("\n"));
    for (const name of Object.keys(VALUES))
      expect(found.filter((leak) => leak.name === name).map(({ form }) => form)).to.include.members([
        "base64",
        "hex",
      ]);
  });

  it("finds nothing in what is random, nor in other seeds", () => {
    const hidden = seeds(chance("one")).flatMap(({ hidden: values }) => values);
    const { look } = detector(hidden);
    expect(look(randomBytes(1_000_000))).to.deep.equal([]);
    expect(look(randomBytes(750_000).toString("base64"))).to.deep.equal([]);
    expect(look(JSON.stringify(seeds(chance("another")).map(({ manifest }) => manifest)))).to.deep.equal([]);
  });

  it("finds every seed in its own manifest", () => {
    const all = seeds(chance("one"));
    const { look } = detector(all.flatMap(({ hidden }) => hidden));
    for (const { manifest, hidden } of all) {
      const found = new Set(look(JSON.stringify(manifest)).map(({ name }) => name));
      expect([...found]).to.include.members(hidden.map(({ name }) => name));
    }
  });
});
