/** What the decoding and checking of a kind needs, derived from its declaration once. */
import type { TSchema } from "typebox";
import { schemaNode } from "./schema.ts";
import { type Structural, structural } from "./structural.ts";

export interface ObjectRules {
  group: string;
  version: string;
  kind: string;
  /** `group/version`. */
  apiVersion: string;
  /** The object without apiVersion, kind and metadata. */
  schema: Structural;
  /** The whole object, to compare two of them. */
  whole: Structural;
  /** Messages do not repeat values. */
  secret: boolean;
}

export interface Kind {
  group: string;
  version: string;
  kind: string;
  schema: TSchema;
  secretValues?: boolean;
}

const TEXT = structural({ type: "string" });
/** As far as its lists are compared by item; everything else compares as it comes. */
const METADATA = structural({
  type: "object",
  properties: {
    ownerReferences: {
      ...{ type: "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["uid"] },
      items: { type: "object", "x-kubernetes-map-type": "atomic" },
    },
    finalizers: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } },
  },
});

/** @throws {Error} for a schema that says what would not be enforced. */
export function objectRules({ group, version, kind, schema, secretValues = false }: Kind): ObjectRules {
  const own = structural(schemaNode(schema), kind);
  const properties = new Map([
    ...own.properties,
    ["apiVersion", TEXT],
    ["kind", TEXT],
    ["metadata", METADATA],
  ]);
  return {
    ...{ group, version, kind, apiVersion: `${group}/${version}` },
    ...{ schema: own, whole: { ...own, properties }, secret: secretValues },
  };
}
