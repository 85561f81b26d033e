/** The matchCondition of Hoop's registrations: whose requests it picks. */
import { compile, evaluate } from "../cel/cel.ts";
import { ADMISSION } from "../cel/environment.ts";
import type { Identity } from "./rbac.ts";

/** Whether somebody's requests are picked; undefined where the expression cannot tell from who asks alone. */
export type Covers = (identity: Identity) => boolean | undefined;

/** Far more than an expression over a name and some groups takes. */
const BUDGET = { steps: 100_000, bytes: 1_000_000 };

/** The expression is CEL, written by whoever may change registrations. */
export function coverage(expression: string): Covers {
  const compiled = compile(expression, ADMISSION, "bool");
  return ({ user, groups }) => {
    if ("error" in compiled) return undefined;
    const request = { userInfo: { username: user, groups: [...groups], extra: {} } };
    const outcome = evaluate(compiled.program, new Map([["request", request]]), BUDGET, { ...BUDGET });
    return "value" in outcome && typeof outcome.value === "boolean" ? outcome.value : undefined;
  };
}
