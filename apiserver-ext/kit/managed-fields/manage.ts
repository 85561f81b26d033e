/** `metadata.managedFields` of creates, updates and patches, as k8s.io/apimachinery's field manager records them. */

import { timestamp } from "../go-struct.ts";
import { isRecord } from "../record.ts";
import type { KubeObject } from "../resource.ts";
import type { Structural } from "../structural.ts";
import { compare } from "./compare.ts";
import {
  difference,
  type FieldSet,
  fieldSet,
  fromFieldsV1,
  intersection,
  toFieldsV1,
  union,
  without,
} from "./field-set.ts";

export interface Operation {
  /** The schema of the whole object, metadata included. */
  schema: Structural;
  apiVersion: string;
  /** Who writes: the field manager or the beginning of the User-Agent. */
  manager: string;
  /** "" for the object itself. */
  subresource: string;
  /** Fields of the root that this operation cannot change. */
  ignored: readonly string[];
  /** Milliseconds. */
  now: number;
}

interface Manager {
  manager: string;
  operation: string;
  apiVersion: string;
  subresource: string;
  time: string | undefined;
  fields: FieldSet;
}

const MOST_UPDATERS = 10;
const ANCIENT = "ancient-changes";

/** Never owned: the server sets them, or they say which object it is. */
const STRIPPED = fieldSet([
  ...[["f:apiVersion"], ["f:kind"], ["f:metadata"]],
  ...["name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName"].map(ofMetadata),
  ...["generation", "managedFields", "resourceVersion"].map(ofMetadata),
]);

function ofMetadata(field: string): string[] {
  return ["f:metadata", `f:${field}`];
}

/**
 * The object with the owners of its fields after an operation that turned `old` into it; `old` is undefined for a
 * create. An object that has lost its managed fields stays without.
 */
export function managed<T extends KubeObject>(object: T, old: T | undefined, operation: Operation): T {
  const before = managersBefore(object, old, operation.subresource !== "");
  const bare = withManagedFields(object, []);
  if (old && before.length === 0) return bare;
  const previous = old ? withManagedFields(old, []) : { apiVersion: object.apiVersion, kind: object.kind };
  const changes = compare(operation.schema, previous, bare);
  // Who owned what can still be told. (Upstream forgets it here.)
  if (!changes) return withManagedFields(bare, before.toSorted(byAge).map(encoded));
  const [added, modified, removed] = [changes.added, changes.modified, changes.removed].map((set) =>
    without(set, operation.ignored),
  ) as [FieldSet, FieldSet, FieldSet];
  const changed = union(modified, added);
  const others = before
    .filter(({ apiVersion }) => apiVersion === operation.apiVersion)
    .map((each) => ({
      ...each,
      fields: difference(difference(each.fields, intersection(each.fields, changed)), removed),
    }))
    .filter(({ fields }) => fields.size > 0);
  const own = difference(changed, STRIPPED);
  const after = own.size === 0 ? others : joined(others, own, operation);
  return withManagedFields(bare, capped(after).toSorted(byAge).map(encoded));
}

/** The same manager writing again adds to what it has. */
function joined(others: readonly Manager[], fields: FieldSet, operation: Operation): Manager[] {
  const self = {
    manager: operation.manager === "" ? "unknown" : operation.manager,
    operation: "Update",
    apiVersion: operation.apiVersion,
    subresource: operation.subresource,
    time: timestamp(operation.now),
    fields,
  };
  const id = identifier(self);
  const previous = others.find((each) => identifier(each) === id);
  const rest = others.filter((each) => each !== previous);
  return [...rest, previous ? { ...self, fields: union(self.fields, previous.fields) } : self];
}

/** Of an applier, the version does not count. */
function identifier({ manager, operation, apiVersion, subresource }: Manager): string {
  return JSON.stringify([manager, operation, operation === "Apply" ? "" : apiVersion, subresource]);
}

/** Beyond ten, the oldest that updated are taken together. */
function capped(managers: readonly Manager[]): Manager[] {
  const updaters = managers.filter(({ operation }) => operation === "Update");
  const excess = updaters.length - MOST_UPDATERS;
  if (excess <= 0) return [...managers];
  const byTime = updaters.toSorted(
    (a, b) => seconds(a) - seconds(b) || compareText(identifier(a), identifier(b)),
  );
  const [oldest, ...others] = byTime.slice(0, excess + 1);
  const latest = others.at(-1);
  if (!oldest || !latest) return [...managers];
  const fields = [oldest, ...others].map((each) => each.fields).reduce(union);
  const bucket = { ...oldest, manager: ANCIENT, subresource: "", time: latest.time, fields };
  const rest = managers.filter((each) => each !== oldest && !others.includes(each));
  const former = rest.find((each) => identifier(each) === identifier(bucket));
  return [
    ...rest.filter((each) => each !== former),
    former ? { ...bucket, fields: union(bucket.fields, former.fields) } : bucket,
  ];
}

function byAge(a: Manager, b: Manager): number {
  return (
    compareText(a.operation, b.operation) ||
    seconds(a) - seconds(b) ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  );
}

function seconds({ time }: Manager): number {
  return time === undefined ? 0 : Math.floor(Date.parse(time) / 1000);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function withManagedFields<T extends KubeObject>(object: T, entries: readonly unknown[]): T {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: entries.length === 0 ? metadata : { ...metadata, managedFields: entries } };
}

/** Clients may hand over managed fields with the object; those that leave them out or break them change nothing. */
function managersBefore(object: KubeObject, old: KubeObject | undefined, isSubresource: boolean): Manager[] {
  const stored = decoded(old?.metadata.managedFields ?? []) ?? [];
  const given = object.metadata.managedFields ?? [];
  if (isSubresource) return stored;
  if (isReset(given)) return [];
  const managers = decoded(given) ?? [];
  return managers.length === 0 ? stored : managers;
}

/** One empty entry takes all managed fields away. */
function isReset(entries: readonly unknown[]): boolean {
  const [only] = entries;
  return entries.length === 1 && isRecord(only) && Object.keys(only).length === 0;
}

/** undefined: one of them is not valid. */
function decoded(entries: readonly unknown[]): Manager[] | undefined {
  const found = new Map<string, Manager>();
  for (const entry of entries) {
    const manager = decodedEntry(entry);
    if (!manager) return undefined;
    found.set(identifier(manager), manager);
  }
  return [...found.values()];
}

function decodedEntry(entry: unknown): Manager | undefined {
  if (!isRecord(entry)) return undefined;
  const text = (key: string) => (typeof entry[key] === "string" ? entry[key] : "");
  const operation = text("operation");
  const fields = fromFieldsV1(entry["fieldsV1"] ?? {});
  const isValid = (operation === "Apply" || operation === "Update") && text("fieldsType") === "FieldsV1";
  if (!isValid || text("apiVersion") === "" || !fields) return undefined;
  return {
    ...{
      manager: text("manager"),
      operation,
      apiVersion: text("apiVersion"),
      subresource: text("subresource"),
    },
    ...{ time: typeof entry["time"] === "string" ? entry["time"] : undefined, fields },
  };
}

function encoded({
  manager,
  operation,
  apiVersion,
  subresource,
  time,
  fields,
}: Manager): Record<string, unknown> {
  return {
    ...(manager === "" ? {} : { manager }),
    ...{ operation, apiVersion },
    ...(time === undefined ? {} : { time }),
    ...{ fieldsType: "FieldsV1", fieldsV1: toFieldsV1(fields) },
    ...(subresource === "" ? {} : { subresource }),
  };
}
