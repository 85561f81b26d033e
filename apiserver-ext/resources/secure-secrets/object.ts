/** The SecureSecret and its schema: a Secret without its values. */
import Type, { type Static } from "typebox";
import type { CoreSecret, Listed } from "#core/secrets/backend.ts";
import { summaryOf, type ViewOptions, valuesOf, viewOf } from "#core/secrets/view.ts";
import type { KubeObject, ObjectMetadata } from "#kit/resource.ts";
import { GROUP, VERSION } from "../group.ts";

/** How many keys it has, where the values were not even asked for. No part of the object. */
const KEYS = Symbol("keys");

export const SecureSecretContent = Type.Object({
  type: Type.Optional(Type.String({ description: "What the Secret is for. Does not change." })),
  immutable: Type.Optional(
    Type.Boolean({ description: "Once true, neither the values nor this can be changed." }),
  ),
  data: Type.Optional(
    Type.Record(Type.String(), Type.String(), {
      description:
        "Base64. Read, each value is a placeholder; sent back as it is, it keeps the value. To change a value, send another.",
    }),
  ),
  stringData: Type.Optional(
    Type.Record(Type.String(), Type.String(), {
      description: "Values as plain text, only ever written. They win over data.",
    }),
  ),
  sizes: Type.Optional(
    Type.Record(Type.String(), Type.String(), {
      description: "How large each value is, roughly. Read-only.",
    }),
  ),
});
type SecureSecretContent = Static<typeof SecureSecretContent>;

export type SecureSecret = KubeObject & SecureSecretContent & { [KEYS]?: number };

export function secureSecret(listed: Listed, options: ViewOptions): SecureSecret {
  const isSummary = listed.secret["data"] === undefined && listed.keys > 0;
  const { metadata, ...view } = isSummary ? summaryOf(listed.secret) : viewOf(listed.secret, options);
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: "SecureSecret",
    metadata: metadata as ObjectMetadata,
    ...view,
    [KEYS]: listed.keys,
  };
}

/** Of a Secret that was read as a whole. */
export function wholeSecret(secret: CoreSecret, options: ViewOptions): SecureSecret {
  return secureSecret({ secret, keys: valuesOf(secret).length }, options);
}

/** Where only their number is known, as in a list, that is said rather than nothing. */
export function keyNames(secret: SecureSecret): string {
  const names = Object.keys(secret.data ?? {});
  return names.length < keyCount(secret) ? "<not read>" : names.join(",");
}

export function keyCount(secret: SecureSecret): number {
  return secret[KEYS] ?? Object.keys(secret.data ?? {}).length;
}
