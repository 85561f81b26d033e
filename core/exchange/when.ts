/** `tokens[].when` of an AgentProfile: what else must be true of a token, in CEL over its claims. */
import type { JsonObject } from "../admission.ts";
import { type CompileError, compile, evaluate } from "../cel/cel.ts";
import { ADMISSION, type PolicyEnvironment } from "../cel/environment.ts";
import { type } from "../cel/types/type.ts";
import { EXPRESSION, REQUEST } from "../policy/budget.ts";

const CLAIMS: PolicyEnvironment = {
  ...ADMISSION,
  variables: new Map([["claims", type("map<string, dyn>")]]),
  composed: new Map(),
};

export function whenProblem(when: string): CompileError | undefined {
  const compiled = compile(when, CLAIMS, "bool");
  return "error" in compiled ? compiled.error : undefined;
}

/** What of these is true of the claims. Where one fails or takes too long, it is not. All share one budget. */
export function whatIsTrue(whens: readonly string[], claims: JsonObject): string[] {
  const purse = { ...REQUEST };
  return [...new Set(whens)].filter((when) => {
    const compiled = compile(when, CLAIMS, "bool");
    if ("error" in compiled) return false;
    const outcome = evaluate(compiled.program, new Map([["claims", claims]]), EXPRESSION, purse);
    return "value" in outcome && outcome.value === true;
  });
}
