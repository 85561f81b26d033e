/** What metadata may say, in the words of k8s.io/apimachinery's validation of ObjectMeta. */
import { equal, fingerprint } from "./equal.ts";
import { type FieldError, forbidden, invalidValue, required, tooLong } from "./field-errors.ts";
import { goQuote, isPrintable } from "./go-quote.ts";
import {
  labelErrors,
  labelValueErrors,
  pathSegmentErrors,
  qualifiedNameErrors,
  subdomainErrors,
  subdomainPrefixErrors,
} from "./names.ts";
import { child, item } from "./path.ts";
import type { ObjectMetadata, OwnerReference } from "./resource.ts";

export const ORPHAN = "orphan";
export const FOREGROUND = "foregroundDeletion";
const STANDARD_FINALIZERS: ReadonlySet<string> = new Set([ORPHAN, FOREGROUND, "kubernetes"]);

const ANNOTATIONS_LIMIT = 256 * 1024;
const MANAGER_LIMIT = 128;
const SUBRESOURCE_LIMIT = 256;
const at = (field: string) => `metadata.${field}`;

/** `names`: how strict the rule for names is; on an update they are what they were and only have to fit a path. */
export function metadataErrors(
  metadata: ObjectMetadata,
  namespaced: boolean,
  names: "subdomain" | "path",
): FieldError[] {
  return [
    ...nameErrors(metadata, names),
    ...namespaceErrors(metadata.namespace ?? "", namespaced),
    ...((metadata.generation ?? 0) < 0
      ? [invalidValue(at("generation"), metadata.generation, "must be greater than or equal to 0")]
      : []),
    ...labelsErrors(metadata.labels ?? {}),
    ...annotationsErrors(metadata.annotations ?? {}),
    ...ownerErrors(metadata.ownerReferences ?? []),
    ...finalizersErrors(metadata.finalizers ?? []),
    ...managedFieldsErrors(metadata.managedFields ?? []),
  ];
}

/** What an update may not change. */
export function metadataUpdateErrors(metadata: ObjectMetadata, old: ObjectMetadata): FieldError[] {
  const fixed = (field: string) =>
    equal(metadata[field], old[field])
      ? []
      : [invalidValue(at(field), metadata[field] ?? null, "field is immutable")];
  return [
    ...(old.deletionTimestamp === undefined ? [] : addedFinalizerErrors(metadata, old)),
    ...["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp"].flatMap(fixed),
    ...fixed("deletionGracePeriodSeconds"),
    ...labelsErrors(metadata.labels ?? {}),
    ...annotationsErrors(metadata.annotations ?? {}),
    ...ownerErrors(metadata.ownerReferences ?? []),
    ...managedFieldsErrors(metadata.managedFields ?? []),
  ];
}

function nameErrors({ name, generateName = "" }: ObjectMetadata, names: "subdomain" | "path"): FieldError[] {
  const isSubdomain = names === "subdomain";
  const invalid = (field: string, value: string, found: readonly string[]) =>
    found.map((error) => invalidValue(at(field), value, error));
  const prefixErrors =
    generateName === ""
      ? []
      : isSubdomain
        ? subdomainPrefixErrors(generateName)
        : pathSegmentErrors(generateName);
  return [
    ...invalid("generateName", generateName, prefixErrors),
    ...(name === ""
      ? [required(at("name"), "name or generateName is required")]
      : invalid("name", name, isSubdomain ? subdomainErrors(name) : pathSegmentErrors(name))),
  ];
}

function namespaceErrors(namespace: string, namespaced: boolean): FieldError[] {
  if (!namespaced) return namespace === "" ? [] : [forbidden(at("namespace"), "not allowed on this type")];
  if (namespace === "") return [required(at("namespace"))];
  return labelErrors(namespace).map((error) => invalidValue(at("namespace"), namespace, error));
}

function labelsErrors(labels: Readonly<Record<string, string>>): FieldError[] {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...qualifiedNameErrors(key).map((error) => invalidValue(at("labels"), key, error)),
    ...labelValueErrors(value).map((error) => invalidValue(at("labels"), value, error)),
  ]);
}

function annotationsErrors(annotations: Readonly<Record<string, string>>): FieldError[] {
  const entries = Object.entries(annotations);
  const size = entries.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  return [
    ...entries.flatMap(([key]) =>
      qualifiedNameErrors(key.toLowerCase()).map((error) => invalidValue(at("annotations"), key, error)),
    ),
    ...(size > ANNOTATIONS_LIMIT ? [tooLong(at("annotations"), ANNOTATIONS_LIMIT)] : []),
  ];
}

function ownerErrors(owners: readonly OwnerReference[]): FieldError[] {
  const field = at("ownerReferences");
  const each = owners.flatMap(({ apiVersion, kind, name, uid }) => [
    ...(versionOf(apiVersion) === ""
      ? [invalidValue(child(field, "apiVersion"), apiVersion, "version must not be empty")]
      : []),
    ...Object.entries({ kind, name, uid })
      .filter(([, value]) => value === "")
      .map(([key, value]) => invalidValue(child(field, key), value, "must not be empty")),
    ...(apiVersion === "v1" && kind === "Event"
      ? [
          invalidValue(
            field,
            { apiVersion, kind, name, uid },
            "/v1, Kind=Event is disallowed from being an owner",
          ),
        ]
      : []),
  ]);
  const [first, ...more] = owners
    .filter(({ controller }) => controller)
    .map(({ kind, name }) => `${kind}/${name}`);
  const several = more.map((other) =>
    invalidValue(
      field,
      owners,
      `Only one reference can have Controller set to true. Found "true" in references for ${first} and ${other}`,
    ),
  );
  return [...each, ...several];
}

/** Of `group/version` or `version`. */
function versionOf(apiVersion: string): string {
  const parts = apiVersion.split("/");
  return parts.length > 2 ? "" : (parts.at(-1) ?? "");
}

function finalizersErrors(finalizers: readonly string[]): FieldError[] {
  const field = at("finalizers");
  const both = finalizers.includes(ORPHAN) && finalizers.includes(FOREGROUND);
  return [
    ...finalizers.flatMap((name) =>
      qualifiedNameErrors(name).map((error) => invalidValue(field, name, error)),
    ),
    ...(both
      ? [invalidValue(field, finalizers, `finalizer ${ORPHAN} and ${FOREGROUND} cannot be both set`)]
      : []),
  ];
}

function addedFinalizerErrors({ finalizers = [] }: ObjectMetadata, old: ObjectMetadata): FieldError[] {
  const added = addedFinalizers(finalizers, old.finalizers);
  if (added.length === 0) return [];
  const list = `[]string{${added.map(goQuote).join(", ")}}`;
  return [
    forbidden(
      at("finalizers"),
      `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
    ),
  ];
}

function addedFinalizers(finalizers: readonly string[], old: readonly string[] = []): string[] {
  return [...new Set(finalizers)].filter((name) => !old.includes(name)).toSorted();
}

/** What is better about the finalizers that are new. */
export function finalizerWarnings({ finalizers = [] }: ObjectMetadata, old?: ObjectMetadata): string[] {
  return addedFinalizers(finalizers, old?.finalizers).flatMap((name) => {
    const shown = `${at("finalizers")}: ${goQuote(name)}`;
    const rules = qualifiedNameErrors(name).map((error) => `${shown}: ${error}`);
    if (name.includes("/") || STANDARD_FINALIZERS.has(name)) return rules;
    const path = name.includes(".") ? " including a path (/)" : "";
    const advice = `prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`;
    return [...rules, `${shown}: ${advice}`];
  });
}

function managedFieldsErrors(entries: readonly unknown[]): FieldError[] {
  return entries.flatMap((entry, index) => {
    const field = item(at("managedFields"), index);
    const {
      operation = "",
      fieldsType = "",
      manager = "",
      subresource = "",
    } = entry as Record<string, string>;
    return [
      ...(operation === "Apply" || operation === "Update"
        ? []
        : [invalidValue(child(field, "operation"), operation, "must be `Apply` or `Update`")]),
      ...(fieldsType === "" || fieldsType === "FieldsV1"
        ? []
        : [invalidValue(child(field, "fieldsType"), fieldsType, "must be `FieldsV1`")]),
      ...managerErrors(manager, child(field, "manager")),
      ...(Buffer.byteLength(subresource) > SUBRESOURCE_LIMIT
        ? [tooLong(child(field, "subresource"), SUBRESOURCE_LIMIT)]
        : []),
    ];
  });
}

/** The name of a field manager. */
export function managerErrors(manager: string, field: string): FieldError[] {
  const long = Buffer.byteLength(manager) > MANAGER_LIMIT ? [tooLong(field, MANAGER_LIMIT)] : [];
  let position = 0;
  const unprintable: FieldError[] = [];
  for (const character of manager) {
    if (!isPrintable(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      unprintable.push(invalidValue(field, manager, `invalid character U+${code} (at position ${position})`));
    }
    position += Buffer.byteLength(character);
  }
  return [...long, ...unprintable];
}

/** Without owners that are given twice, and the uids of those. */
export function withoutRepeatedOwners(owners: readonly OwnerReference[]): {
  owners: OwnerReference[];
  repeated: string[];
} {
  const seen = new Set<string>();
  const kept: OwnerReference[] = [];
  const repeated: string[] = [];
  for (const owner of owners) {
    const print = fingerprint(owner);
    if (seen.has(print)) repeated.push(owner.uid);
    else kept.push(owner);
    seen.add(print);
  }
  return { owners: kept, repeated };
}
