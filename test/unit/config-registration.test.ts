/** Which writes of everybody config.hoop.dev is asked about: the condition in deploy/, by the engine that policies use. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { compile, evaluate, type Program } from "#core/cel/cel.ts";
import { ADMISSION } from "#core/cel/environment.ts";
import type { Json } from "#core/cel/input.ts";

interface Webhook {
  name: string;
  rules: { apiGroups: string[]; resources: string[]; operations: string[] }[];
  matchConditions?: { expression: string }[];
  failurePolicy: string;
  timeoutSeconds: number;
  sideEffects: string;
}

const FILE = join(import.meta.dirname, "..", "..", "deploy", "base", "config-registration.yaml");

describe("config.hoop.dev", () => {
  let webhooks: Webhook[];
  let program: Program;
  before(async () => {
    ({ webhooks } = parse(await readFile(FILE, "utf8")) as { webhooks: Webhook[] });
    const conditions = webhooks.flatMap(({ matchConditions = [] }) => matchConditions);
    expect(conditions).to.have.length(1);
    const compiled = compile(conditions[0]?.expression ?? "", ADMISSION, "bool");
    if ("error" in compiled) throw new Error(compiled.error.message);
    program = compiled.program;
  });

  const isAsked = (operation: string, object: Json, oldObject: Json = null): unknown => {
    const inputs = new Map<string, Json>([
      ["object", object],
      ["oldObject", oldObject],
      ["request", { operation }],
    ]);
    const budget = { steps: 1e6, bytes: 1e7 };
    const outcome = evaluate(program, inputs, budget, { ...budget });
    return "value" in outcome ? outcome.value : outcome;
  };
  const annotated = (annotations?: Record<string, string>): Json => ({
    metadata: { name: "x", ...(annotations === undefined ? {} : { annotations }) },
  });

  it("guards nothing: whatever becomes of Hoop, people's writes go through, and soon", () => {
    for (const { failurePolicy, timeoutSeconds, sideEffects } of webhooks) {
      expect([failurePolicy, sideEffects]).to.deep.equal(["Ignore", "None"]);
      expect(timeoutSeconds).to.be.at.most(10);
    }
  });

  it("is for policies, Namespaces and ServiceAccounts alone, and not for their subresources", () => {
    const resources = webhooks.flatMap(({ rules }) =>
      rules.map((rule) => [rule.apiGroups, rule.resources, rule.operations]),
    );
    expect(resources).to.deep.equal([
      [["policy.hoop.dev"], ["*"], ["CREATE", "UPDATE"]],
      [[""], ["namespaces", "serviceaccounts"], ["CREATE", "UPDATE"]],
    ]);
  });

  const OURS = { "hoop.dev/deny": "true" };
  const CASES: Record<string, [asked: boolean, operation: string, object: Json, oldObject?: Json]> = {
    "a new one without annotations": [false, "CREATE", annotated()],
    "a new one with others' annotations": [false, "CREATE", annotated({ "example.com/hoop.dev": "x" })],
    "a new one with ours": [true, "CREATE", annotated(OURS)],
    "a new one with what only looks like ours": [true, "CREATE", annotated({ "hoop.dev/denny": "x" })],
    "one that Hoop has stamped, with a reason": [
      false,
      "CREATE",
      annotated({ "hoop.dev/agent": "bot", "hoop.dev/session": "s", "hoop.dev/reason": "why" }),
    ],
    "a change of something else": [false, "UPDATE", annotated({ ...OURS, a: "b" }), annotated(OURS)],
    "one of ours, added": [true, "UPDATE", annotated(OURS), annotated()],
    "one of ours, added to others": [true, "UPDATE", annotated({ ...OURS, a: "b" }), annotated({ a: "b" })],
    "one of ours, changed": [true, "UPDATE", annotated(OURS), annotated({ "hoop.dev/deny": "false" })],
    "one of ours, taken away": [false, "UPDATE", annotated({ a: "b" }), annotated(OURS)],
    "all taken away": [false, "UPDATE", annotated(), annotated(OURS)],
  };
  for (const [what, [asked, operation, object, oldObject]] of Object.entries(CASES))
    it(`is ${asked ? "" : "not "}asked about ${what}`, () => {
      expect(isAsked(operation, object, oldObject)).to.equal(asked);
    });
});
