/** Calls of functions, and what operators of which one side is known come to. */
import { matcher } from "../library/regex.ts";
import { spend } from "../meter.ts";
import type { Overload } from "../types/environment.ts";
import { DYN, list, type Type } from "../types/type.ts";
import { equal } from "../values/compare.ts";
import { isOf } from "../values/type-of.ts";
import { Failure, NO_OVERLOAD, Optional, type Value } from "../values/value.ts";
import type { Step } from "./frame.ts";

/** Functions with one implementation, that takes what it can whatever the checker resolved. */
export const UNGUARDED = new Set(["size", "sort", "flatten"]);

export const strict1 =
  (step: Step, run: (value: Value) => Value): Step =>
  (frame) => {
    const value = step(frame);
    return value instanceof Failure ? value : run(value);
  };

export const strict2 =
  (one: Step, other: Step, run: (a: Value, b: Value) => Value): Step =>
  (frame) => {
    const a = one(frame);
    if (a instanceof Failure) return a;
    const b = other(frame);
    return b instanceof Failure ? b : run(a, b);
  };

/** `==` or `!=` with a text that is known. */
export const comparison = (step: Step, text: string, isEqual: boolean): Step =>
  strict1(step, (value) => {
    if (typeof value !== "string") return isEqual ? equal(value, text) : equal(value, text) !== true;
    spend(1 + (value.length >> 6));
    return (value === text) === isEqual;
  });

/** `matches` with a pattern that is known, and compiled once for as long as its expression is. */
export function matching(step: Step, regex: string): Step {
  const matches = matcher(regex);
  return strict1(step, (value) => {
    if (typeof value !== "string") return NO_OVERLOAD;
    spend(1);
    return matches(value);
  });
}

/** `or` and `orValue`, whose argument is evaluated only where it is needed. */
export const otherwise =
  (one: Step, other: Step, isValue: boolean): Step =>
  (frame) => {
    const value = one(frame);
    if (!(value instanceof Optional)) return value;
    if (value.value === undefined) return other(frame);
    return isValue ? value.value : value;
  };

type Takes = (value: Value) => boolean;

const TAKES: ReadonlyMap<string, Takes> = new Map<string, Takes>([
  ["string", (value) => typeof value === "string"],
  ["int", (value) => typeof value === "bigint"],
  ["bool", (value) => typeof value === "boolean"],
  ["double", (value) => typeof value === "number"],
  ["optional_type", (value) => value instanceof Optional],
]);

/** Whether a value may be given where that type is declared. */
function takes(type: Type): Takes {
  const known = type.params.every(({ kind }) => kind === "param" || kind === "dyn")
    ? TAKES.get(type.name)
    : undefined;
  return known ?? ((value) => isOf(value, type));
}

const shallow = (type: Type): Type => (type.kind === "list" ? list(DYN) : type);

interface Candidate {
  readonly params: readonly Takes[];
  readonly run: (...args: readonly Value[]) => Value;
}

/** Runs the first of the overloads that takes the values. */
export function dispatch(args: readonly Step[], overloads: readonly Overload[]): Step {
  const candidates = overloads
    .filter(({ params }) => params.length === args.length)
    .map(({ name, params, run }): Candidate => {
      const types = UNGUARDED.has(name) ? params.map(shallow) : params;
      return { params: types.map(takes), run: run as unknown as Candidate["run"] };
    });
  const [first, second, ...rest] = args;
  if (first !== undefined && second === undefined) return unary(first, candidates);
  if (first !== undefined && second !== undefined && rest.length === 0)
    return binary(first, second, candidates);
  return (frame) => {
    const values: Value[] = [];
    for (const argument of args) {
      const value = argument(frame);
      if (value instanceof Failure) return value;
      values.push(value);
    }
    const candidate = candidates.find(({ params }) => params.every((is, i) => is(values[i] ?? null)));
    if (candidate === undefined) return NO_OVERLOAD;
    spend(1);
    return candidate.run(...values);
  };
}

function unary(argument: Step, candidates: readonly Candidate[]): Step {
  return strict1(argument, (value) => {
    for (const { params, run } of candidates)
      if (params[0]?.(value) === true) {
        spend(1);
        return run(value);
      }
    return NO_OVERLOAD;
  });
}

function binary(one: Step, other: Step, candidates: readonly Candidate[]): Step {
  return strict2(one, other, (a, b) => {
    for (const { params, run } of candidates)
      if (params[0]?.(a) === true && params[1]?.(b) === true) {
        spend(1);
        return run(a, b);
      }
    return NO_OVERLOAD;
  });
}
