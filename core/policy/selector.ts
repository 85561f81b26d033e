/** Label selectors of meta/v1, as the API server applies them. */
import { isObject, type Json } from "../admission.ts";
import type { Selector } from "./spec.ts";

/** Whether labels are selected. Labels are own members only, whatever they are called. */
export type LabelTest = (labels: Json | undefined) => boolean;

type Expression = NonNullable<Selector["matchExpressions"]>[number];

const TESTS: Readonly<Record<string, (value: string | undefined, values: readonly string[]) => boolean>> = {
  In: (value, values) => value !== undefined && values.includes(value),
  // As in Kubernetes: what has no such label, is not in.
  NotIn: (value, values) => value === undefined || !values.includes(value),
  Exists: (value) => value !== undefined,
  DoesNotExist: (value) => value === undefined,
};

/** A problem is told in words; the selector then selects everything, so that what it guards is not left open. */
export function labelTest(selector: Selector | undefined): { test: LabelTest | undefined; problem?: string } {
  if (selector === undefined) return { test: undefined };
  const wanted: Expression[] = [
    ...Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
      key,
      operator: "In" as const,
      values: [value],
    })),
    ...(selector.matchExpressions ?? []),
  ];
  const problem = wanted.map(problemOf).find((found) => found !== undefined);
  if (problem !== undefined) return { test: undefined, problem };
  if (wanted.length === 0) return { test: undefined };
  const [first, ...rest] = wanted.map(({ key, operator, values = [] }): LabelTest => {
    const test = TESTS[operator];
    return (labels) => test?.(labelOf(labels, key), values) === true;
  });
  if (rest.length === 0) return { test: first };
  return { test: (labels) => first?.(labels) === true && rest.every((test) => test(labels)) };
}

function problemOf({ key, operator, values = [] }: Expression): string | undefined {
  if (!isLabelKey(key)) return "a label's key must be a qualified name";
  const takesValues = operator === "In" || operator === "NotIn";
  if (takesValues && values.length === 0) return `${operator} needs values`;
  if (!takesValues && values.length > 0) return `${operator} takes no values`;
  return values.every(isLabelValue)
    ? undefined
    : "a label's value must be at most 63 letters, digits, -, _ and .";
}

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

function isLabelKey(key: string): boolean {
  const [first = "", second, more] = key.split("/");
  if (more !== undefined) return false;
  return second === undefined ? NAME.test(first) : PREFIX.test(first) && NAME.test(second);
}

const isLabelValue = (value: string): boolean => value === "" || NAME.test(value);

function labelOf(labels: Json | undefined, key: string): string | undefined {
  if (!isObject(labels) || !Object.hasOwn(labels, key)) return undefined;
  const value = labels[key];
  return typeof value === "string" ? value : undefined;
}
