/** Which texts are taken to repeat a value of a Secret. */
import { expect } from "chai";
import fc from "fast-check";
import { maskObject } from "#core/mask.ts";
import { LONGEST_TEXT, repetitions } from "#core/secrets/repeats.ts";

const base64 = (bytes: Buffer | string) => Buffer.from(bytes).toString("base64");

const FORMS: Readonly<Record<string, (value: string) => string>> = {
  "as it is": (value) => value,
  "in base64": base64,
  "in base64 without its end": (value) => base64(value).replace(/=+$/, ""),
  "in base64 for URLs": (value) => Buffer.from(value).toString("base64url"),
  "in hex": (value) => Buffer.from(value).toString("hex"),
  "in JSON": (value) => JSON.stringify(value),
  "in a URL": (value) => `https://u:${encodeURIComponent(value)}@h`,
  "in base64 behind one byte": (value) => base64(`x${value}`),
  "in base64 behind two bytes": (value) => base64(`xy${value}`),
  "in base64 among others": (value) => base64(`user:${value}\n`),
};

describe("a text", () => {
  const value = fc.string({ minLength: 9, maxLength: 60, unit: "grapheme" });

  for (const [how, form] of Object.entries(FORMS))
    it(`repeats a value ${how}`, () => {
      fc.assert(
        fc.property(value, (one) => {
          const text = form(one);
          fc.pre(text.length <= LONGEST_TEXT);
          expect(repetitions([base64("another value"), base64(one)])(text)).to.equal(true);
        }),
      );
    });

  const TEXTS: Readonly<
    Record<string, [text: string, values: string[], repeats: boolean, longest?: number]>
  > = {
    "without any": ["monitored: true", ["the password", "x"], false],
    "of three letters": ["abc", ["abc"], false],
    "with a value of three letters": ["abcabc", ["abc"], false],
    "with a part of a value": ["the pass", ["the password"], false],
    "as long as is looked at": ["x".repeat(LONGEST_TEXT), ["the password"], false],
    "longer than that": ["x".repeat(LONGEST_TEXT + 1), ["the password"], true],
    "where there are no values": ["anything", [], false],
    "without any, for who must see it all": ["x".repeat(5000), ["the password"], false, Infinity],
    "that is long, for who must see it all": [
      `${"x".repeat(5000)}the password`,
      ["the password"],
      true,
      Infinity,
    ],
    "with a binary value in base64": [base64(Buffer.from([255, 254, 0, 1, 2])), ["\xff"], false],
  };
  for (const [which, [text, values, repeats, longest]] of Object.entries(TEXTS))
    it(`${which} ${repeats ? "is taken to repeat" : "does not repeat"} a value`, () => {
      const encoded = values.map((one) => base64(one));
      expect(repetitions(encoded, longest)(text)).to.equal(repeats);
    });

  it("is taken to repeat one where too many were looked for, however many that are alike", () => {
    const asked = (values: string[]) => {
      const repeats = repetitions(values);
      return Array.from({ length: 30 }, () => repeats("a text of no matter"));
    };
    const alike = asked(Array.from({ length: 5000 }, () => base64("one value")));
    const other = asked(Array.from({ length: 5000 }, (_, index) => base64(`value?${index}>>`)));
    expect(alike).to.deep.equal(other);
    expect(alike).to.include(true).and.to.include(false);
  });
});

describe("a Secret of very many keys and annotations", () => {
  const many = (count: number, value: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, value]));
  const secretOf = (data: string, count: number) => ({
    ...{ apiVersion: "v1", kind: "Secret", metadata: { name: "one", annotations: many(count, "a note") } },
    data: many(count, data),
  });

  it("is masked after a bounded number of looks, the rest unseen", () => {
    const masked = JSON.stringify(maskObject(secretOf(base64("a value"), 20_000)));
    expect(masked).to.contain('"k1":"a note"').and.to.contain('"k19999":"[masked: Secret value]"');
  });

  it("is shown with its annotations where its values are sealed", () => {
    const sealed = "[masked: new value abcdefghijklmnopqrstuvwx]";
    expect(JSON.stringify(maskObject(secretOf(sealed, 20_000)))).to.contain('"k19999":"a note"');
  });
});
