import { expect } from "chai";
import { evaluateAsking } from "#core/cel/asking.ts";
import { compile, evaluate } from "#core/cel/cel.ts";
import { ADMISSION, type PolicyEnvironment } from "#core/cel/environment.ts";
import type { Json } from "#core/cel/input.ts";
import type { AccessCheck, AccessDecision } from "#core/cel/library/authorizer.ts";
import { Scope } from "#core/cel/scope.ts";
import { withVariables } from "#core/cel/variables.ts";

const BUDGET = { steps: 10_000, bytes: 10_000 };

function extended(variables: Readonly<Record<string, string>>): PolicyEnvironment {
  const all = Object.entries(variables).map(([name, expression]) => ({ name, expression }));
  const result = withVariables(ADMISSION, all);
  if ("error" in result) throw new Error(`${result.name}: ${result.error.message}`);
  return result.environment;
}

function run(text: string, environment: PolicyEnvironment, scope: Scope) {
  const compiled = compile(text, environment);
  if ("error" in compiled) return compiled;
  return evaluate(compiled.program, scope, BUDGET, { ...BUDGET });
}

const scopeOf = (object: Json): Scope => new Scope(new Map([["object", object]]));

describe("variables of a policy", () => {
  it("have the types of their expressions", () => {
    const environment = extended({ count: "size(object.l)", name: "object.name" });
    expect(compile("variables.count == 'a'", environment)).to.have.property("error");
    expect(compile("variables.count == 1 && variables.name == 'a'", environment, "bool")).to.have.property(
      "program",
    );
    expect(compile("variables.other", environment)).to.have.nested.property(
      "error.message",
      "undefined field 'other'",
    );
  });

  it("see those before them, and no others", () => {
    const environment = extended({ one: "object.n + 1", two: "variables.one * 2" });
    expect(run("variables.two", environment, scopeOf({ n: 3 }))).to.deep.equal({ value: 8n });
    const backwards = [
      { name: "one", expression: "variables.two" },
      { name: "two", expression: "1" },
    ];
    expect(withVariables(ADMISSION, backwards)).to.deep.equal({
      name: "one",
      part: "expression",
      error: { message: "undefined field 'two'", line: 1, column: 1 },
    });
  });

  const REFUSED: Readonly<Record<string, readonly { name: string; expression: string }[]>> = {
    "a name that no expression could write": [{ name: "a-b", expression: "1" }],
    "a name of JavaScript's": [{ name: "a b", expression: "1" }],
    "two of a name": [
      { name: "a", expression: "1" },
      { name: "a", expression: "2" },
    ],
    "what does not compile": [{ name: "a", expression: "1 + 'a'" }],
  };
  for (const [what, variables] of Object.entries(REFUSED))
    it(`refuse ${what}`, () => expect(withVariables(ADMISSION, variables)).to.have.property("error"));

  it("are evaluated when they are first asked for, and once", () => {
    const environment = extended({ all: "object.l.all(x, x > 0)", broken: "object.missing" });
    const scope = scopeOf({ l: Array.from({ length: 500 }, () => 1) });
    const purse = { steps: 100_000, bytes: 100_000 };
    const compiled = compile("variables.all", environment);
    if ("error" in compiled) throw new Error(compiled.error.message);
    const spent = [1, 2].map(() => {
      const before = purse.steps;
      expect(evaluate(compiled.program, scope, BUDGET, purse)).to.deep.equal({ value: true });
      return before - purse.steps;
    });
    expect(spent[0]).to.be.above(1_000);
    expect(spent[1]).to.be.below(20);
  });

  it("fail those who ask for them, and nobody else", () => {
    const environment = extended({ broken: "object.missing", fine: "1" });
    expect(run("variables.fine == 1", environment, scopeOf({}))).to.deep.equal({ value: true });
    expect(run("variables.broken == 1", environment, scopeOf({}))).to.deep.equal({
      error: "no such key: missing (line 1, column 1)",
    });
    expect(run("variables.broken == 1 || true", environment, scopeOf({}))).to.deep.equal({ value: true });
  });

  it("are paid for by who asks first", () => {
    const environment = extended({ all: "object.l.all(x, object.l.all(y, y > 0))" });
    const scope = scopeOf({ l: Array.from({ length: 500 }, () => 1) });
    expect(run("variables.all", environment, scope)).to.deep.equal({ error: "budget exceeded" });
  });

  it("do not change the environment that they extend", () => {
    extended({ mine: "1" });
    expect(compile("variables.mine", ADMISSION)).to.have.property("error");
  });
});

describe("access checks of a policy", () => {
  const CHECK =
    "authorizer.group('apps').resource('deployments').namespace(object.ns).check('delete').allowed()";

  it("are asked for one at a time, and the evaluation goes on with their answers", () => {
    const scope = scopeOf({ ns: "shop" });
    const asked = { group: "apps", resource: "deployments", namespace: "shop", verb: "delete" };
    expect(run(CHECK, ADMISSION, scope)).to.deep.equal({ unanswered: asked });
    scope.answer(asked, { allowed: true, reason: "" });
    expect(run(CHECK, ADMISSION, scope)).to.deep.equal({ value: true });
  });

  it("are asked for where an alternative would do, as no answer is none", () => {
    expect(run(`${CHECK} || true`, ADMISSION, scopeOf({ ns: "shop" }))).to.have.property("unanswered");
    expect(run(`true || ${CHECK}`, ADMISSION, scopeOf({ ns: "shop" }))).to.deep.equal({ value: true });
  });

  it("know what the request is about", () => {
    const requested = { group: "", resource: "pods", namespace: "shop", name: "web" };
    const scope = new Scope(new Map([["object", {}]]), requested);
    expect(run("authorizer.requestResource.check('get').allowed()", ADMISSION, scope)).to.deep.equal({
      unanswered: { ...requested, verb: "get" },
    });
  });

  it("tell an error from a refusal", () => {
    const scope = scopeOf({ ns: "shop" });
    const asked = { group: "apps", resource: "deployments", namespace: "shop", verb: "delete" };
    scope.answer(asked, { allowed: false, reason: "", error: "timeout" });
    const errored = CHECK.replace("allowed()", "errored()");
    expect(run(errored, ADMISSION, scope)).to.deep.equal({ value: true });
    expect(run(CHECK, ADMISSION, scope)).to.deep.equal({ value: false });
  });

  it("are put one after the other, each once, also those of variables", async () => {
    const environment = extended({ mayGet: "authorizer.path('/a').check('get').allowed()" });
    const text = "variables.mayGet && authorizer.path('/b').check('get').allowed() && variables.mayGet";
    const compiled = compile(text, environment);
    if ("error" in compiled) throw new Error(compiled.error.message);
    const asked: (string | undefined)[] = [];
    const ask = async ({ path }: AccessCheck): Promise<AccessDecision> => {
      asked.push(path);
      return { allowed: true, reason: "" };
    };
    const scope = scopeOf({});
    const outcome = await evaluateAsking(compiled.program, scope, BUDGET, { ...BUDGET }, ask);
    expect(outcome).to.deep.equal({ value: true });
    expect(asked).to.deep.equal(["/a", "/b"]);
  });

  it("end when the request has nothing left to spend", async () => {
    const compiled = compile("authorizer.path('/a').check('get').allowed()", ADMISSION);
    if ("error" in compiled) throw new Error(compiled.error.message);
    const ask = async (): Promise<AccessDecision> => ({ allowed: true, reason: "" });
    const outcome = await evaluateAsking(compiled.program, scopeOf({}), BUDGET, { steps: 9, bytes: 9 }, ask);
    expect(outcome).to.deep.equal({ error: "budget exceeded" });
  });

  it("are two of one evaluation at most", () => {
    const scope = scopeOf({});
    for (const path of ["/a", "/b", "/c"]) scope.answer({ path, verb: "get" }, { allowed: true, reason: "" });
    const check = (path: string) => `authorizer.path('${path}').check('get').allowed()`;
    expect(run(`${check("/a")} && ${check("/b")}`, ADMISSION, scope)).to.deep.equal({ value: true });
    expect(run(`${check("/a")} && ${check("/b")} && ${check("/c")}`, ADMISSION, scope)).to.have.property(
      "error",
    );
  });
});
