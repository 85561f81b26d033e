import type { CoreSecret } from "#core/secrets/backend.ts";
import { valuesOf } from "#core/secrets/view.ts";

/** What must be in no message: the values, plain and in base64. */
export function valuesIn(secret: CoreSecret): string[] {
  return valuesOf(secret).flatMap(([, value]) => [value, Buffer.from(value, "base64").toString()]);
}

export function versionOf(secret: CoreSecret): string {
  return (secret["metadata"] as { resourceVersion?: string }).resourceVersion ?? "";
}
