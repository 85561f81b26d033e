/** What an evaluation goes on in. */
import type { Value } from "../values/value.ts";

export interface Frame {
  /** The variables of loops, each its own place. */
  readonly slots: Value[];
  /** A variable of the environment; undefined where none was given. */
  readonly variable: (name: string) => Value | undefined;
  /** What paths came to, for all expressions on the same input. */
  readonly paths: Map<string, Value>;
}

/** Spends from the budget; throws nothing but when that is spent. */
export type Step = (frame: Frame) => Value;
