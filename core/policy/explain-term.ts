/** What each part of an expression comes to, and which of them decided. */

import { compile } from "../cel/cel.ts";
import type { PolicyEnvironment } from "../cel/environment.ts";
import { type Term, termOf } from "../cel/terms.ts";
import { shownValue } from "../cel/values/shown.ts";
import type { Value } from "../cel/values/value.ts";
import { MASKED_VALUE } from "../mask/names.ts";
import { REQUEST } from "./budget.ts";
import type { Outcome, PolicyRun } from "./evaluation.ts";

export interface TermTrace {
  text: string;
  /** Its value, masked where it is or may be secret; "" where it failed. */
  value: string;
  /** Why it has no value. */
  failed?: string;
  /** Whether the whole is what it is because of this part. */
  decided: boolean;
  parts: TermTrace[];
}

/** The policy over the request as it is, and over the same without secret values. */
export interface Runs {
  real: PolicyRun;
  masked: PolicyRun;
}

/** `decides`: whether anything depends on it directly. */
export async function explainExpression(
  expression: string,
  environment: PolicyEnvironment,
  runs: Runs,
  decides = true,
): Promise<TermTrace> {
  const term = termOf(expression) ?? { text: expression, kind: "other", parts: [] };
  const looked = await look(term, environment, runs);
  return traced(looked ?? { term, outcome: { failed: "does not compile" }, shown: "", parts: [] }, decides);
}

interface Looked {
  term: Term;
  outcome: Outcome<Value>;
  shown: string;
  parts: Looked[];
}

/** Undefined where it is no expression by itself, such as the first half of `optional.of`. */
async function look(term: Term, environment: PolicyEnvironment, runs: Runs): Promise<Looked | undefined> {
  const compiled = compile(term.text, environment);
  if ("error" in compiled) return undefined;
  const { program } = compiled;
  const [outcome, masked] = [
    await runs.real.value(program, { ...REQUEST }),
    await runs.masked.value(program, { ...REQUEST }),
  ];
  const parts: Looked[] = [];
  for (const part of term.parts) {
    const looked = await look(part, environment, runs);
    if (looked !== undefined) parts.push(looked);
  }
  return { term, outcome, shown: shownOf(outcome, masked), parts };
}

const LONGEST = 200;
const COMPARED = 1_000_000;

/**
 * What a value tells only because of a secret is not shown, however it was come by: it differs from what the same
 * expression comes to over the masked objects. Bools are, as verdicts tell them anyway.
 */
function shownOf(outcome: Outcome<Value>, masked: Outcome<Value>): string {
  if ("failed" in outcome) return "";
  if (typeof outcome.value === "boolean") return String(outcome.value);
  if ("failed" in masked) return MASKED_VALUE;
  const text = shownValue(masked.value, COMPARED);
  const isSafe =
    text === shownValue(outcome.value, COMPARED) ||
    (typeof masked.value === "object" && text.includes("[masked: "));
  return isSafe ? shownValue(masked.value, LONGEST) : MASKED_VALUE;
}

function traced({ term, outcome, shown, parts }: Looked, decided: boolean): TermTrace {
  const deciding = decided ? decisive(term, outcome, parts) : [];
  return {
    text: term.text,
    value: shown,
    ...("failed" in outcome ? { failed: outcome.failed } : {}),
    decided,
    parts: parts.map((part) => traced(part, deciding.includes(part))),
  };
}

/** The parts by which it is what it is: the first false one of `&&`, the first true one of `||`, the one that fails. */
function decisive({ kind }: Term, outcome: Outcome<Value>, parts: readonly Looked[]): readonly Looked[] {
  if ("failed" in outcome) return first(parts, (one) => "failed" in one.outcome);
  const is = (value: boolean) => (one: Looked) => "value" in one.outcome && one.outcome.value === value;
  switch (kind) {
    case "all":
      return outcome.value === true ? parts : first(parts, is(false));
    case "any":
      return outcome.value === true ? first(parts, is(true)) : parts;
    case "not":
      return parts;
    case "other":
      return [];
    default:
      return kind satisfies never;
  }
}

function first<T>(items: readonly T[], is: (item: T) => boolean): T[] {
  const found = items.find(is);
  return found === undefined ? [] : [found];
}
