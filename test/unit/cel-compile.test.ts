import { expect } from "chai";
import { compile, evaluate } from "#core/cel/cel.ts";
import { ADMISSION, ADMISSION_WITH_PARAMS } from "#core/cel/environment.ts";

describe("compiling CEL", () => {
  it("tells where an error is, by line and column from 1", () => {
    expect(compile("true &&\n  objec.spec", ADMISSION)).to.deep.equal({
      error: { message: "Unknown variable: objec", line: 2, column: 3 },
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
});
