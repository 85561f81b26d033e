/**
 * What happens to an object between decoding and storing, in the order of k8s.io/apiserver's BeforeCreate and
 * BeforeUpdate. Pure: nothing here reads or writes.
 */
import { randomUUID } from "node:crypto";
import { equal } from "./equal.ts";
import { causes, type FieldError, invalidValue } from "./field-errors.ts";
import { timestamp } from "./go-struct.ts";
import {
  finalizerWarnings,
  metadataErrors,
  metadataUpdateErrors,
  withoutRepeatedOwners,
} from "./metadata-rules.ts";
import type { ObjectRules } from "./object-rules.ts";
import { child } from "./path.ts";
import type { Caller, KubeObject, ObjectMetadata, ResourceDefinition, Strategy } from "./resource.ts";
import { type Cause, invalid, StatusError } from "./status.ts";
import { repeatedItems, violations } from "./validate.ts";

/** The object itself or its status. */
export type Target = "object" | "status";

export interface Context<T extends KubeObject> {
  definition: ResourceDefinition<T>;
  rules: ObjectRules;
  caller: Caller;
}

export interface Prepared<T> {
  object: T;
  warnings: string[];
}

/** What only the server says of a new object. */
const SYSTEM_FIELDS = [
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "selfLink",
];

export function withoutSystemFields<T extends KubeObject>(object: T): T {
  const kept = Object.entries(object.metadata).filter(([field]) => !SYSTEM_FIELDS.includes(field));
  return { ...object, metadata: Object.fromEntries(kept) as unknown as ObjectMetadata };
}

/**
 * The object in the namespace of the request; "" for one that has none.
 * @throws {StatusError} BadRequest where it names another.
 */
export function inNamespace<T extends KubeObject>(object: T, namespace: string): T {
  const { namespace: given = "", ...metadata } = object.metadata;
  if (namespace !== "" && given !== "" && given !== namespace) {
    throw new StatusError(
      "BadRequest",
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  }
  return {
    ...object,
    metadata: (namespace === "" ? metadata : { ...metadata, namespace }) as ObjectMetadata,
  };
}

/** Each owner once; `after` says when a patch is looked at. */
export function withOwnersOnce<T extends KubeObject>(object: T, after = ""): Prepared<T> {
  const { owners, repeated } = withoutRepeatedOwners(object.metadata.ownerReferences ?? []);
  if (repeated.length === 0) return { object, warnings: [] };
  const warning =
    `.metadata.ownerReferences contains duplicate entries${after}; API server dedups owner references in 1.20+, ` +
    `and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${repeated.join(", ")}`;
  return {
    object: { ...object, metadata: { ...object.metadata, ownerReferences: owners } },
    warnings: [warning],
  };
}

/** @throws {StatusError} Invalid. */
export function newObject<T extends KubeObject>(context: Context<T>, given: T, now: number): Prepared<T> {
  const { definition, caller } = context;
  const named = withName({
    ...given,
    metadata: { ...given.metadata, uid: randomUUID(), creationTimestamp: timestamp(now) },
  });
  const bare = definition.status ? withoutStatus(named) : named;
  const hooks = hooksFor(context, contentErrors(context.rules, bare));
  const prepared = hooks.prepareForCreate?.(bare, caller) ?? bare;
  const object = { ...prepared, metadata: { ...prepared.metadata, generation: 1 } };
  check(
    context,
    object,
    [...typeErrors(context.rules, object)],
    () => [
      ...metadataErrors(object.metadata, definition.scope === "Namespaced", "subdomain"),
      ...contentErrors(context.rules, object),
      ...repeatedItems(context.rules.schema, object),
    ],
    hooks.validate?.(object),
  );
  return {
    object,
    warnings: [...finalizerWarnings(object.metadata), ...(hooks.warnings?.(object, undefined) ?? [])],
  };
}

const SUFFIX = "bcdfghjklmnpqrstvwxz2456789";
const LONGEST_PREFIX = 58;

/** Five random characters without vowels: no name becomes a word. */
function withName<T extends KubeObject>(object: T): T {
  const { name = "", generateName = "" } = object.metadata;
  if (name !== "" || generateName === "") return { ...object, metadata: { ...object.metadata, name } };
  const suffix = Array.from(crypto.getRandomValues(new Uint8Array(5)), (byte) =>
    SUFFIX.charAt(byte % SUFFIX.length),
  );
  return {
    ...object,
    metadata: { ...object.metadata, name: `${generateName.slice(0, LONGEST_PREFIX)}${suffix.join("")}` },
  };
}

function withoutStatus<T extends KubeObject>(object: T): T {
  const { status: _, ...rest } = object as T & { status?: unknown };
  return rest as unknown as T;
}

/**
 * `given` after an update of `old`: what clients cannot change is as it was.
 * @param seen `old` as the caller sees it. What he sends in place of a mask is a change, also if he has guessed it.
 * @throws {StatusError} Invalid.
 */
export function changedObject<T extends KubeObject>(
  context: Context<T>,
  given: T,
  { old, seen }: { old: T; seen: T },
  target: Target,
): Prepared<T> {
  const { definition, rules, caller } = context;
  const isolated =
    target === "status" ? onlyStatus(given, old) : definition.status ? keepingStatus(given, old) : given;
  const errors = (object: T) =>
    target === "status" ? statusErrors(rules, object, old) : contentErrors(rules, object, old);
  const hooks = hooksFor(context, errors(isolated));
  const prepared =
    target === "object" ? (hooks.prepareForUpdate?.(isolated, old, caller) ?? isolated) : isolated;
  const isChanged = target === "object" && (isOther(given, seen, definition) || isOther(prepared, old));
  const object = { ...prepared, metadata: keptMetadata(prepared, old, isChanged) };
  const commonErrors = [
    ...metadataErrors(object.metadata, definition.scope === "Namespaced", "path"),
    ...metadataUpdateErrors(object.metadata, old.metadata),
  ];
  const own = [...(hooks.validate?.(object) ?? []), ...(hooks.validateUpdate?.(object, old) ?? [])];
  check(
    context,
    object,
    [...commonErrors, ...typeErrors(rules, object)],
    () => [
      ...metadataUpdateErrors(object.metadata, old.metadata),
      ...errors(object),
      ...(repeatedItems(rules.schema, old).length === 0 ? repeatedItems(rules.schema, object) : []),
    ],
    own,
  );
  const advice = [
    ...finalizerWarnings(object.metadata, old.metadata),
    ...(hooks.warnings?.(object, old) ?? []),
  ];
  return { object, warnings: target === "status" ? [] : advice };
}

/** Hooks only get what fits the schema, as their types say. */
function hooksFor<T extends KubeObject>(
  { definition }: Context<T>,
  errors: readonly FieldError[],
): Strategy<T> {
  return errors.length === 0 ? (definition.strategy ?? {}) : {};
}

function keepingStatus<T extends KubeObject>(object: T, old: T): T {
  const bare = withoutStatus(object);
  return "status" in old ? { ...bare, status: old["status"] } : bare;
}

/** The old object with another status, and who manages it. */
function onlyStatus<T extends KubeObject>(object: T, old: T): T {
  const { managedFields: _, ...metadata } = old.metadata;
  const { managedFields } = object.metadata;
  return {
    ...withoutStatus(old),
    metadata: managedFields === undefined ? metadata : { ...metadata, managedFields },
    ...("status" in object ? { status: object["status"] } : {}),
  };
}

/** Whether anything but the metadata differs, and the status where that is a subresource of the definition. */
function isOther<T extends KubeObject>(
  object: T,
  old: T,
  { status = false }: { status?: boolean } = {},
): boolean {
  const content = (of: T) => ({ ...(status ? withoutStatus(of) : of), metadata: null });
  return !equal(content(object), content(old));
}

function keptMetadata<T extends KubeObject>(object: T, old: T, isChanged: boolean): ObjectMetadata {
  const { metadata } = object;
  const { generation, uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = old.metadata;
  const { generation: _, selfLink: __, ...rest } = metadata;
  const kept = {
    ...rest,
    ...(generation === undefined ? {} : { generation: isChanged ? generation + 1 : generation }),
    ...{ uid: metadata.uid || uid, creationTimestamp },
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  };
  const grace = metadata.deletionGracePeriodSeconds ?? deletionGracePeriodSeconds;
  return grace === undefined ? kept : { ...kept, deletionGracePeriodSeconds: grace };
}

function typeErrors(rules: ObjectRules, { kind, apiVersion }: KubeObject): FieldError[] {
  return [
    ...(kind === rules.kind ? [] : [invalidValue("kind", kind, `must be ${rules.kind}`)]),
    ...(apiVersion === rules.apiVersion
      ? []
      : [invalidValue("apiVersion", apiVersion, `must be ${rules.apiVersion}`)]),
  ];
}

function contentErrors({ schema }: ObjectRules, object: KubeObject, old?: KubeObject): FieldError[] {
  const content = ({ apiVersion: _, kind: __, metadata: ___, ...rest }: KubeObject) => rest;
  return violations(schema, { value: content(object), old: old && content(old), path: "" });
}

/** Messages name fields as the status's own, causes by their whole path. */
function statusErrors({ schema }: ObjectRules, object: KubeObject, old: KubeObject): FieldError[] {
  const status = schema.properties.get("status");
  if (!status || !("status" in object)) return [];
  const found = violations(status, {
    value: object["status"],
    old: "status" in old ? old["status"] : undefined,
    path: "",
  });
  return found.map((error) => ({
    ...error,
    field: error.field === "" || error.field === "<nil>" ? "status" : child("status", error.field),
  }));
}

/** The rules of the kind only make sense for what is of that kind. */
function check<T extends KubeObject>(
  { rules }: Context<T>,
  object: T,
  first: readonly FieldError[],
  then: () => readonly FieldError[],
  own: readonly Required<Cause>[] = [],
): void {
  const isOfKind = typeErrors(rules, object).length === 0;
  const found = [...causes([...first, ...(isOfKind ? then() : [])], rules.secret), ...(isOfKind ? own : [])];
  if (found.length === 0) return;
  const group = object.apiVersion.includes("/") ? (object.apiVersion.split("/")[0] ?? "") : "";
  throw invalid({ group, kind: object.kind, name: object.metadata.name }, found);
}

/** Whether nothing changed that is worth a new version: the times of managed fields are not. */
export function isSame(object: KubeObject, old: KubeObject): boolean {
  return equal(withoutTimes(object), withoutTimes(old));
}

function withoutTimes(object: KubeObject): KubeObject {
  const entries = object.metadata.managedFields?.map((entry) => ({ ...(entry as object), time: undefined }));
  return { ...object, metadata: { ...object.metadata, ...(entries ? { managedFields: entries } : {}) } };
}
