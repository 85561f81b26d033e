/** Expressions in CEL as Kubernetes' admission policies have it: compiled once, evaluated on a budget. */
import type { PolicyEnvironment } from "./environment.ts";
import type { Json } from "./input.ts";
import { type AccessCheck, Unanswered } from "./library/authorizer.ts";
import { type Budget, metered, type Purse } from "./meter.ts";
import { estimate } from "./run/cost.ts";
import { plan } from "./run/plan.ts";
import { type Runnable, Scope } from "./scope.ts";
import { parse } from "./syntax/parser.ts";
import { Refusal } from "./syntax/refusal.ts";
import { check } from "./types/check.ts";
import { shown, type Type } from "./types/type.ts";
import { validate } from "./types/validate.ts";
import { Failure, type Value } from "./values/value.ts";

export interface Program extends Runnable {
  readonly text: string;
  /** The CEL type of its value; `dyn` where only the evaluation tells. */
  readonly type: Type;
  /** Estimated steps, lists taken to have a hundred items. */
  readonly cost: number;
  readonly environment: PolicyEnvironment;
}

/** Line and column count from 1. The message quotes nothing but the expression. */
export interface CompileError {
  message: string;
  line: number;
  column: number;
}

export type Compiled = { program: Program } | { error: CompileError };
/** A value, why there is none, or the access check that is to be answered first: see {@link Scope.answer}. */
export type Evaluated = { value: Value } | { error: string } | { unanswered: AccessCheck };

const LONGEST = 20_000;
const KEPT = 2_000;
/** About a tenth of a second; expressions that people write take a hundredth of it. */
const COMPILING: Budget = { steps: 250_000, bytes: 1e7 };
const compiled = new WeakMap<PolicyEnvironment, Map<string, Compiled>>();

function placeOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function placed(text: string, at: number): string {
  const { line, column } = placeOf(text, at);
  return `(line ${line}, column ${column})`;
}

function failed(text: string, message: string, at: number): Compiled {
  return { error: { message, ...placeOf(text, at) } };
}

function compileAnew(text: string, environment: PolicyEnvironment): Compiled {
  if (text.length > LONGEST) return failed(text, `longer than ${LONGEST} characters`, 0);
  try {
    const root = parse(text);
    const checked = check(root, environment);
    validate(root, checked);
    const cost = estimate(root);
    const planned = plan(root, checked, environment);
    return { program: { ...planned, text, type: checked.typeOf(root), cost, environment } };
  } catch (error) {
    if (error instanceof Refusal) return failed(text, error.message, error.at);
    throw error;
  }
}

function compileOnce(text: string, environment: PolicyEnvironment): Compiled {
  try {
    const outcome = metered(COMPILING, { ...COMPILING }, () => compileAnew(text, environment));
    return "value" in outcome ? outcome.value : failed(text, "too expensive to compile", 0);
  } catch {
    // Nothing else is thrown; were it, the expression must not pass.
    return failed(text, "cannot be compiled", 0);
  }
}

/**
 * Compiles an expression, or finds it compiled. `type`, where given, is what its value must be: `bool` or `string`,
 * say; as in Kubernetes, an expression of type dyn is none.
 */
export function compile(text: string, environment: PolicyEnvironment, type?: "bool" | "string"): Compiled {
  const known = compiled.get(environment) ?? new Map<string, Compiled>();
  compiled.set(environment, known);
  let result = known.get(text);
  if (result === undefined) {
    result = compileOnce(text, environment);
    if (known.size >= KEPT) known.delete(known.keys().next().value ?? "");
    known.set(text, result);
  }
  if ("error" in result || type === undefined || shown(result.program.type) === type) return result;
  return failed(text, `must be a ${type}, is ${told(shown(result.program.type), type)}`, 0);
}

function told(is: string, wanted: string): string {
  if (is === "dyn") return `of any type: wrap it in ${wanted}(…)`;
  return `${/^[aeiou]/.test(is) ? "an" : "a"} ${is}`;
}

/**
 * The value of a program over parsed JSON, null where Kubernetes has null, or why there is none; never throws, and no
 * part of the input is in the error. `purse` is what is left for the whole request, and is diminished.
 */
export function evaluate(
  program: Program,
  given: ReadonlyMap<string, Json> | Scope,
  budget: Budget,
  purse: Purse,
): Evaluated {
  const scope = given instanceof Scope ? given : new Scope(given);
  try {
    const outcome = metered(budget, purse, () => scope.run(program, program.environment.composed));
    if ("overrun" in outcome) return { error: "budget exceeded" };
    const { value } = outcome;
    if (!(value instanceof Failure)) return outcome;
    return { error: value.at < 0 ? value.message : `${value.message} ${placed(program.text, value.at)}` };
  } catch (error) {
    // Nothing else is thrown; were it, its message could quote the input.
    return error instanceof Unanswered ? { unanswered: error.check } : { error: "evaluation failed" };
  }
}
