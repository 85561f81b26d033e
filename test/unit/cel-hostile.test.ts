/** Expressions and objects made to hang, to fill memory, to leak or to slip through. */
import { expect } from "chai";
import fc from "fast-check";
import { type Compiled, compile, type Evaluated, evaluate } from "#core/cel/cel.ts";
import { ADMISSION } from "#core/cel/environment.ts";
import { type Json, parseExact } from "#core/cel/input.ts";
import { metered, spend } from "#core/cel/meter.ts";

const BUDGET = { steps: 200_000, bytes: 1_000_000 };

function run(text: string, object: Json = {}): Evaluated | Compiled {
  const compiled = compile(text, ADMISSION);
  if ("error" in compiled) return compiled;
  return evaluate(compiled.program, new Map([["object", object]]), BUDGET, { ...BUDGET });
}

const doubled = (start: string, times: number): string =>
  `[${start}]${".map(x, x + x)".repeat(times)}.size() == 1`;
const nested = (depth: number, body: string): string =>
  Array.from({ length: depth }, (_, i) => `object.l.all(v${i}, `).join("") + body + ")".repeat(depth);
const LONG = "a".repeat(3 << 20);

describe("hostile CEL", () => {
  const REFUSED: Readonly<Record<string, string>> = {
    "an expression longer than the cap": `'${"a".repeat(30_000)}' == ''`,
    "brackets nested deeply": `${"[".repeat(5_000)}${"]".repeat(5_000)}`,
    "negations in brackets": `${"!(".repeat(5_000)}true${")".repeat(5_000)}`,
    "a chain of conditions": `${"true ? 1 : ".repeat(1_000)}1`,
    "a chain of fields": `object${".a".repeat(5_000)}`,
    "a chain of additions": `1${"+1".repeat(9_000)}`,
    "loops in loops in loops": nested(6, "true"),
    "a call of an operator by its name": "_+_(1, 1)",
    "a type that doubles with each loop": `[1]${".map(x, {x: x})".repeat(60)} == []`,
    "a binding, which Kubernetes lacks": "cel.bind(x, 1, x == 1)",
    "a pattern that is large once its repetitions are written out": `'a'.matches('${"a{1000}".repeat(100)}')`,
    "look-ahead": "'a'.matches('(?=a)')",
    "a renamed built-in inside an optional's argument": "object.?a.orValue('a'.matches('('))",
  };
  for (const [what, text] of Object.entries(REFUSED))
    it(`refuses ${what}`, () => expect(run(text)).to.have.nested.property("error.line"));

  const numbers = { l: Array.from({ length: 1_000 }, (_, i) => i) };
  const OVERRUN: Readonly<Record<string, [string, Json]>> = {
    "a string doubled 40 times": [doubled("'abcdefgh'", 40), {}],
    "a list doubled 40 times": [doubled("[1, 2]", 40), {}],
    "three loops over a thousand": [nested(3, "v0 >= 0"), numbers],
    "loops whose errors are swallowed": [nested(3, "v0.x == 1"), numbers],
    "equality of what is shared a million-fold": [
      `[[1]]${".map(x, [x, x])".repeat(30)} == [[1]]${".map(x, [x, x])".repeat(30)}`,
      {},
    ],
    "a replacement that multiplies": [
      "object.s.replace('a', object.s).size() > 0",
      { s: LONG.slice(0, 50_000) },
    ],
    "a pattern over three million characters": ["object.s.matches('^(a+)+$')", { s: LONG }],
    "a pattern larger than it looks": ["object.s.matches('(a?){900}b')", { s: LONG.slice(0, 5_000) }],
    "every match in a long text": ["object.s.findAll('a|a*b').size() > 0", { s: LONG.slice(0, 50_000) }],
    "a quantity of a billion digits": ["quantity('1' + object.s) == quantity('1')", { s: "e999999999" }],
    "a quantity as long as an object may be": ["isQuantity(object.s)", { s: "1".repeat(3 << 20) }],
    "a range without end": ["lists.range(9223372036854775807).size() > 0", {}],
    "lists compared each with each": ["sets.contains(object.l, object.l)", numbers],
    "what is distinct among many": ["object.l.distinct().size() > 0", numbers],
    "texts joined over and over": [
      "object.l.map(x, object.s).join().size() > 0",
      { ...numbers, s: LONG.slice(0, 9_999) },
    ],
    "a text split into letters": ["object.s.split('').size() > 0", { s: LONG }],
    "a text formatted over and over": [
      "'%s%s%s%s'.format([object.s, object.s, object.s, object.s]) == ''",
      { s: LONG },
    ],
    "a million zones": ["object.l.all(x, timestamp(0).getHours('Etc/GMT+' + string(x)) >= 0)", numbers],
    "equality of maps that share their parts": [
      `{'a': 1}${".transformMapEntry(k, v, {'a': {'a': v, 'b': v}})".repeat(25)} == {'a': 1}${".transformMapEntry(k, v, {'a': {'a': v, 'b': v}})".repeat(25)}`,
      {},
    ],
    "a list of a million": ["object.l.all(x, x == 1)", { l: new Array<number>(1_000_000).fill(1) }],
  };
  for (const [what, [text, object]] of Object.entries(OVERRUN))
    it(`gives up on ${what}`, () => expect(run(text, object)).to.deep.equal({ error: "budget exceeded" }));

  it("fails on an object that is nested beyond the stack, and goes on", () => {
    let deep: Json = [];
    for (let i = 0; i < 200_000; i++) deep = i % 2 === 0 ? [deep] : { a: deep };
    for (const text of [
      "object == object",
      "object.a == object.a",
      "'%s'.format([object]) == ''",
      "size(object) == 1",
    ])
      expect(run(text, deep), text).to.satisfy((outcome: object) => "value" in outcome || "error" in outcome);
    expect(run("1 == 1")).to.deep.equal({ value: true });
  });

  it("is linear on a pattern that makes others backtrack", () =>
    expect(run("object.s.matches('^(a+)+$')", { s: `${"a".repeat(5_000)}b` })).to.deep.equal({
      value: false,
    }));

  it("spends what a request has left, whatever one expression may", () => {
    const compiled = compile("object.l.all(x, x >= 0)", ADMISSION);
    if ("error" in compiled) throw new Error(compiled.error.message);
    const purse = { steps: 20_000, bytes: 1_000_000 };
    const outcomes = Array.from({ length: 10 }, () =>
      evaluate(compiled.program, new Map([["object", numbers]]), BUDGET, purse),
    );
    expect(outcomes[0]).to.deep.equal({ value: true });
    expect(outcomes.at(-1)).to.deep.equal({ error: "budget exceeded" });
  });

  it("takes no key of an object for JavaScript's", () => {
    fc.assert(
      fc.property(fc.constantFrom("constructor", "length", "toString", "size", "get", "__proto__"), (key) => {
        const object = parseExact(`{"m": {"${key}": 7}, "e": {}}`);
        expect(run(`object.m['${key}'] == 7 && object.m.size() == 1`, object)).to.deep.equal({ value: true });
        expect(run(`has(object.e.${key}) || '${key}' in object.e`, object)).to.deep.equal({ value: false });
      }),
    );
  });

  it("takes no key of a list's objects for JavaScript's", () => {
    for (const key of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
      const object = parseExact(`{"with": [{"${key}": "x"}], "without": [{}], "nil": [{"${key}": null}]}`);
      expect(run(`object.with.all(e, e.${key} == 'x' && e.${key} != 'y')`, object), key).to.deep.equal({
        value: true,
      });
      expect(run(`object.without.exists(e, e.?${key}.hasValue())`, object), key).to.deep.equal({
        value: false,
      });
      expect(run(`object.without.all(e, e.${key} == 'x')`, object), key).to.have.property("error");
      expect(run(`object.nil.all(e, has(e.${key}) && e.${key} == null)`, object), key).to.deep.equal({
        value: true,
      });
    }
  });

  it("counts what an evaluation spends within another's, and after an overrun, by itself", () => {
    const purse = { steps: 1_000, bytes: 1_000 };
    const outcome = metered({ steps: 100, bytes: 100 }, purse, () => {
      spend(10, 20);
      const inner = metered({ steps: 5, bytes: 5 }, { steps: 50, bytes: 50 }, () => spend(6));
      spend(10);
      return inner;
    });
    expect(outcome).to.deep.equal({ value: { overrun: true } });
    expect(purse).to.deep.equal({ steps: 980, bytes: 980 });
    expect(metered({ steps: 100, bytes: 100 }, purse, () => spend(0, 101))).to.deep.equal({ overrun: true });
    expect(purse).to.deep.equal({ steps: 980, bytes: 879 });
    expect(() => spend(2 ** 31)).to.not.throw();
    expect(metered({ steps: 10_000, bytes: 100 }, purse, () => spend(981))).to.deep.equal({ overrun: true });
    expect(metered({ steps: 1, bytes: 1 }, purse, () => 1)).to.deep.equal({ overrun: true });
  });

  it("takes no key of a literal for JavaScript's", () => {
    for (const key of ["constructor", "__proto__", "toString"])
      expect(run(`{'${key}': 7}.${key} == 7 && !has({'a': 1}.${key})`)).to.deep.equal({ value: true });
  });

  it("keeps integers exact beyond what a double holds", () =>
    expect(run("object.n == 9007199254740993", parseExact('{"n": 9007199254740993}'))).to.deep.equal({
      value: true,
    }));

  it("never says in an error what the object holds, and never throws", () => {
    const secret = "s3cr3t-9081";
    const part = fc.constantFrom(
      "object.s",
      "object.m",
      "object.l",
      "object.m[object.s]",
      "object.l[0]",
      "1",
      "'x'",
      "null",
      "[object.s]",
      "int(object.s)",
      "duration(object.s)",
      "timestamp(object.s)",
      "object.s.matches(object.s + '(')",
      "{object.s: 1}",
      "object.s.substring(99)",
      "bool(object.s)",
      "double(object.s)",
      "quantity(object.s)",
      "ip(object.s)",
      "cidr(object.s)",
      "semver(object.s)",
      "url(object.s + ' ')",
      "object.l.max()",
      "object.l.sum()",
      "object.m.transformMapEntry(k, v, {'k': v})",
      "'%d'.format([object.s])",
      "[object.s, 1]",
      "object.s.split(object.s)[7]",
      "object.?m[?object.s].value()",
      "timestamp(0).getHours(object.s)",
      "object.l.sortBy(x, object.m)",
      "authorizer.serviceAccount(object.s, object.s + '_')",
    );
    const expression = fc
      .tuple(part, fc.constantFrom("+", "-", "==", "<", "in", "&&", "||", "/"), part)
      .map(([a, op, b]) => `${a} ${op} ${b}`);
    const object: Json = { s: secret, m: { [`${secret}k`]: secret }, l: [secret] };
    fc.assert(
      fc.property(expression, (text) => {
        const result = run(text, object);
        if ("error" in result) expect(JSON.stringify(result)).not.to.contain("s3cr3t");
      }),
      { numRuns: 500 },
    );
  });
});
