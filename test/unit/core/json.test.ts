import { expect } from "chai";
import { ExactNumber, type Json } from "#core/admission.ts";
import { MAX_DEPTH, parseJson } from "#core/json.ts";

const NUMBERS: Record<string, [text: string, expected: Json]> = {
  "an integer a double holds": ["9007199254740991", 9007199254740991],
  "an integer beyond 2^53": ["9007199254740993", new ExactNumber("9007199254740993")],
  "an integer beyond 2^53 that a double happens to hold": [
    "9007199254740994",
    new ExactNumber("9007199254740994"),
  ],
  "a negative one": ["-9223372036854775808", new ExactNumber("-9223372036854775808")],
  "the largest 64-bit unsigned integer": ["18446744073709551615", new ExactNumber("18446744073709551615")],
  "more than a double's range": ["1e400", new ExactNumber("1e400")],
  "less than a double's range": ["1e-400", new ExactNumber("1e-400")],
  "a fraction with more digits than a double holds": [
    "0.12345678901234567890",
    new ExactNumber("0.12345678901234567890"),
  ],
  "a whole number with a vanishing fraction": [
    "1.00000000000000000001",
    new ExactNumber("1.00000000000000000001"),
  ],
  "a fraction with zeros at its end": ["0.5000000000000000000", 0.5],
  "a fraction in a double's own words": ["0.30000000000000004", 0.30000000000000004],
  "a large round number as Go writes it": ["1e+21", 1e21],
  "zero in many digits": ["0.00000000000000000000", 0],
  "a small exponent": ["12e2", 1200],
};

describe("core/json: parseJson", () => {
  for (const [name, [text, expected]] of Object.entries(NUMBERS)) {
    it(`reads ${name} (${text})`, () => {
      expect(parseJson(`{"list": [${text}]}`)).to.deep.equal({ list: [expected] });
      expect(parseJson(text)).to.deep.equal(expected);
    });
  }

  it("writes exact numbers back with their digits", () => {
    const text = '{"a":12345678901234567890,"b":[1e400]}';
    expect(JSON.stringify(parseJson(text))).to.equal(text);
  });

  it("takes digits in strings for what they are", () => {
    expect(parseJson('{"a":": 12345678901234567890"}')).to.deep.equal({ a: ": 12345678901234567890" });
  });

  for (const text of ['{"__proto__":{"admin":true}}', '{"__proto__":{"admin":true},"n":9007199254740993}'])
    it(`keeps a member called __proto__ as a member: ${text}`, () => {
      const value = parseJson(text);
      expect(Object.getPrototypeOf(value)).to.equal(Object.prototype);
      expect(Object.hasOwn(value as object, "__proto__")).to.equal(true);
      expect((value as { admin?: unknown }).admin).to.equal(undefined);
    });

  const broken = [
    '{"password":"hunter2"',
    '{"password":hunter2}',
    "hunter2",
    '{"a":"hunter2\n"}',
    '"hunter2" at position 99',
  ];
  for (const text of broken)
    it(`does not quote malformed input: ${JSON.stringify(text)}`, () => {
      expect(() => parseJson(text)).to.throw(SyntaxError, /^not valid JSON( at position \d+)?$/);
    });

  it("refuses deep nesting and accepts what is just within", () => {
    const nested = (levels: number) =>
      '{"a":'.repeat(levels / 2) + "[".repeat(levels / 2) + "]".repeat(levels / 2) + "}".repeat(levels / 2);
    expect(() => parseJson(nested(MAX_DEPTH))).not.to.throw();
    expect(() => parseJson(nested(MAX_DEPTH + 2))).to.throw(SyntaxError, "deeper than 500");
    expect(() => parseJson("[".repeat(1_000_000))).to.throw(SyntaxError);
    expect(() => parseJson("[".repeat(1_000_000) + "]".repeat(1_000_000))).to.throw(
      SyntaxError,
      "deeper than 500",
    );
  });
});
