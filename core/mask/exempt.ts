/**
 * What looks like a secret and is none, told by rules of people. What is masked otherwise is masked before these are
 * looked at, and values of Secrets after: no rule shows those.
 */
import { RE2JS } from "re2js";
import { isObject, type Json, type JsonObject, member, text } from "../admission.ts";
import { parsePattern } from "../digest/paths.ts";
import { parseJson } from "../json.ts";
import { mapMembers } from "./map.ts";
import { maskText } from "./patterns.ts";

const MASK_KINDS = ["value", "password", "token", "access key", "private key"] as const;
export type MaskKind = (typeof MASK_KINDS)[number];

/** All that it says must fit. */
export interface Exemption {
  /** Of the object. */
  kind?: string;
  name?: string;
  /** From the object on, dotted; `*` is any one member or item. */
  path?: string;
  /** Left out: all. */
  masks?: readonly MaskKind[];
  /** RE2. All of what would be masked must match it. */
  text?: string;
}

/** What is shown in place of an object: `after`, which was masked, but for what the rules exempt of `before`. */
export type Exempting = (before: JsonObject, after: JsonObject, kind: string) => JsonObject;

/** What is wrong with it that its schema cannot tell. */
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

/** Made once for each list. */
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

/** The object within, as kubectl keeps it. */
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
