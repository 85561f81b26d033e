import { expect } from "chai";
import fc from "fast-check";
import { coerce } from "#kit/coerce.ts";
import { readJson } from "#kit/json.ts";
import { structural } from "#kit/structural.ts";
import { violations } from "#kit/validate.ts";
import { warningHeaders } from "#kit/warnings.ts";
import { readYaml } from "#kit/yaml.ts";

/** JSON without what is refused. */
const json = fc
  .jsonValue({ maxDepth: 6 })
  .filter((value) => !/__proto__|\d{16}|[eE]/.test(JSON.stringify(value)));

describe("reading JSON", () => {
  it("gives what JSON.parse gives", () => {
    fc.assert(
      fc.property(json, fc.constantFrom(0, 1, "\t"), (value, space) => {
        const reading = readJson(JSON.stringify(value, null, space));
        expect(reading).to.deep.equal({
          outcome: "read",
          value: JSON.parse(JSON.stringify(value)),
          duplicates: [],
        });
      }),
    );
  });

  it("takes what JSON.parse takes, and nothing else", () => {
    const texts = fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0123tfnrule.-+eE \n') });
    fc.assert(
      fc.property(texts, (text) => {
        const { outcome } = readJson(text);
        // A number that is too large is refused wherever it stands, whatever comes after it.
        if (outcome === "refused") expect(text).to.match(/\d{16}|\d[eE]/);
        else expect(outcome === "read").to.equal(parses(text));
      }),
      { numRuns: 2000 },
    );
  });

  it("finds the path of every key that is given twice, and takes the last", () => {
    const text = '{"a":1,"b":[{"c":1,"d":{"e":1,"e":2},"c":3}],"a":{"f.g":1,"f.g":2},"a":0}';
    expect(readJson(text)).to.deep.equal({
      outcome: "read",
      value: { a: 0, b: [{ c: 3, d: { e: 2 } }] },
      duplicates: ["b[0].d.e", "b[0].c", "a", "a.f.g"],
    });
  });

  it("keeps integers up to the last that is exact", () => {
    const most = Number.MAX_SAFE_INTEGER;
    for (const value of [most, -most, 0]) expect(readJson(String(value))).to.deep.include({ value });
    for (const text of ["9007199254740992", "-9007199254740992", "1".repeat(400)])
      expect(readJson(text).outcome).to.equal("refused");
    for (const text of ["1e15", "1.5", "-0.5e-3", "1E+2"])
      expect(readJson(text)).to.deep.include({ value: Number(text) });
  });

  const syntax: Record<string, string> = {
    "": "unexpected end of JSON input",
    "{": "unexpected end of JSON input",
    '"a': "unexpected end of JSON input",
    tru: "invalid character ' ' in literal true (expecting 'e')",
    "-": "invalid character ' ' in numeric literal",
    "{x": "invalid character 'x' looking for beginning of object key string",
    '{"a":1,}': "invalid character '}' looking for beginning of object key string",
    '{"a" 1}': "invalid character '1' after object key",
    '{"a":1 "b"}': "invalid character '\"' after object key:value pair",
    "[1,]": "invalid character ']' looking for beginning of value",
    "[1 2]": "invalid character '2' after array element",
    "1 x": "invalid character 'x' after top-level value",
    '"\\x"': "invalid character 'x' in string escape code",
    '"\\u12g4"': "invalid character 'g' in \\u hexadecimal character escape",
    '"\n"': "invalid character '\\n' in string literal",
    nulx: "invalid character 'x' in literal null (expecting 'l')",
    "1.": "invalid character ' ' after decimal point in numeric literal",
    "1.5e+x": "invalid character 'x' in exponent of numeric literal",
    "-x": "invalid character 'x' in numeric literal",
    "'a'": "invalid character '\\'' looking for beginning of value",
  };
  for (const [text, why] of Object.entries(syntax))
    it(`says of ${JSON.stringify(text)}: ${why}`, () => {
      expect(readJson(text)).to.deep.equal({ outcome: "malformed", why });
    });

  it("makes whole characters of halves", () => {
    expect(readJson('"\\ud800"')).to.deep.include({ value: "\ufffd" });
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("reading YAML", () => {
  it("gives the same for JSON", () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value);
        expect(readYaml(text, 10_000_000)).to.deep.equal({
          outcome: "read",
          value: JSON.parse(text),
          duplicates: [],
        });
      }),
    );
  });

  const values: Record<string, [text: string, value: unknown]> = {
    "truth in the words of YAML 1.1": [
      'a: yes\nb: n\nc: On\nd: OFF\ne: "y"\nf: Y\ng: yess\n',
      { a: true, b: false, c: true, d: false, e: "y", f: true, g: "yess" },
    ],
    "numbers in the ways of YAML 1.1": [
      "a: 0x1F\nb: 0777\nc: 0b101\nd: 1_000\ne: -017\nf: 0\ng: 0o17\nh: 1.5\ni: 08\n",
      { a: 31, b: 511, c: 5, d: 1000, e: -15, f: 0, g: 15, h: 1.5, i: 8 },
    ],
    "times as texts": ["a: 2020-01-01\nb: 12:30:00\n", { a: "2020-01-01", b: "12:30:00" }],
    "keys as texts": ["1: a\ntrue: b\n", { "1": "a", true: "b" }],
    aliases: ["a: &a {b: [1]}\nc: *a\n", { a: { b: [1] }, c: { b: [1] } }],
    "no merging of maps": ["<<: {a: 1}\n", { "<<": { a: 1 } }],
    nothing: ["", null],
  };
  for (const [name, [text, value]] of Object.entries(values))
    it(`knows ${name}`, () => {
      expect(readYaml(text, 1000)).to.deep.include({ outcome: "read", value });
    });

  const heavy: Record<string, [text: string, why: RegExp]> = {
    "brackets without end": ["[".repeat(100_000), /nested too deeply/],
    "lists in lists on one line": ["- ".repeat(50_000), /nested too deeply/],
    "keys of keys": ["? ".repeat(50_000), /nested too deeply/],
    "indentation without end": [
      Array.from({ length: 200 }, (_, at) => `${" ".repeat(at)}a:\n`).join(""),
      /nested too deeply/,
    ],
    "anchors in a row": ["&a ".repeat(30_000), /too many anchors or tags in a row/],
    "tags in a row, over lines": ["!a\n".repeat(30_000), /too many anchors or tags in a row/],
    "too many aliases": [`a: &a 1\nb: [${"*a, ".repeat(2000)}]\n`, /too many aliases/],
    "too many parts": ["a: 1\n".repeat(80_000), /too many parts/],
  };
  for (const [name, [text, why]] of Object.entries(heavy))
    it(`refuses ${name} before it parses`, () => {
      expect(readYaml(text, 1_000_000)).to.have.property("outcome", "refused");
      expect(readYaml(text, 1_000_000)).to.have.property("why").that.matches(why);
    });

  it("takes lists, pairs and long texts in plenty", () => {
    const lines = Array.from({ length: 2000 }, (_, at) => `- {name: &n${at} "x y", value: ${at}}\n`);
    expect(readYaml(lines.join(""), 1_000_000)).to.have.property("outcome", "read");
    expect(readYaml(`a: |\n${"  & ! * - [ text\n".repeat(20_000)}`, 1_000_000)).to.have.property(
      "outcome",
      "read",
    );
  });

  it("tells the line of a key that is given twice", () => {
    const reading = readYaml("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n", 1000);
    expect(reading).to.deep.equal({
      outcome: "read",
      value: { a: 2, b: { c: 2 } },
      duplicates: ['line 5: key "a" already set in map', 'line 4: key "c" already set in map'],
    });
  });

  for (const text of ["a: .inf", "a: .nan", "a: *b", "? {a: 1}\n: 2", "a: [", "a: b: c"])
    it(`takes no ${JSON.stringify(text)}`, () => {
      expect(readYaml(text, 1000).outcome).not.to.equal("read");
    });
});

describe("unknown fields, nulls and defaults", () => {
  const schema = structural({
    type: "object",
    properties: {
      size: { type: "integer", default: 3 },
      name: { type: "string" },
      note: { anyOf: [{ type: "string" }, { type: "null" }] },
      list: {
        type: "array",
        items: { type: "object", properties: { weight: { type: "integer", default: 1 } } },
      },
      map: { type: "object", patternProperties: { "^.*$": { type: "string" } } },
      nested: { type: "object", default: {}, properties: { flag: { type: "boolean", default: true } } },
      free: {},
    },
  });

  it("fills in defaults at every depth, also in the place of nulls", () => {
    expect(coerce(schema, { size: null, list: [{}, { weight: 5 }], nested: null }).value).to.deep.equal({
      size: 3,
      list: [{ weight: 1 }, { weight: 5 }],
      nested: { flag: true },
    });
  });

  it("drops nulls where they mean nothing, and keeps them where they are values", () => {
    const given = { name: null, note: null, map: { a: null, b: "c" }, free: { a: null } };
    expect(coerce(schema, given).value).to.deep.include({ note: null, map: { b: "c" }, free: { a: null } });
    expect(coerce(schema, given).value).not.to.have.property("name");
  });

  it("names unknown fields by path, in order, wherever they are", () => {
    const given = {
      zed: 1,
      list: [{}, { bar: 1, Bar: 2 }],
      nested: { flag: true, x: { y: 1 } },
      map: { z: 1 },
      size: { a: 1 },
    };
    expect(coerce(schema, given).unknown).to.deep.equal([
      "list[1].Bar",
      "list[1].bar",
      "nested.x",
      "size.a",
      "zed",
    ]);
  });

  const keys = fc.constantFrom(
    "size",
    "name",
    "note",
    "list",
    "map",
    "nested",
    "free",
    "flag",
    "weight",
    "x",
    "constructor",
    "toString",
  );
  const objects = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, 1, 1.5, "a"),
      tie("object"),
      fc.array(tie("value"), { maxLength: 3 }),
    ),
    object: fc.dictionary(keys, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  }));

  it("is the same done twice, and leaves what it was given alone", () => {
    fc.assert(
      fc.property(objects.object, (object) => {
        const copy = structuredClone(object);
        const { value } = coerce(schema, object);
        expect(object).to.deep.equal(copy);
        expect(coerce(schema, value)).to.deep.equal({ value, unknown: [] });
      }),
    );
  });

  it("never makes a valid value invalid", () => {
    fc.assert(
      fc.property(objects.object, (object) => {
        const { value } = coerce(schema, object);
        const valid = violations(schema, { value: object, path: "" }).length === 0;
        if (valid) expect(violations(schema, { value, path: "" })).to.deep.equal([]);
      }),
    );
  });

  it("holds nothing against a value that an update leaves as it was", () => {
    fc.assert(
      fc.property(objects.object, (object) => {
        expect(violations(schema, { value: object, old: structuredClone(object), path: "" })).to.deep.equal(
          [],
        );
      }),
    );
  });
});

describe("a schema", () => {
  for (const schema of [
    { oneOf: [] },
    { type: "object", propertyNames: {} },
    { $ref: "#/x" },
    { patternProperties: { a: {}, b: {} } },
  ])
    it(`that would not be enforced is refused: ${JSON.stringify(schema)}`, () => {
      expect(() => structural(schema)).to.throw(/schema: /);
    });
});

describe("warnings", () => {
  it("are told once each, as headers", () => {
    expect(warningHeaders(['a "b" \\', 'a "b" \\', "", "c\nd"])).to.deep.equal(['299 - "a \\"b\\" \\\\"']);
  });

  it("are cut short where they are too many", () => {
    const many = Array.from({ length: 40 }, (_, at) => `${at} ${"x".repeat(300)}`);
    const lines = warningHeaders(many);
    expect(lines).to.have.length(16);
    for (const line of lines) expect(line).to.have.length(256 + '299 - ""'.length);
  });
});
