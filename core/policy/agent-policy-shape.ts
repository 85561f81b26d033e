/** What the API server wants of an AgentPolicy or an AgentProfile beside what their CustomResourceDefinitions say. */
import { isObject, type Json, type JsonObject } from "../admission.ts";
import { type Mismatch, mismatches, type Structural } from "./structural.ts";

const TEXT: Structural = { type: "string" };
const TEXTS: Structural = { type: "array", items: TEXT };
const DNS = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = new RegExp(`^${DNS}(\\.${DNS})*$`);
const LABEL = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/** Of metadata, what a file may say. Times are not looked at. */
const METADATA: Structural = {
  type: "object",
  required: ["name"],
  properties: {
    name: { ...TEXT, maxLength: 253, pattern: SUBDOMAIN.source },
    labels: {
      type: "object",
      additionalProperties: { ...TEXT, maxLength: 63, pattern: `^$|${LABEL.source}` },
    },
    annotations: { type: "object", additionalProperties: TEXT },
    finalizers: { ...TEXTS, items: { ...TEXT, pattern: `^${DNS}(\\.${DNS})*/${LABEL.source.slice(1)}` } },
    ownerReferences: {
      type: "array",
      items: {
        type: "object",
        required: ["apiVersion", "kind", "name", "uid"],
        properties: {
          ...{ apiVersion: TEXT, kind: TEXT, name: TEXT, uid: TEXT },
          ...{ controller: { type: "boolean" }, blockOwnerDeletion: { type: "boolean" } },
        },
      },
    },
    ...{ namespace: TEXT, generateName: TEXT, uid: TEXT, creationTimestamp: {} },
    generation: { type: "integer" },
  },
};

/** All annotations of an object together, names and values, in bytes. */
const ANNOTATIONS_BYTES = 256 * 1024;

/** `definition`: the `openAPIV3Schema` of its CustomResourceDefinition. */
export function shapeMismatches(definition: Structural, value: JsonObject): Mismatch[] {
  const { properties = {} } = definition;
  const whole = {
    ...definition,
    required: ["apiVersion", "kind", "metadata", ...(definition.required ?? [])],
    properties: { apiVersion: TEXT, kind: TEXT, metadata: METADATA, ...properties },
  };
  const { metadata } = value;
  return [
    ...mismatches(whole, value),
    ...keys(metadata, "labels"),
    ...keys(metadata, "annotations"),
    ...tooLong(metadata),
  ];
}

function keys(metadata: Json | undefined, field: "labels" | "annotations"): Mismatch[] {
  const map = isObject(metadata) ? metadata[field] : undefined;
  if (!isObject(map)) return [];
  return Object.keys(map)
    .filter((key) => !isQualified(field === "annotations" ? key.toLowerCase() : key))
    .map((key) => ({
      path: ["metadata", field, key],
      message: `is no name such as example.com/team of ${field}`,
    }));
}

function isQualified(key: string): boolean {
  const [name = "", prefix, ...more] = key.split("/").toReversed();
  const isPrefixed = prefix === undefined || (prefix.length <= 253 && SUBDOMAIN.test(prefix));
  return more.length === 0 && isPrefixed && name.length <= 63 && LABEL.test(name);
}

function tooLong(metadata: Json | undefined): Mismatch[] {
  const annotations = isObject(metadata) ? metadata["annotations"] : undefined;
  if (!isObject(annotations)) return [];
  const size = Object.entries(annotations).reduce(
    (bytes, [name, value]) => bytes + Buffer.byteLength(name) + Buffer.byteLength(String(value)),
    0,
  );
  return size <= ANNOTATIONS_BYTES
    ? []
    : [{ path: ["metadata", "annotations"], message: "are more than 256 KiB together" }];
}

/** What can stand for a field that must be there, so that the rest can be looked at. */
const IN_PLACE: Readonly<Record<string, string>> = { name: "unnamed", rule: "unnamed", action: "Deny" };

/**
 * The policy without what is wrong with it, so that its expressions can be looked at nevertheless. Undefined where
 * what is wrong is something that expressions may depend on.
 */
export function withoutMismatches(value: JsonObject, wrong: readonly Mismatch[]): JsonObject | undefined {
  const copy = structuredClone(value) as { metadata?: unknown; spec?: Spec };
  if (wrong.some(({ path: [top] }) => top === "metadata")) copy.metadata = { name: IN_PLACE["name"] };
  for (const { path, untrue } of wrong) if (untrue !== true && !mend(copy.spec, path)) return undefined;
  return copy as JsonObject;
}

type Spec = Record<string, unknown>;

/** Whether what stands there does not matter any more. */
function mend(spec: Spec | undefined, [top, part, index, field]: Mismatch["path"]): boolean {
  if (top !== "spec" || part === undefined) return true;
  if (spec === undefined) return false;
  if (part === "matchConstraints") return delete spec[part];
  const list = part === "rules" || part === "catalogue" ? spec[part] : undefined;
  const item: unknown = Array.isArray(list) && typeof index === "number" ? list[index] : undefined;
  if (typeof field !== "string" || typeof item !== "object" || item === null) return false;
  const members = item as Spec;
  if (Object.hasOwn(IN_PLACE, field)) members[field] = IN_PLACE[field];
  else delete members[field];
  return true;
}
