/** The matchCondition of Hoop's registrations: whose requests it picks. */
import { Environment } from "@marcbachmann/cel-js";
import type { Identity } from "./rbac.ts";

/** Whether somebody's requests are picked; undefined where the expression cannot tell from who asks alone. */
export type Covers = (identity: Identity) => boolean | undefined;

const ENVIRONMENT = new Environment({ enableOptionalTypes: true }).registerVariable("request", "dyn");

/** The expression is CEL, written by whoever may change registrations. */
export function coverage(expression: string): Covers {
  const evaluate = parsed(expression);
  return ({ user, groups }) => {
    const request = { userInfo: { username: user, groups: [...groups], extra: {} } };
    try {
      const value = evaluate?.({ request });
      return typeof value === "boolean" ? value : undefined;
    } catch {
      return undefined;
    }
  };
}

function parsed(expression: string): ((variables: object) => unknown) | undefined {
  try {
    return ENVIRONMENT.parse(expression);
  } catch {
    return undefined;
  }
}
