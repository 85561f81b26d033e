/** Expressions in CEL as Kubernetes' admission policies have it: compiled once, evaluated on a budget. */
import {
  type Environment,
  EvaluationError,
  ParseError,
  TypeError as TypeMismatch,
} from "@marcbachmann/cel-js";
import { type Json, viewed } from "./input.ts";
import { type Budget, metered, type Purse } from "./meter.ts";
import { meter, type Node, prepare } from "./tree.ts";

export interface Program {
  /** The CEL type of its value; `dyn` where only the evaluation tells. */
  readonly type: string;
  /** Estimated steps, lists taken to have a hundred items. */
  readonly cost: number;
  readonly run: (variables: ReadonlyMap<string, unknown>) => unknown;
}

/** Line and column count from 1. The message quotes nothing but the expression. */
export interface CompileError {
  message: string;
  line: number;
  column: number;
}

export type Compiled = { program: Program } | { error: CompileError };
export type Evaluated = { value: unknown } | { error: string };

const LONGEST = 20_000;
const KEPT = 2_000;
const compiled = new WeakMap<Environment, Map<string, Compiled>>();

function failed(text: string, message: string, at: number): Compiled {
  const before = text.slice(0, at).split("\n");
  return { error: { message, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 } };
}

function refusal(text: string, error: unknown): Compiled {
  if (error instanceof ParseError || error instanceof TypeMismatch || error instanceof EvaluationError)
    return failed(text, error.summary, error.range?.start ?? 0);
  // The parser and the checker recurse over chains of operators; anything else must not let an expression pass.
  return failed(text, error instanceof RangeError ? "nested too deeply" : "cannot be compiled", 0);
}

function literalIn(environment: Environment) {
  return (call: string, literal: string): boolean => {
    if (call === "has") return environment.check(literal).valid;
    try {
      environment.evaluate(`${call}(${JSON.stringify(literal)})`);
      return true;
    } catch {
      return false;
    }
  };
}

function compileAnew(text: string, environment: Environment): Compiled {
  if (text.length > LONGEST) return failed(text, `longer than ${LONGEST} characters`, 0);
  try {
    const parsed = environment.parse(text);
    const root = parsed.ast as unknown as Node;
    const prepared = prepare(root, literalIn(environment));
    if ("message" in prepared) return failed(text, prepared.message, prepared.at);
    const checked = parsed.check();
    if (!checked.valid) return refusal(text, checked.error);
    meter(root, text.length);
    return { program: { type: checked.type ?? "dyn", cost: prepared.cost, run: (given) => parsed(given) } };
  } catch (error) {
    return refusal(text, error);
  }
}

/**
 * Compiles an expression, or finds it compiled. `type`, where given, is what its value must be: `bool` or `string`,
 * say; as in Kubernetes, an expression of type dyn is none.
 */
export function compile(text: string, environment: Environment, type?: "bool" | "string"): Compiled {
  const known = compiled.get(environment) ?? new Map<string, Compiled>();
  compiled.set(environment, known);
  let result = known.get(text);
  if (result === undefined) {
    const limit = { steps: 1e6, bytes: 1e7 };
    const outcome = metered(limit, { ...limit }, () => compileAnew(text, environment));
    result = "value" in outcome ? outcome.value : failed(text, "too expensive to compile", 0);
    if (known.size >= KEPT) known.delete(known.keys().next().value ?? "");
    known.set(text, result);
  }
  if ("error" in result || type === undefined || result.program.type === type) return result;
  return failed(text, `must be a ${type}, is a ${result.program.type}`, 0);
}

const MESSAGES: Readonly<Record<string, string>> = {
  no_such_key: "no such key",
  numeric_overflow: "integer overflow",
  division_by_zero: "division by zero",
  modulo_by_zero: "modulus by zero",
  index_out_of_bounds: "index out of bounds",
  index_out_of_range: "index out of range",
  no_such_overload: "no such overload",
  no_matching_overload: "no such overload",
  invalid_pattern: "invalid regular expression",
  pattern_too_long: "the regular expression is too long",
  variable_type_mismatch: "a variable is not of its type",
};

function told(error: unknown): string {
  if (!(error instanceof EvaluationError)) return "evaluation failed";
  // Only what is looked up by its code: the library's own messages quote keys and values of the input.
  const message = MESSAGES[error.code] ?? "evaluation failed";
  return error.range === undefined ? message : `${message}, at character ${error.range.start + 1}`;
}

/**
 * The value of a program over parsed JSON, null where Kubernetes has null, or why there is none; never throws, and no part of the input is in the error. `purse` is
 * what is left for the whole request, and is diminished.
 */
export function evaluate(
  program: Program,
  given: ReadonlyMap<string, Json>,
  budget: Budget,
  purse: Purse,
): Evaluated {
  try {
    const outcome = metered(budget, purse, () =>
      program.run(new Map([...given].map(([name, value]) => [name, viewed(value)]))),
    );
    return "value" in outcome ? outcome : { error: "budget exceeded" };
  } catch (error) {
    return { error: told(error) };
  }
}
