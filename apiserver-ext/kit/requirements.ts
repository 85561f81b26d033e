/** What selectors require, for those who only want to know more: a selector that does not parse requires nothing. */
import { type FieldRequirement, fieldRequirements } from "./field-selectors.ts";
import { type LabelRequirement, LabelSelectorError, labelRequirements } from "./label-selectors.ts";
import { StatusError } from "./status.ts";

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
