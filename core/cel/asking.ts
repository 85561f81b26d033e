/** Evaluation that asks the API server what a policy wants to know of it. */
import { evaluate, type Program } from "./cel.ts";
import type { AccessCheck, AccessDecision } from "./library/authorizer.ts";
import type { Budget, Purse } from "./meter.ts";
import type { Scope } from "./scope.ts";
import type { Value } from "./values/value.ts";

/** Resolves with an `error` in the decision where there is no answer. */
export type Ask = (check: AccessCheck) => Promise<AccessDecision>;

/** With those of `variables`, more than any policy needs. */
const MOST_QUESTIONS = 20;

/**
 * As {@link evaluate}, from the start again with each answer; the answers stay in the scope, and each round is paid for
 * from `purse`. Between two rounds others run.
 */
export async function evaluateAsking(
  program: Program,
  scope: Scope,
  budget: Budget,
  purse: Purse,
  ask: Ask,
): Promise<{ value: Value } | { error: string }> {
  for (let asked = 0; asked <= MOST_QUESTIONS; asked++) {
    const outcome = evaluate(program, scope, budget, purse);
    if (!("unanswered" in outcome)) return outcome;
    scope.answer(outcome.unanswered, await ask(outcome.unanswered));
  }
  return { error: "too many access checks" };
}
