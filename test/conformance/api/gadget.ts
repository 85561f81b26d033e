/** The resource that both sides serve: declared once, so that they cannot drift apart. */
import Type from "typebox";
import { type AnyResource, type Column, defineResource, type KubeObject } from "#kit/resource.ts";
import type { Store } from "#kit/storage.ts";
import { stored } from "#kit/stored.ts";

export interface Gadget extends KubeObject {
  spec: { color: string; size: number; note?: string };
  status?: { phase?: string; observed?: number };
}

const COLORS = ["red", "green", "blue"] as const;

export const GADGET_SCHEMA = Type.Object({
  spec: Type.Object({
    color: Type.Union(
      COLORS.map((color) => Type.Literal(color)),
      { description: "Its colour." },
    ),
    size: Type.Integer({ minimum: 1, maximum: 100, default: 1 }),
    note: Type.Optional(Type.String({ maxLength: 20 })),
    code: Type.Optional(Type.String({ pattern: "^[a-z]+$", minLength: 2 })),
    ratio: Type.Optional(Type.Number({ minimum: 0 })),
    enabled: Type.Boolean({ default: false }),
    nothing: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    tags: Type.Optional(Type.Array(Type.String(), { maxItems: 3 })),
    parts: Type.Optional(
      Type.Array(Type.Object({ name: Type.String(), count: Type.Integer({ default: 1 }) }), { minItems: 1 }),
    ),
    settings: Type.Optional(Type.Record(Type.String(), Type.String())),
    limits: Type.Optional(
      Type.Object({
        low: Type.Optional(Type.Integer()),
        high: Type.Integer({ default: 10 }),
      }),
    ),
  }),
  status: Type.Optional(
    Type.Object({
      phase: Type.Optional(Type.Union([Type.Literal("New"), Type.Literal("Done")])),
      observed: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
  ),
});

/** A column or a selectable field, for either side: where its value stands, as `.spec.color`. */
interface Placed {
  path: string;
}

export const GADGET_COLUMNS: readonly (Omit<Column<Gadget>, "cell"> & Placed)[] = [
  { name: "Color", type: "string", description: "Its colour.", path: ".spec.color" },
  { name: "Note", type: "string", description: "What is noted.", path: ".spec.note" },
  { name: "Enabled", type: "boolean", description: "Whether it runs.", path: ".spec.enabled" },
  { name: "Phase", type: "string", description: "How far it is.", path: ".status.phase" },
  { name: "Age", type: "date", description: "Since when.", path: ".metadata.creationTimestamp" },
  { name: "Size", type: "integer", description: "How big.", priority: 1, path: ".spec.size" },
];

export const GADGET_FIELDS: readonly string[] = [".spec.color", ".spec.size", ".status.phase"];

export const GADGET_NAMES = {
  version: "v1",
  kind: "Gadget",
  plural: "gadgets",
  singular: "gadget",
  scope: "Namespaced",
  shortNames: ["gd"],
  categories: ["oracle"],
  description: "A Gadget is what both sides serve.",
} as const;

/** What stands at a path such as `.spec.color`. */
function at(object: unknown, path: string): unknown {
  return path
    .split(".")
    .slice(1)
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object);
}

export const OUR_GROUP = "ours.example.com";

/** The resource as we serve it. */
export function gadgets(store: Store): AnyResource {
  return defineResource<Gadget>({
    ...GADGET_NAMES,
    group: OUR_GROUP,
    schema: GADGET_SCHEMA,
    columns: GADGET_COLUMNS.map(({ path, ...column }) => ({
      ...column,
      cell: (gadget) => cell(at(gadget, path)),
    })),
    fields: Object.fromEntries(
      GADGET_FIELDS.map((path) => [path.slice(1), (gadget) => `${at(gadget, path) ?? ""}`]),
    ),
    storage: stored<Gadget>(store, { prefix: "gadgets/" }),
    status: true,
  });
}

function cell(value: unknown): string | number | boolean | null {
  return value === undefined ? null : (value as string | number | boolean);
}
