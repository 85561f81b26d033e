import { expect } from "chai";
import { compile, evaluate } from "#core/cel/cel.ts";
import { ADMISSION, ADMISSION_WITH_PARAMS } from "#core/cel/environment.ts";

describe("compiling CEL", () => {
  it("tells where an error is, by line and column from 1", () => {
    expect(compile("true &&\n  objec.spec", ADMISSION)).to.deep.equal({
      error: { message: "undeclared reference to 'objec'", line: 2, column: 3 },
    });
  });

  it("refuses what is not of the type asked for, dyn included", () => {
    expect(compile("object.spec == null", ADMISSION, "bool")).to.have.property("program");
    expect(compile("object.spec", ADMISSION, "bool")).to.have.property("error");
    expect(compile("'a'", ADMISSION, "bool")).to.have.nested.property(
      "error.message",
      "must be a bool, is a string",
    );
  });

  it("compiles a text once in an environment", () => {
    const [first, second] = [compile("1 + 1", ADMISSION), compile("1 + 1", ADMISSION)];
    expect(first).to.equal(second);
  });

  it("knows params only where a policy binds them", () => {
    expect(compile("params.a", ADMISSION)).to.have.property("error");
    expect(compile("params.a", ADMISSION_WITH_PARAMS)).to.have.property("program");
  });

  it("evaluates the same program again and again, each time on its own budget", () => {
    const compiled = compile("agent.username + '/' + agent.session", ADMISSION, "string");
    if ("error" in compiled) throw new Error(compiled.error.message);
    const purse = { steps: 1_000, bytes: 1_000 };
    for (const name of ["a", "b"]) {
      const given = new Map([["agent", { username: name, session: "s" }]]);
      expect(evaluate(compiled.program, given, { steps: 10, bytes: 10 }, purse)).to.deep.equal({
        value: `${name}/s`,
      });
    }
    const long = new Map([["agent", { username: "a".repeat(20), session: "s" }]]);
    expect(evaluate(compiled.program, long, { steps: 10, bytes: 10 }, purse)).to.deep.equal({
      error: "budget exceeded",
    });
  });

  const COSTS: Readonly<Record<string, number>> = {
    "1 + 1": 3,
    "[1, 2].all(x, x > 0)": 10,
    "object.l.all(x, x > 0)": 303,
    "object.l.all(x, object.l.all(y, x > y))": 30_303,
    "object.l.map(x, x)[0] == 1": 107,
    "object.?a.optMap(x, x)": 4,
  };
  for (const [text, cost] of Object.entries(COSTS))
    it(`estimates what ${text} may cost`, () => {
      const compiled = compile(text, ADMISSION);
      expect("program" in compiled && compiled.program.cost).to.equal(cost);
    });

  it("keeps so many expressions, and forgets the oldest", () => {
    const [first] = [compile("0 == 1", ADMISSION)];
    for (let i = 0; i < 2_100; i++) compile(`${i} == ${i}`, ADMISSION);
    expect(compile("2099 == 2099", ADMISSION)).to.equal(compile("2099 == 2099", ADMISSION));
    expect(compile("0 == 1", ADMISSION)).not.to.equal(first);
  });
});
