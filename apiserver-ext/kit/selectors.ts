/** Which objects label and field selectors of meta/v1 ListOptions select. */
import { fieldRequirements } from "./field-selectors.ts";
import {
  isInteger,
  type LabelOperator,
  type LabelRequirement,
  LabelSelectorError,
  labelRequirements,
} from "./label-selectors.ts";
import type { KubeObject, ResourceDefinition } from "./resource.ts";
import { StatusError } from "./status.ts";

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
