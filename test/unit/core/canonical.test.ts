import { expect } from "chai";
import { ExactNumber, type Json } from "#core/admission.ts";
import { canonical } from "#core/canonical.ts";
import { parseJson } from "#core/json.ts";

describe("core/canonical", () => {
  // The example of RFC 8785, section 3.2.3, and its number samples.
  it("sorts and writes as RFC 8785 does", () => {
    const value = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
    );
    expect(canonical(value)).to.equal(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    const sorted = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\u{1f600}", "\ufb33"];
    const members = sorted.map((key, index): [string, number] => [key, index]);
    expect(canonical(Object.fromEntries(members.toReversed()))).to.equal(
      `{${members.map(([key, index]) => `${JSON.stringify(key)}:${index}`).join(",")}}`,
    );
    expect(canonical(-0)).to.equal("0");
  });

  it("writes a name the same however often it comes", () => {
    const names = ["", "a", 'q"uote', "back\\slash", "\ud800", "n".repeat(100), "toString", "__proto__"];
    const value = parseJson(`{${names.map((name) => `${JSON.stringify(name)}:1`).join(",")}}`);
    const expected = `{${names
      .toSorted()
      .map((name) => `${JSON.stringify(name)}:1`)
      .join(",")}}`;
    for (let time = 0; time < 3; time++) expect(canonical(value)).to.equal(expected);
    for (let more = 0; more < 3000; more++) canonical({ [`name-${more}`]: 1 });
    expect(canonical({ last: 1, "name-2999": 2 })).to.equal('{"last":1,"name-2999":2}');
  });

  const DIFFERENT: Record<string, [Json, Json]> = {
    "neighbours beyond 2^53": [parseJson("9007199254740992"), parseJson("9007199254740993")],
    "an exact number and its digits as a string": [parseJson("9007199254740993"), "9007199254740993"],
    "an exact number and the object that writes it": [
      parseJson("9007199254740993"),
      { rawJSON: "9007199254740993" },
    ],
    "an exact number and an object with its text": [
      parseJson("9007199254740993"),
      { text: "9007199254740993" },
    ],
    "two halves of surrogate pairs": ["\ud800", "\ud801"],
    "half a surrogate pair and the replacement character": ["\ud800", "\ufffd"],
    "a member called __proto__ and none": [parseJson('{"__proto__":{}}'), {}],
    "null and nothing": [{ a: null }, {}],
  };
  for (const [name, [one, other]] of Object.entries(DIFFERENT))
    it(`tells apart ${name}`, () => expect(canonical(one)).not.to.equal(canonical(other)));

  it("refuses what is no number in an exact number", () => {
    for (const text of ['"a"', "1,2", "", "NaN", "01", "0x10", "1 "])
      expect(() => canonical(new ExactNumber(text)), text).to.throw(TypeError);
  });

  it("refuses numbers that JSON does not have", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => canonical([value])).to.throw(TypeError);
  });

  it("ends with an error, not with the stack, on deep values", () => {
    let value: Json = 1;
    for (let level = 0; level < 100_000; level++) value = [value];
    expect(() => canonical(value)).to.throw(RangeError, "nested deeper than");
  });
});
