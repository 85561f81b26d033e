/** A resource with all that can be declared about writing; toy.ts serves it. */
import Type from "typebox";
import { type AnyResource, defineResource, type KubeObject } from "#kit/resource.ts";
import type { Store } from "#kit/storage.ts";
import { stored } from "#kit/stored.ts";
import { type Loose, ROOT, type Toy } from "./toy.ts";

export interface Gizmo extends KubeObject {
  spec: {
    color: string;
    size?: number;
    tags?: string[];
    owner?: string;
    pin?: string;
    free?: unknown;
  };
  status?: { phase?: string; count?: number };
}

const Spec = Type.Object({
  color: Type.Union([Type.Literal("red"), Type.Literal("blue")]),
  size: Type.Optional(Type.Integer({ minimum: 1, maximum: 10, default: 3 })),
  ratio: Type.Optional(Type.Number({ exclusiveMinimum: 0, multipleOf: 0.5 })),
  name: Type.Optional(Type.String({ minLength: 2, maxLength: 5, pattern: "^[a-z]+$" })),
  when: Type.Optional(Type.String({ format: "date-time" })),
  small: Type.Optional(Type.Integer({ format: "int32" })),
  owner: Type.Optional(Type.String()),
  pin: Type.Optional(Type.String()),
  tags: Type.Optional(
    Type.Array(Type.String(), { minItems: 1, maxItems: 3, "x-kubernetes-list-type": "set" }),
  ),
  parts: Type.Optional(
    Type.Array(
      Type.Object({
        id: Type.String(),
        weight: Type.Optional(Type.Integer({ default: 1 })),
        note: Type.Optional(Type.Union([Type.String(), Type.Null()])),
      }),
      { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"] },
    ),
  ),
  plain: Type.Optional(Type.Array(Type.Integer(), { uniqueItems: true })),
  port: Type.Optional(Type.Union([Type.Integer(), Type.String()])),
  extra: Type.Optional(Type.Record(Type.String(), Type.String(), { minProperties: 1, maxProperties: 2 })),
  free: Type.Optional(Type.Unknown()),
});
const Status = Type.Object({ phase: Type.Optional(Type.String()), count: Type.Optional(Type.Integer()) });

/** Whoever is named in spec.owner sees it, and admin; nobody but admin sees spec.pin. */
export function gizmos(store: Store, more: Partial<AnyResource> = {}): AnyResource {
  return {
    ...defineResource<Gizmo>({
      ...{ group: "toy.example.com", version: "v1", kind: "Gizmo", plural: "gizmos", singular: "gizmo" },
      ...{ scope: "Namespaced", shortNames: [], categories: [], description: "A thing.", columns: [] },
      schema: Type.Object({ spec: Spec, status: Type.Optional(Status) }),
      fields: { "spec.color": ({ spec }) => spec.color },
      visible:
        ({ username }) =>
        ({ spec }) =>
          spec.owner === undefined || spec.owner === username || username === "admin",
      present:
        ({ username }) =>
        (gizmo) =>
          gizmo.spec.pin === undefined || username === "admin" ? gizmo : withPin(gizmo, "***"),
      storage: stored<Gizmo>(store, { prefix: "gizmos/" }),
      status: true,
      strategy: {
        prepareForUpdate: (gizmo, old) => (gizmo.spec.pin === "***" ? withPin(gizmo, old.spec.pin) : gizmo),
        validate: ({ spec }) =>
          spec.color === "blue" && spec.size === 9
            ? [{ reason: "FieldValueForbidden", message: "Forbidden: too blue", field: "spec.size" }]
            : [],
        validateUpdate: ({ spec }, old) =>
          (spec.size ?? 0) < (old.spec.size ?? 0)
            ? [{ reason: "FieldValueForbidden", message: "Forbidden: it grows", field: "spec.size" }]
            : [],
        warnings: ({ spec }) => (spec.size === 10 ? ["spec.size: that is big"] : []),
      },
    }),
    ...more,
  };
}

function withPin(gizmo: Gizmo, pin: string | undefined): Gizmo {
  const { pin: _, ...spec } = gizmo.spec;
  return { ...gizmo, spec: pin === undefined ? spec : { ...spec, pin } };
}

export const GIZMOS = `${ROOT}/namespaces/a/gizmos`;
export const MERGE = { "content-type": "application/merge-patch+json" };
export const JSON_PATCH = { "content-type": "application/json-patch+json" };
export const YAML = { "content-type": "application/yaml" };

export function gizmo(name: string, spec: object = {}, metadata: object = {}): Loose {
  return {
    apiVersion: "toy.example.com/v1",
    kind: "Gizmo",
    metadata: { ...(name === "" ? {} : { name }), ...metadata },
    spec: { color: "red", ...spec },
  };
}

/** Makes one and gives what was answered. */
export async function made(toy: Toy, name: string, spec: object = {}, metadata: object = {}): Promise<Loose> {
  const { status, json, text } = await toy.call(GIZMOS, {
    method: "POST",
    body: gizmo(name, spec, metadata),
  });
  if (status !== 201) throw new Error(text);
  return json;
}
