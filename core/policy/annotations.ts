/**
 * Rules in annotations (`hoop.dev/deny` and so on): of the target's Namespace, of the agent's ServiceAccount, and of the object
 * as it was before the request. They only make policies stricter.
 */
import { isObject, type Json } from "../admission.ts";
import { boolean, type Expression } from "./compile.ts";
import { POLICY } from "./environment.ts";
import type { Problem } from "./read.ts";
import type { Requirement } from "./verdict.ts";

export const DENY = "hoop.dev/deny";
export const REQUIRE_APPROVAL = "hoop.dev/require-approval";
export const APPROVERS = "hoop.dev/approvers";

export interface AnnotationRules {
  deny?: Expression;
  requireApproval?: Expression;
  /** Who must approve besides those whom policies name. */
  approvers?: Requirement;
  /** What is wrong, by annotation. An annotation with a problem denies, for nobody can tell what it means. */
  problems: readonly (Problem & { annotation: string })[];
}

const NONE: AnnotationRules = { problems: [] };
const known = new WeakMap<object, AnnotationRules>();

/** What `metadata.annotations` say. Read once for each object, as these never change. */
export function annotationRules(annotations: Json | undefined): AnnotationRules {
  if (!isObject(annotations)) return NONE;
  let rules = known.get(annotations);
  if (rules === undefined) {
    rules = read(annotations);
    known.set(annotations, rules);
  }
  return rules;
}

/** What is wrong with them. */
export function annotationProblems(annotations: Json | undefined): Problem[] {
  return annotationRules(annotations).problems.map(({ annotation: _, ...problem }) => problem);
}

function read(annotations: { [key: string]: Json }): AnnotationRules {
  const rules: { -readonly [K in keyof AnnotationRules]: AnnotationRules[K] } = { problems: [] };
  const problems: (Problem & { annotation: string })[] = [];
  const note = (annotation: string, message: string, at: { line?: number; column?: number } = {}) =>
    problems.push({ annotation, path: `metadata.annotations[${annotation}]`, message, ...at });
  for (const [annotation, field] of [
    [DENY, "deny"],
    [REQUIRE_APPROVAL, "requireApproval"],
  ] as const) {
    const text = textOf(annotations, annotation);
    if (text === undefined) continue;
    const { error, ...expression } = boolean(text, POLICY);
    if (error !== undefined) note(annotation, error.message, { line: error.line, column: error.column });
    rules[field] = expression;
  }
  const approvers = textOf(annotations, APPROVERS);
  if (approvers !== undefined) {
    const requirement = requirementOf(approvers);
    if (requirement === undefined)
      note(APPROVERS, "must be such as `sre, security`, `2 of sre, security` or `2`");
    else rules.approvers = requirement;
  }
  if (problems.length === 0 && Object.keys(rules).length === 1) return NONE;
  return { ...rules, problems };
}

/** Undefined: there is none. A value that is no text is read as "", which none of them may be. */
function textOf(annotations: { [key: string]: Json }, name: string): string | undefined {
  if (!Object.hasOwn(annotations, name)) return undefined;
  const value = annotations[name];
  return typeof value === "string" ? value : "";
}

const APPROVERS_FORM = /^\s*(?:(\d{1,2})\s*$|(?:(\d{1,2})\s+of(?:\s+|$))?(.*)$)/s;

/**
 * Names of groups that are mistakes, such as `2 sre`, `two of sre`, `of sre`, `a; b`, `a and 1 of b`. Nobody is in such a
 * group, so whatever waits for it could never be approved. Names as such may have spaces in them.
 */
const MISWRITTEN =
  /;|^\d+\s|^of\s|^(?:one|two|three|four|five|six|seven|eight|nine|ten|any|all|both)\s+of\s|\d\s+of(?:\s|$)/i;

/** `sre, security`: one of either; `2 of sre, security`: two people; `2`: two of whoever may decide. */
function requirementOf(text: string): Requirement | undefined {
  const [, alone, of, names] = APPROVERS_FORM.exec(text) ?? [];
  const count = Number(alone ?? of ?? 1);
  if (count < 1 || count > 10) return undefined;
  if (alone !== undefined) return { groups: [], count };
  const groups = (names ?? "").split(",").map((name) => name.trim());
  return groups.some((name) => name === "" || MISWRITTEN.test(name)) ? undefined : { groups, count };
}
