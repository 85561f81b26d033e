/** The same expressions here and in Kubernetes' admission CEL environment. */
import { Optional } from "@marcbachmann/cel-js";
import { Duration, UnsignedInt } from "@marcbachmann/cel-js/evaluator";
import { expect } from "chai";
import { compile, evaluate } from "#core/cel/cel.ts";
import { ADMISSION_WITH_PARAMS } from "#core/cel/environment.ts";
import { CASES, INPUT } from "./cases.ts";
import { DIFFERENCES } from "./differences.ts";
import { type Answer, ask } from "./oracle.ts";

function shown(value: unknown): unknown {
  if (value === null) return ["null"];
  if (typeof value === "bigint") return ["int", `${value}`];
  if (typeof value === "number")
    return [
      "double",
      Number.isFinite(value) ? value : `${value}`.replace(/^(?=I)/, "+").replace("inity", ""),
    ];
  if (typeof value === "boolean") return ["bool", value];
  if (typeof value === "string") return ["string", value];
  if (value instanceof UnsignedInt) return ["uint", `${value}`];
  if (value instanceof Date) return ["timestamp", value.toISOString()];
  if (value instanceof Duration) return ["duration", `${value}`];
  if (value instanceof Optional) return value.hasValue() ? ["optional", shown(value.value())] : ["optional"];
  if (Array.isArray(value)) return ["list", value.map(shown)];
  const entries = value instanceof Map ? [...value] : Object.entries(value as object);
  return ["map", entries.map(([key, member]) => [shown(key), shown(member)])];
}

function ours(expression: string): Answer {
  const compiled = compile(expression, ADMISSION_WITH_PARAMS);
  if ("error" in compiled) return { refused: compiled.error.message };
  const enough = { steps: 1e6, bytes: 1e7 };
  const outcome = evaluate(compiled.program, new Map(Object.entries(INPUT)), enough, { ...enough });
  return "error" in outcome ? outcome : { value: shown(outcome.value) };
}

/** Of an error the stage counts; a value as it is, maps without their order. */
function gist(answer: Answer): string {
  if (answer.refused !== undefined) return "refused";
  if (answer.error !== undefined) return "error";
  return JSON.stringify(answer.value, (_, part) =>
    Array.isArray(part) && part[0] === "map"
      ? ["map", [...part[1]].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))]
      : part,
  );
}

describe("CEL as Kubernetes' admission policies have it", () => {
  const all = Object.values(CASES).flat();
  const theirs = new Map<string, Answer>();
  const differs = (expression: string): boolean =>
    gist(ours(expression)) !== gist(theirs.get(expression) ?? {});

  before(async () => {
    const answers = await ask(all, INPUT);
    expect(answers).to.have.length(all.length);
    all.forEach((expression, index) => void theirs.set(expression, answers[index] ?? {}));
  });

  for (const [area, expressions] of Object.entries(CASES))
    it(`${area}: the same results, but for what is listed`, () => {
      const found = expressions
        .filter((expression) => differs(expression) && !(expression in DIFFERENCES))
        .map((e) => `${e}: ${gist(ours(e))}, Kubernetes: ${gist(theirs.get(e) ?? {})}`);
      expect(found).to.deep.equal([]);
    });

  it("every listed difference still occurs, and they are few", () => {
    expect(Object.keys(DIFFERENCES).filter((expression) => !differs(expression))).to.deep.equal([]);
    expect(Object.keys(DIFFERENCES).length / all.length).to.be.below(0.04);
  });

  it("nothing has a value here that Kubernetes gives none", () => {
    const has = (answer: Answer | undefined): boolean => answer?.value !== undefined;
    expect(all.filter((expression) => has(ours(expression)) && !has(theirs.get(expression)))).to.deep.equal(
      [],
    );
  });
});
