/** Label selectors (full grammar) and field selectors (`=`, `==`, `!=`) of meta/v1 ListOptions. */
import type { KubeObject } from "./resource.ts";
import { StatusError } from "./status.ts";

export interface FieldRequirement {
  field: string;
  operator: "=" | "!=";
  value: string;
}

export type LabelOperator = "In" | "NotIn" | "Exists" | "DoesNotExist" | "GreaterThan" | "LessThan";

export interface LabelRequirement {
  key: string;
  operator: LabelOperator;
  values: readonly string[];
}

/** The requirements of a field selector, undefined where it does not parse. `\` escapes `,`, `=` and itself. */
export function fieldRequirements(selector: string): FieldRequirement[] | undefined {
  const requirements: FieldRequirement[] = [];
  for (const term of selector.match(/(?:\\.|[^,\\])+/g) ?? []) {
    const match = /^((?:\\.|[^=!\\])*)(!=|==|=)((?:\\[\\,=]|[^\\=])*)$/.exec(term);
    if (!match) return undefined;
    const [, field = "", operator, value = ""] = match;
    requirements.push({
      field: field.trim(),
      operator: operator === "!=" ? "!=" : "=",
      value: value.replace(/\\(.)/g, "$1"),
    });
  }
  return requirements;
}

/** Getters of the selectable fields by path. */
export type Fields<T> = Readonly<Record<string, (object: T) => string>>;

const META_FIELDS: Fields<KubeObject> = {
  "metadata.name": (object) => object.metadata.name,
  "metadata.namespace": (object) => object.metadata.namespace ?? "",
};

/** @throws {StatusError} BadRequest for what does not parse and for fields that are not selectable. */
export function fieldMatcher<T extends KubeObject>(
  selector: string,
  fields: Fields<T>,
): (object: T) => boolean {
  const requirements = fieldRequirements(selector);
  if (!requirements)
    throw new StatusError("BadRequest", `invalid field selector: ${JSON.stringify(selector)}`);
  const checks = requirements.map(({ field, operator, value }) => {
    const read = lookup(META_FIELDS, field) ?? lookup(fields, field);
    if (!read) throw new StatusError("BadRequest", `field label not supported: ${field}`);
    return (object: T) => (read(object) === value) === (operator === "=");
  });
  return (object) => checks.every((check) => check(object));
}

function lookup<T>(fields: Fields<T>, field: string): ((object: T) => string) | undefined {
  return Object.hasOwn(fields, field) ? fields[field] : undefined;
}

/** @throws {StatusError} BadRequest for what does not parse. */
export function labelMatcher(selector: string): (object: KubeObject) => boolean {
  const requirements = labelRequirements(selector);
  if (!requirements)
    throw new StatusError("BadRequest", `unable to parse label selector ${JSON.stringify(selector)}`);
  return (object) => requirements.every((each) => matches(each, object.metadata.labels ?? {}));
}

const OPERATORS: Readonly<
  Record<LabelOperator, (value: string | undefined, wanted: readonly string[]) => boolean>
> = {
  In: (value, wanted) => value !== undefined && wanted.includes(value),
  NotIn: (value, wanted) => value === undefined || !wanted.includes(value),
  Exists: (value) => value !== undefined,
  DoesNotExist: (value) => value === undefined,
  GreaterThan: (value, [bound]) => isInteger(value) && isInteger(bound) && BigInt(value) > BigInt(bound),
  LessThan: (value, [bound]) => isInteger(value) && isInteger(bound) && BigInt(value) < BigInt(bound),
};

function matches(requirement: LabelRequirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  return OPERATORS[requirement.operator](value, requirement.values);
}

function isInteger(text: string | undefined): text is string {
  return text !== undefined && /^[+-]?\d{1,19}$/.test(text);
}

const COMPARISONS: Readonly<Record<string, LabelOperator>> = {
  "=": "In",
  "==": "In",
  "!=": "NotIn",
  ">": "GreaterThan",
  "<": "LessThan",
};

/** The requirements of a label selector (all must hold), undefined where it does not parse. */
export function labelRequirements(selector: string): LabelRequirement[] | undefined {
  const tokens =
    selector.match(/==|!=|[=!><(),]|[^\s=!><(),]+|\s+/g)?.filter((token) => token.trim() !== "") ?? [];
  const requirements: LabelRequirement[] = [];
  let at = 0;
  while (at < tokens.length) {
    const parsed = requirement(tokens, at);
    if (!parsed || !isKey(parsed.requirement.key) || !parsed.requirement.values.every(isLabelValue))
      return undefined;
    requirements.push(parsed.requirement);
    at = parsed.next;
    if (at < tokens.length && tokens[at++] !== ",") return undefined;
    if (at === tokens.length && tokens[at - 1] === ",") return undefined;
  }
  return requirements;
}

type Parsed = { requirement: LabelRequirement; next: number } | undefined;

function requirement(tokens: readonly string[], at: number): Parsed {
  if (tokens[at] === "!") {
    return { requirement: { key: tokens[at + 1] ?? "", operator: "DoesNotExist", values: [] }, next: at + 2 };
  }
  const key = tokens[at] ?? "";
  const operator = tokens[at + 1];
  if (operator === undefined || operator === ",") {
    return { requirement: { key, operator: "Exists", values: [] }, next: at + 1 };
  }
  if (operator === "in" || operator === "notin") {
    return setRequirement(key, operator === "in" ? "In" : "NotIn", tokens, at + 2);
  }
  const comparison = COMPARISONS[operator];
  return comparison && comparisonRequirement(key, comparison, tokens, at + 2);
}

function comparisonRequirement(
  key: string,
  operator: LabelOperator,
  tokens: readonly string[],
  at: number,
): Parsed {
  const token = tokens[at] ?? ",";
  const empty = token === ",";
  const value = empty ? "" : token;
  const ordered = operator === "GreaterThan" || operator === "LessThan";
  if (ordered && !isInteger(value)) return undefined;
  return { requirement: { key, operator, values: [value] }, next: empty ? at : at + 1 };
}

/** `(a,b)`: an empty place between commas is the empty value. */
function setRequirement(key: string, operator: LabelOperator, tokens: readonly string[], at: number): Parsed {
  const end = tokens.indexOf(")", at);
  if (tokens[at] !== "(" || end < 0) return undefined;
  const values = [""];
  for (const token of tokens.slice(at + 1, end)) {
    if (token === ",") values.push("");
    else if (values.at(-1) === "") values[values.length - 1] = token;
    else return undefined;
  }
  return { requirement: { key, operator, values }, next: end + 1 };
}

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

function isKey(key: string): boolean {
  const slash = key.indexOf("/");
  return slash < 0 ? NAME.test(key) : PREFIX.test(key.slice(0, slash)) && NAME.test(key.slice(slash + 1));
}

function isLabelValue(value: string): boolean {
  return value === "" || isInteger(value) || NAME.test(value);
}
