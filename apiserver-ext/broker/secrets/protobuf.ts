/**
 * Reads a Secret in protobuf, as Go's typed clients send it (Helm does to keep its releases), into the object that JSON
 * would have. A field that is not listed here is refused: were it left out, the Secret would lose it.
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { Json, JsonObject } from "#core/admission.ts";
import { isObject } from "#core/admission.ts";
import { StatusError } from "#kit/status.ts";

/** The first bytes of whatever Kubernetes writes in protobuf (k8s.io/apimachinery, serializer/protobuf). */
const MAGIC = Buffer.from("k8s\0");

type Kind =
  | "string"
  | "base64"
  | "boolean"
  | "integer"
  | "time"
  | "left-out"
  | Message
  | { map: "string" | "base64" };

/** What its fields are, by their numbers in Kubernetes' generated.proto. */
interface Message {
  fields: Readonly<Record<number, readonly [name: string, kind: Kind, repeated?: "repeated"]>>;
}

const TYPE_META: Message = { fields: { 1: ["apiVersion", "string"], 2: ["kind", "string"] } };
const UNKNOWN: Message = {
  fields: {
    1: ["typeMeta", TYPE_META],
    2: ["raw", "base64"],
    3: ["contentEncoding", "string"],
    4: ["contentType", "string"],
  },
};
const OWNER: Message = {
  fields: {
    ...{ 1: ["kind", "string"], 3: ["name", "string"], 4: ["uid", "string"], 5: ["apiVersion", "string"] },
    ...{ 6: ["controller", "boolean"], 7: ["blockOwnerDeletion", "boolean"] },
  },
};
const METADATA: Message = {
  fields: {
    ...{ 1: ["name", "string"], 2: ["generateName", "string"], 3: ["namespace", "string"] },
    ...{ 4: ["selfLink", "string"], 5: ["uid", "string"], 6: ["resourceVersion", "string"] },
    ...{ 7: ["generation", "integer"], 8: ["creationTimestamp", "time"], 9: ["deletionTimestamp", "time"] },
    ...{ 10: ["deletionGracePeriodSeconds", "integer"] },
    ...{ 11: ["labels", { map: "string" }], 12: ["annotations", { map: "string" }] },
    ...{ 13: ["ownerReferences", OWNER, "repeated"], 14: ["finalizers", "string", "repeated"] },
    // Only the API server sets it.
    17: ["managedFields", "left-out"],
  },
};
const SECRET: Message = {
  fields: {
    ...{ 1: ["metadata", METADATA], 2: ["data", { map: "base64" }], 3: ["type", "string"] },
    ...{ 4: ["stringData", { map: "string" }], 5: ["immutable", "boolean"] },
  },
};

/** @throws {StatusError} BadRequest, UnsupportedMediaType. */
export function secretIn(body: Buffer): JsonObject {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) throw unreadable();
  const { typeMeta, raw = "", contentEncoding = "" } = message(body.subarray(MAGIC.length), UNKNOWN);
  const { apiVersion, kind } = isObject(typeMeta) ? typeMeta : {};
  if (apiVersion !== "v1" || kind !== "Secret" || contentEncoding !== "" || typeof raw !== "string")
    throw new StatusError("UnsupportedMediaType", "in protobuf, only a Secret is read here");
  return { apiVersion, kind, ...message(Buffer.from(raw, "base64"), SECRET) };
}

function message(bytes: Buffer, { fields }: Message): JsonObject {
  const object: JsonObject = {};
  for (const { number, value } of fieldsOf(bytes)) {
    const field = fields[number];
    if (field === undefined) throw unreadable();
    const [name, kind, repeated] = field;
    if (kind === "left-out") continue;
    const before = object[name];
    if (typeof kind === "object" && "map" in kind) object[name] = withEntry(before, value, kind.map);
    else if (repeated === undefined) object[name] = read(value, kind);
    else object[name] = [...(Array.isArray(before) ? before : []), read(value, kind)];
  }
  // Go writes a time that is not set, too: it is read as null.
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

function withEntry(before: Json | undefined, value: Wire, kind: "string" | "base64"): JsonObject {
  const entry = read(value, { fields: { 1: ["key", "string"], 2: ["value", kind] } });
  const { key = "", value: said = "" } = isObject(entry) ? entry : {};
  return { ...(isObject(before ?? null) ? (before as JsonObject) : {}), [String(key)]: said };
}

type Wire = Buffer | bigint;

function read(value: Wire, kind: Exclude<Kind, { map: "string" | "base64" }>): Json {
  if (typeof value === "bigint") {
    if (kind === "boolean") return value !== 0n;
    if (kind === "integer") return Number(BigInt.asIntN(64, value));
    throw unreadable();
  }
  if (kind === "string") return utf8(value);
  if (kind === "base64") return value.toString("base64");
  if (kind === "time") return time(value);
  if (typeof kind === "object") return message(value, kind);
  throw unreadable();
}

function utf8(bytes: Buffer): string {
  const text = bytes.toString();
  if (!Buffer.from(text).equals(bytes)) throw unreadable();
  return text;
}

function time(bytes: Buffer): Json {
  const { seconds } = message(bytes, { fields: { 1: ["seconds", "integer"], 2: ["nanos", "integer"] } });
  return typeof seconds === "number" ? new Date(seconds * 1000).toISOString().replace(".000Z", "Z") : null;
}

function fieldsOf(bytes: Uint8Array): { number: number; value: Wire }[] {
  try {
    const reader = new BinaryReader(bytes);
    const fields: { number: number; value: Wire }[] = [];
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      fields.push({ number, value: wireValue(reader, type) });
    }
    return fields;
  } catch {
    throw unreadable();
  }
}

/** A Secret has fields of two wire types only: numbers, and what begins with its length. */
function wireValue(reader: BinaryReader, type: WireType): Wire {
  if (type === WireType.Varint) return BigInt(reader.uint64());
  if (type === WireType.LengthDelimited) return Buffer.from(reader.bytes());
  throw unreadable();
}

function unreadable(): StatusError {
  return new StatusError("BadRequest", "the body of the request is not a valid Secret in protobuf");
}
