/**
 * Rules of people about what looks like a secret and is none. They are applied between the two kinds of masking: after masking by
 * look and by name, of which they undo a part, and before values of Secrets are masked, which no rule can show.
 */
import { RE2JS } from "re2js";
import { isObject, type Json, type JsonObject, member, text } from "../admission.ts";
import { parsePattern } from "../digest/paths.ts";
import { parseJson } from "../json.ts";
import { mapMembers } from "./map.ts";
import { MASK_KINDS, type MaskKind } from "./patterns/pattern.ts";
import { maskText } from "./patterns.ts";

/** A rule. It applies where all that it says fits. */
export interface Exemption {
  /** Kind and name of the object. */
  kind?: string;
  name?: string;
  /** Dotted, from the top of the object; `*` stands for any one member or item. */
  path?: string;
  /** What was masked as one of these kinds; left out: as any. */
  masks?: readonly MaskKind[];
  /** An expression (RE2) that all of the masked text must match. */
  text?: string;
}

/** Gives `after`, an object that was masked, with what the rules exempt as it was in `before`. */
export type Exempting = (before: JsonObject, after: JsonObject, kind: string) => JsonObject;

/** What is wrong with a rule that its schema cannot tell. */
export function exemptionProblem({ text: expression }: Exemption): string | undefined {
  try {
    if (expression !== undefined) RE2JS.compile(expression);
    return undefined;
  } catch {
    return "this is no regular expression as RE2 knows them";
  }
}

interface Rule {
  of: Exemption;
  path: readonly string[] | undefined;
  masks: ReadonlySet<string>;
  expression: RE2JS | undefined;
}

const MADE = new WeakMap<readonly Exemption[], Exempting>();

/** Made only once for each list of rules. */
export function exempting(exemptions: readonly Exemption[]): Exempting {
  const known = MADE.get(exemptions);
  if (known !== undefined) return known;
  const rules = exemptions.map(ruleOf);
  const made: Exempting = (before, after, kind) => {
    if (rules.length === 0 || before === after || kind === "Secret") return after;
    const name = text(member(before, "metadata"), "name");
    const fit = rules.filter(({ of }) => (of.kind ?? kind) === kind && (of.name ?? name) === name);
    return fit.length === 0 ? after : restoredIn(fit, before, after, []);
  };
  MADE.set(exemptions, made);
  return made;
}

function ruleOf(of: Exemption): Rule {
  return {
    of,
    path: of.path === undefined ? undefined : parsePattern(of.path),
    masks: new Set(of.masks ?? MASK_KINDS),
    expression: of.text === undefined ? undefined : RE2JS.compile(of.text),
  };
}

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

function restored(rules: readonly Rule[], before: Json, after: Json, path: readonly string[]): Json {
  if (before === after) return after;
  if (Array.isArray(before) && Array.isArray(after))
    return after.map((item, at) => restored(rules, before[at] ?? null, item, [...path, String(at)]));
  if (isObject(before) && isObject(after))
    return text(before, "kind") === "Secret" ? after : restoredIn(rules, before, after, path);
  if (typeof before !== "string" || typeof after !== "string") return after;
  return rules.reduce((shown, rule) => (fits(rule, path) ? restoredText(rule, before, shown) : shown), after);
}

function restoredIn(
  rules: readonly Rule[],
  before: JsonObject,
  after: JsonObject,
  path: readonly string[],
): JsonObject {
  return mapMembers(after, (name, value) => {
    const was = before[name] ?? null;
    return name === LAST_APPLIED ? applied(rules, was, value) : restored(rules, was, value, [...path, name]);
  });
}

/** The same in the object that kubectl keeps as JSON in an annotation. */
function applied(rules: readonly Rule[], before: Json, after: Json): Json {
  if (typeof before !== "string" || typeof after !== "string" || before === after) return after;
  try {
    return JSON.stringify(restored(rules, parseJson(before), parseJson(after), []));
  } catch {
    return after;
  }
}

function fits({ path: pattern }: Rule, path: readonly string[]): boolean {
  if (pattern === undefined) return true;
  return pattern.length === path.length && pattern.every((step, at) => step === "*" || step === path[at]);
}

const MARK = /\[masked: ([a-z ]+)\]/g;

function restoredText({ masks, expression }: Rule, before: string, after: string): string {
  const found = [...after.matchAll(MARK)];
  if (found.some(([, kind = ""]) => !masks.has(kind))) return after;
  if (expression === undefined) return before;
  const isWhole = found.length === 1 && found[0]?.[0] === after;
  if (isWhole) return expression.matcher(before).matches() ? before : after;
  return maskText(before, (secret) => expression.matcher(secret).matches());
}
