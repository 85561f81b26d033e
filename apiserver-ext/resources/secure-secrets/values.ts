import { member } from "#core/admission.ts";
import type { CoreSecret } from "#core/secrets/backend.ts";
import { valuesOf } from "#core/secrets/view.ts";

export function versionOf(secret: CoreSecret): string {
  return (secret["metadata"] as { resourceVersion?: string }).resourceVersion ?? "";
}

/** About how many bytes it takes in memory. */
export function weightOf(secret: CoreSecret): number {
  const lengths = valuesOf(secret).map(([key, value]) => key.length + value.length);
  return lengths.reduce((sum, length) => sum + length, JSON.stringify(member(secret, "metadata")).length);
}
