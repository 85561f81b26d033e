/** Which objects label and field selectors of meta/v1 ListOptions select. */
import {
  isInteger,
  type LabelOperator,
  type LabelRequirement,
  LabelSelectorError,
  labelRequirements,
} from "./label-selectors.ts";
import type { KubeObject, ResourceDefinition } from "./resource.ts";
import { StatusError } from "./status.ts";

export interface FieldRequirement {
  field: string;
  operator: "=" | "!=";
  value: string;
}

/** Of a part up to the first operator, and after it. */
const TERM = /^(.*?)(!=|==|=)(.*)$/s;

/**
 * The requirements of a field selector; all must hold. `\` escapes `,`, `=` and itself in values.
 * @throws {StatusError} BadRequest for what does not parse.
 */
export function fieldRequirements(selector: string): FieldRequirement[] {
  const terms = selector.match(/(?:\\.|[^,\\]|\\$)+/gs) ?? [];
  return terms.toSorted().flatMap((term) => {
    const [, field = "", operator, escaped = ""] = TERM.exec(term) ?? [];
    if (operator === undefined) {
      throw new StatusError("BadRequest", `invalid selector: '${selector}'; can't understand '${term}'`);
    }
    const value = unescaped(escaped);
    // As in Kubernetes: what names nothing asks for nothing.
    return field === "" && value === "" ? [] : [{ field, operator: operator === "!=" ? "!=" : "=", value }];
  });
}

function unescaped(text: string): string {
  const pieces = text.match(/\\.|\\$|[^\\]/gsu) ?? [];
  return pieces.map(unescapedPiece).join("");
}

function unescapedPiece(piece: string): string {
  if (piece === "," || piece === "=") {
    throw new StatusError(
      "BadRequest",
      `invalid field selector: unescaped character in value: ${piece.charCodeAt(0)}`,
    );
  }
  if (!piece.startsWith("\\")) return piece;
  if (/^\\[\\,=]$/.test(piece)) return piece.slice(1);
  throw new StatusError("BadRequest", `invalid field selector: invalid escape sequence: ${piece}`);
}

/** Getters of the selectable fields by path. */
export type Fields<T> = Readonly<Record<string, (object: T) => string>>;

const NAME: Fields<KubeObject> = { "metadata.name": (object) => object.metadata.name };
const NAMESPACE: Fields<KubeObject> = {
  "metadata.namespace": (object) => object.metadata.namespace ?? "",
};

/** Fields that the storage selects by: each throws StatusError for what it cannot. */
type Conditions = NonNullable<ResourceDefinition<never>["conditions"]>;

/** @throws {StatusError} BadRequest for what does not parse and for fields that are not selectable. */
export function fieldMatcher<T extends KubeObject>(
  selector: string,
  fields: Fields<T>,
  scope: "Namespaced" | "Cluster" = "Namespaced",
  conditions: Conditions = {},
): (object: T) => boolean {
  const all: Fields<T> = { ...fields, ...NAME, ...(scope === "Namespaced" ? NAMESPACE : {}) };
  const checks = fieldRequirements(selector).map((requirement) => {
    const { field, operator, value } = requirement;
    if (Object.hasOwn(conditions, field)) {
      conditions[field]?.(requirement);
      return () => true;
    }
    const read = Object.hasOwn(all, field) ? all[field] : undefined;
    if (!read) throw new StatusError("BadRequest", `field label not supported: ${field}`);
    return (object: T) => (read(object) === value) === (operator === "=");
  });
  return (object) => checks.every((check) => check(object));
}

/** @throws {StatusError} BadRequest for what does not parse. */
export function labelMatcher(selector: string): (object: KubeObject) => boolean {
  const requirements = parsed(selector);
  return (object) => requirements.every((each) => matches(each, object.metadata.labels ?? {}));
}

function parsed(selector: string): LabelRequirement[] {
  try {
    return labelRequirements(selector);
  } catch (error) {
    throw error instanceof LabelSelectorError ? new StatusError("BadRequest", error.message) : error;
  }
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

/** What narrows a question to the authorizer: a selector that does not parse narrows nothing. */
export function requirementsOf(selectors: { labels: string; fields: string }): {
  labels: readonly LabelRequirement[];
  fields: readonly FieldRequirement[];
} {
  return {
    labels: orNone(() => labelRequirements(selectors.labels)),
    fields: orNone(() => fieldRequirements(selectors.fields)),
  };
}

function orNone<T>(parse: () => T[]): T[] {
  try {
    return parse();
  } catch (error) {
    if (error instanceof StatusError || error instanceof LabelSelectorError) return [];
    throw error;
  }
}
