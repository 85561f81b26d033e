/** ObjectMeta as a client sent it. */

import { jsonType, readStruct, type Struct, type StructReading } from "./go-struct.ts";
import { isRecord } from "./record.ts";

const OWNER_REFERENCE: Struct = {
  name: "OwnerReference",
  fields: {
    ...{ apiVersion: "string", kind: "string", name: "string", uid: "string" },
    ...{ controller: "bool", blockOwnerDeletion: "bool" },
  },
  always: ["apiVersion", "kind", "name", "uid"],
  pointers: ["controller", "blockOwnerDeletion"],
};

const MANAGED_FIELDS_ENTRY: Struct = {
  name: "ManagedFieldsEntry",
  fields: {
    ...{ manager: "string", operation: "string", apiVersion: "string", time: "time", fieldsType: "string" },
    ...{ fieldsV1: "any", subresource: "string" },
  },
  pointers: ["fieldsV1"],
};

const OBJECT_META: Struct = {
  name: "ObjectMeta",
  fields: {
    ...{ name: "string", generateName: "string", namespace: "string", selfLink: "string", uid: "string" },
    ...{
      resourceVersion: "string",
      generation: "int64",
      creationTimestamp: "time",
      deletionTimestamp: "time",
    },
    ...{ deletionGracePeriodSeconds: "int64", labels: { map: "string" }, annotations: { map: "string" } },
    ...{ ownerReferences: { list: OWNER_REFERENCE }, finalizers: { list: "string" } },
    ...{ managedFields: { list: MANAGED_FIELDS_ENTRY } },
  },
  pointers: ["deletionGracePeriodSeconds"],
};

/** Paths are those of the object: `metadata.nam`. Nothing and null are empty metadata. */
export function readMetadata(value: unknown): StructReading {
  const given = value ?? {};
  if (isRecord(given)) return readStruct(OBJECT_META, given, "metadata");
  return {
    outcome: "mistyped",
    why: `json: cannot unmarshal ${jsonType(value)} into Go value of type v1.ObjectMeta`,
  };
}
