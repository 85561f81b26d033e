/** Known values in streams: for any values, any text around them and any way to cut it. */
import { expect } from "chai";
import fc from "fast-check";
import { knownValues, REPLACEMENT, SHORTEST_VALUE, ValueScanner, withoutValues } from "#core/mask/values.ts";

const bytes = fc.uint8Array({ minLength: SHORTEST_VALUE, maxLength: 40 }).map((array) => Buffer.from(array));
/** Of few letters, so that values overlap, and begin with one another. */
const repetitive = fc
  .array(fc.constantFrom("a", "b"), { minLength: SHORTEST_VALUE, maxLength: 12 })
  .map((letters) => Buffer.from(letters.join("")));
const words = fc.string({ minLength: SHORTEST_VALUE, maxLength: 30 }).map((text) => Buffer.from(text));
const value = fc
  .oneof(bytes, repetitive, words)
  // What stands in the mask itself cannot be told from it.
  .filter((one) => one.length >= SHORTEST_VALUE && !REPLACEMENT.includes(one.toString("latin1")));
const values = fc.array(value, { minLength: 1, maxLength: 6 });
const noise = fc.oneof(fc.uint8Array({ maxLength: 30 }), repetitive).map((array) => Buffer.from(array));

const FORMS: readonly ((value: Buffer) => Buffer)[] = [
  (one) => one,
  (one) => Buffer.from(one.toString("base64")),
  (one) => Buffer.from(Buffer.from(one.toString("base64")).toString("base64")),
];

/** Noise and values in turns, each value in one of its forms. */
const texts = values.chain((all) =>
  fc.record({
    all: fc.constant(all),
    text: fc
      .array(fc.tuple(noise, fc.constantFrom(...all), fc.constantFrom(...FORMS)), { maxLength: 6 })
      .map((parts) => Buffer.concat(parts.flatMap(([before, one, form]) => [before, form(one)]))),
    cuts: fc.array(fc.nat({ max: 200 }), { maxLength: 20 }),
  }),
);

function scanned(all: readonly Buffer[], text: Buffer, cuts: readonly number[]): Buffer {
  return Buffer.from(streamed(new ValueScanner(knownValues(all)), text, cuts), "latin1");
}

function streamed(scanner: ValueScanner, text: Buffer, cuts: readonly number[]): string {
  const ends = [...new Set([...cuts.map((cut) => Math.min(cut, text.length)), text.length])].sort(
    (a, b) => a - b,
  );
  const parts = ends.map((end, at) => scanner.push(text.subarray(ends[at - 1] ?? 0, end)));
  return Buffer.concat([...parts, scanner.end()]).toString("latin1");
}

/** What masks and the text beside them make together is nobody's value. */
const between = (text: Buffer) => text.toString("latin1").split(REPLACEMENT);

describe("known values in a stream", () => {
  it("never come out, in whatever form, and however it is cut", () => {
    fc.assert(
      fc.property(texts, ({ all, text, cuts }) => {
        const rest = between(scanned(all, text, cuts));
        for (const one of all)
          for (const form of FORMS) {
            const found = rest.filter((part) => part.includes(form(one).toString("latin1")));
            expect(found, `${one.toString("hex")} in ${text.toString("hex")}`).to.deep.equal([]);
          }
      }),
      { numRuns: 500 },
    );
  });

  it("leave all else as it was, to the byte", () => {
    const letters = fc.array(repetitive, { minLength: 1, maxLength: 5 });
    // No byte of it is in any form of a value.
    const other = fc.uint8Array({ min: 0x80, maxLength: 100 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(letters, other, fc.array(fc.nat({ max: 100 })), (all, text, cuts) => {
        expect(scanned(all, text, cuts).toString("hex")).to.equal(text.toString("hex"));
      }),
    );
  });

  const HIDDEN: readonly [string, string][] = [
    ["as it is", "pa$$w0rd/+value"],
    ["in base64", Buffer.from("pa$$w0rd/+value").toString("base64")],
    ["within a longer text in base64", Buffer.from("user=ann pa$$w0rd/+value rest").toString("base64")],
    ["behind one more byte in base64", Buffer.from("xpa$$w0rd/+value").toString("base64")],
    ["in a URL", encodeURIComponent("pa$$w0rd/+value")],
  ];
  for (const [where, text] of HIDDEN)
    it(`are found ${where}`, () => {
      const known = knownValues([Buffer.from("pa$$w0rd/+value")]);
      expect(withoutValues(known, `a ${text} b`)).to.match(/^a .*\[masked: Secret value\].* b$/);
    });

  it("are found line by line, and escaped in JSON", () => {
    const known = knownValues([
      Buffer.from('-----BEGIN X-----\nABCDEFGHIJKLMNOPQR\n-----END X-----\n"quoted"'),
    ]);
    expect(withoutValues(known, "log: ABCDEFGHIJKLMNOPQR.")).to.equal(`log: ${REPLACEMENT}.`);
    expect(withoutValues(knownValues([Buffer.from('a"quoted"\n')]), '{\\"x\\":\\"a\\"quoted\\"')).to.contain(
      REPLACEMENT,
    );
  });

  it("are found in base64 that is broken into lines, wherever these end", () => {
    const breaks = ["\n", "\r\n", "\n    ", "\\n", "\\r\\n", "\\n  ", "\\\\n"];
    const prefix = fc.nat({ max: 90 });
    fc.assert(
      fc.property(
        prefix,
        fc.integer({ min: 4, max: 80 }),
        fc.constantFrom(...breaks),
        (offset, width, end) => {
          const secret = "hunter2-correct-horse";
          const whole = Buffer.from(`${"x".repeat(offset)}${secret}yyyyyyyyyyyy`).toString("base64");
          const text = whole.replace(new RegExp(`.{${width}}`, "g"), (line) => line + end);
          const known = knownValues([Buffer.from(secret)]);
          const shown = withoutValues(known, text).split(REPLACEMENT);
          const plain = shown.map((part) => part.replace(/\\+[nr]|\s/g, ""));
          expect(shown.length, text).to.equal(2);
          // The letters at its ends are shared with what stands beside it.
          expect(plain.join("").length, text).to.be.at.most(
            whole.length - Math.floor((secret.length * 8 - 4) / 6),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it("are found in lines that are indented, however the stream of these is cut", () => {
    const ends = fc.constantFrom(
      "\n",
      "\r\n",
      "\n  ",
      "\n\t ",
      "\\n",
      "\\r\\n  ",
      "%0a",
      "\n\n",
      "&#10;",
      "\\\n",
    );
    const lines = repetitive.map((one) => one.toString());
    const broken = fc
      .tuple(lines, fc.array(fc.tuple(fc.nat({ max: 12 }), ends), { maxLength: 3 }))
      .map(([one, all]) => all.reduce((text, [at, end]) => text.slice(0, at) + end + text.slice(at), one));
    const cuts = fc.array(fc.nat({ max: 80 }), { maxLength: 6 });
    fc.assert(
      fc.property(
        fc.array(repetitive, { minLength: 1, maxLength: 3 }),
        fc.array(broken),
        cuts,
        (all, some, at) => {
          const text = Buffer.from(some.join(" "));
          const whole = streamed(new ValueScanner(knownValues(all), { isPrompt: false }), text, []);
          expect(streamed(new ValueScanner(knownValues(all), { isPrompt: false }), text, at)).to.equal(whole);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("are found in texts of few letters, which take more bytes", () => {
    expect(withoutValues(knownValues([Buffer.from("aa漢aa")]), "aa漢aa")).to.equal(REPLACEMENT);
  });

  it("are found where an escape is the last of a text", () => {
    const known = knownValues([Buffer.from("hunter2&")]);
    for (const text of ["hunter2\\&", "hunter2&amp;", "hunter2\\&amp;", "hunter2%26"])
      expect(withoutValues(known, text)).to.match(/^\[masked: Secret value\]$/);
  });

  it("do not keep a prompt waiting", () => {
    const scanner = new ValueScanner(knownValues([Buffer.from("$ secret")]));
    expect(scanner.push(Buffer.from("$ ")).toString()).to.equal("$ ");
    expect(scanner.push(Buffer.from("secret")).toString()).to.equal(REPLACEMENT);
  });

  it("are told where their beginning went out right behind a mask", () => {
    const scanner = new ValueScanner(knownValues([Buffer.from("abbabaa"), Buffer.from("hunter2x")]));
    const shown = [scanner.push(Buffer.from("hunter2xabb")), scanner.push(Buffer.from("abaaabaa"))].join("");
    expect(shown).to.equal(`${REPLACEMENT}abb${REPLACEMENT}abaa`);
  });

  it("and as many as ten thousand are found in a text in one pass", () => {
    const many = Array.from({ length: 10_000 }, (_, at) =>
      Buffer.from(`value-number-${at}-${(at * 7919).toString(36)}`),
    );
    const known = knownValues(many);
    const text = `${"nothing to see here\n".repeat(1000)}${many[7777]}`;
    expect(withoutValues(known, text)).to.equal(`${"nothing to see here\n".repeat(1000)}${REPLACEMENT}`);
  });
});
