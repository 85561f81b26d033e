import { expect } from "chai";
import { compile, evaluate } from "#core/cel/cel.ts";
import { ADMISSION } from "#core/cel/environment.ts";
import { type Json, viewed } from "#core/cel/input.ts";
import { Inputs, Scope } from "#core/cel/scope.ts";
import { withVariables } from "#core/cel/variables.ts";

const BUDGET = { steps: 100_000, bytes: 100_000 };

const inputs = (object: Json): Inputs => new Inputs(new Map([["object", () => viewed(object)]]));

/** What expressions come to one after the other, each in a scope of its own on the same inputs; and the steps each took. */
function inTurn(expressions: readonly string[], object: Json, variable?: readonly string[]) {
  const given = inputs(object);
  return expressions.map((text, i) => {
    const composed = variable === undefined ? [] : [{ name: "v", expression: variable[i] ?? "" }];
    const extended = withVariables(ADMISSION, composed);
    if ("error" in extended) throw new Error(extended.error.message);
    const compiled = compile(text, extended.environment);
    if ("error" in compiled) throw new Error(`${text}: ${compiled.error.message}`);
    const purse = { ...BUDGET };
    const outcome = evaluate(compiled.program, new Scope(given), BUDGET, purse);
    return { said: "value" in outcome ? outcome.value : outcome, steps: BUDGET.steps - purse.steps };
  });
}

const said = (...given: Parameters<typeof inTurn>) => inTurn(...given).map((one) => one.said);

describe("paths that several expressions follow", () => {
  it("are followed once", () => {
    const text = "object.a.b.c.size() == 1000";
    const [first, second] = inTurn([text, text], { a: { b: { c: new Array(1000).fill(1) } } });
    expect([first?.said, second?.said]).to.deep.equal([true, true]);
    expect(first?.steps).to.be.above(1000);
    expect(second?.steps).to.be.below(10);
  });

  it("are the same only where each field is", () => {
    const object = { a: { b: { c: 1, "c.d": 2 }, "b.c": 3, "?b": { c: 4 } }, l: { "a b": { c: 5 } } };
    const expressions = [
      "object.a.b.c",
      "object.a['?b'].c",
      "object.a.b['c.d']",
      "object.l['a b'].c",
      "object.a.?b.c.orValue(0)",
      "has(object.a.b)",
      "has(object.a.b.c)",
      "object.a.b == object.a['b']",
      "(has(object.a.b) ? object.a.b : object.l).c",
      "(has(object.a.x) ? object.a.b : object.l).c",
    ];
    const values = [1n, 4n, 2n, 5n, 1n, true, true, true, 1n];
    const alone = expressions.map((text) => said([text], object)[0]);
    const [last, ...before] = said(expressions, object).toReversed();
    expect(before.toReversed()).to.deep.equal(values);
    expect([...before.toReversed(), last]).to.deep.equal(alone);
  });

  it("begin at a loop's variable there, and at the object elsewhere", () => {
    const object = { a: { b: { c: 1 } }, all: [{ a: { b: { c: 2 } } }] };
    const loop = "object.all.exists(object, object.a.b.c == 2)";
    expect(said(["object.a.b.c", loop, "object.a.b.c", loop], object)).to.deep.equal([1n, true, 1n, true]);
  });

  it("begin at each policy's own variables", () => {
    const object = { one: { b: { c: 1 } }, two: { b: { c: 2 } } };
    const text = "variables.v.b.c";
    expect(said([text, text], object, ["object.one", "object.two"])).to.deep.equal([1n, 2n]);
  });

  it("fail in each at its own place", () => {
    const failed = said(["object.a.b", "1 == 2 || object.a.b == 1"], { a: {} });
    expect(failed).to.deep.equal([
      { error: "no such key: b (line 1, column 1)" },
      { error: "no such key: b (line 1, column 11)" },
    ]);
  });

  it("are other ones on another input", () => {
    const text = "object.a.b";
    expect([said([text], { a: { b: 1 } }), said([text], { a: { b: null } })]).to.deep.equal([[1n], [null]]);
  });
});
