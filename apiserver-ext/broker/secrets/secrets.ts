/**
 * Secrets in a session: asked for as such, answered by `secure-secrets`. So no value comes here at all, what a client
 * reads it may send back, and the ServiceAccount needs no right to Secrets.
 */
import { isObject, type Json, type JsonObject, member, text } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { mapMembers } from "#core/mask/map.ts";
import { type KnownValues, withoutValues } from "#core/mask/values.ts";
import type { RequestInfo } from "#kit/request-info.ts";
import { StatusError } from "#kit/status.ts";
import { valueOfYaml } from "../yaml-body.ts";
import { secretIn } from "./protobuf.ts";

const API_VERSION = "hoop.dev/v1alpha1";

/** Whether `secure-secrets` answers it. Deleting is not among what it does: that goes to the Secret itself. */
export function isOfSecrets({ group, resource, subresource, verb }: RequestInfo): boolean {
  return group === "" && resource === "secrets" && subresource === "" && !verb.startsWith("delete");
}

/** The path under which `secure-secrets` is asked instead, without the query. */
export function securePath({ namespace, name, verb }: RequestInfo): string {
  const within = namespace === "" ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  // A list or watch may name one object, by a field selector: its path does not.
  const one = name === "" || verb === "list" || verb === "watch" ? "" : `/${encodeURIComponent(name)}`;
  return `/apis/${API_VERSION}${within}/secure-secrets${one}`;
}

/** The body of a write to Secrets, in the words of `secure-secrets`. */
export interface SecureBody {
  bytes: Buffer;
  contentType: string;
  /** What an answer may repeat of it: all but the values, which `secure-secrets` counts itself and never shows. */
  repeatable: Buffer;
}

type Rewrite = (body: Buffer) => SecureBody;

/** By the media type of what is sent. */
const REWRITES: Readonly<Record<string, Rewrite>> = {
  "application/json": (body) => secured(read(body), "application/json"),
  "application/yaml": (body) => secured(valueOfYaml(body), "application/json"),
  "application/vnd.kubernetes.protobuf": (body) => secured(secretIn(body), "application/json"),
  "application/apply-patch+yaml": (body) => secured(valueOfYaml(body), "application/apply-patch+yaml"),
  "application/merge-patch+json": (body) => secured(read(body), "application/merge-patch+json"),
  "application/strategic-merge-patch+json": (body) => {
    const patch = read(body);
    if (!isPlainMerge(patch)) throw unsupported();
    return secured(patch, "application/merge-patch+json");
  },
  // It names members and no kind: nothing of it changes.
  "application/json-patch+json": (body) => ({
    bytes: body,
    contentType: "application/json-patch+json",
    repeatable: repeatableOf(read(body)),
  }),
};

/** @throws {StatusError} UnsupportedMediaType, BadRequest. */
export function securedBody(mediaType: string, body: Buffer): SecureBody {
  const rewrite = REWRITES[mediaType || "application/json"];
  if (rewrite === undefined) throw unsupported();
  return rewrite(body);
}

function secured(value: Json, contentType: string): SecureBody {
  const named = isObject(value) ? asSecureSecret(value) : value;
  return { bytes: Buffer.from(JSON.stringify(named)), contentType, repeatable: repeatableOf(named) };
}

function asSecureSecret(object: JsonObject): JsonObject {
  const named = { ...object };
  if (named["apiVersion"] === "v1") named["apiVersion"] = API_VERSION;
  if (named["kind"] === "Secret") named["kind"] = "SecureSecret";
  return named;
}

function repeatableOf(sent: Json): Buffer {
  if (Array.isArray(sent)) return Buffer.from(JSON.stringify(sent.filter((one) => !setsValue(one))));
  const { data: _, stringData: __, ...rest } = isObject(sent) ? sent : {};
  return Buffer.from(JSON.stringify(rest));
}

/** One operation of a patch in JSON. */
function setsValue(operation: Json): boolean {
  return isObject(operation) && /^\/(?:data|stringData)\//.test(text(operation, "path"));
}

function read(body: Buffer): Json {
  try {
    return parseJson(body.toString());
  } catch {
    throw new StatusError("BadRequest", "the body of the request is not valid JSON");
  }
}

/** Whether a strategic merge patch means the same as a plain merge patch: it has neither directives (`$patch`) nor lists. */
function isPlainMerge(value: Json): boolean {
  if (Array.isArray(value)) return false;
  if (!isObject(value)) return true;
  return Object.entries(value).every(([name, child]) => !name.startsWith("$") && isPlainMerge(child));
}

function unsupported(): StatusError {
  return new StatusError(
    "UnsupportedMediaType",
    "Secrets are written in JSON or YAML, without lists to be merged",
  );
}

/**
 * An answer of `secure-secrets` in the words of Secrets. It comes with its own values masked; its annotations may still
 * repeat values of other Secrets, which are masked here. A write that sends such a mask back is refused.
 */
export function asSecrets(value: JsonObject, known: KnownValues): JsonObject {
  const object = (one: JsonObject) => asSecrets(one, known);
  switch (value["kind"]) {
    case "SecureSecret":
      return { ...asSecret(value), ...annotated(value, known) };
    case "PartialObjectMetadata":
      return { ...value, ...annotated(value, known) };
    case "SecureSecretList":
      return { ...value, apiVersion: "v1", kind: "SecretList", items: eachOf(value["items"], object) };
    case "PartialObjectMetadataList":
      return { ...value, items: eachOf(value["items"], object) };
    case "Table":
      return { ...value, rows: eachOf(value["rows"], (row) => ({ ...row, ...inRow(row, object) })) };
    case "Status":
      return asStatus(value);
    default:
      return value;
  }
}

function asSecret({ sizes: _, ...value }: JsonObject): JsonObject {
  return { ...value, apiVersion: "v1", kind: "Secret" };
}

function annotated({ metadata }: JsonObject, known: KnownValues): JsonObject {
  if (!isObject(metadata) || !isObject(metadata["annotations"])) return {};
  const annotations = mapMembers(metadata["annotations"], (_, value) =>
    typeof value === "string" ? withoutValues(known, value) : value,
  );
  return { metadata: { ...metadata, annotations } };
}

function inRow({ object }: JsonObject, map: (object: JsonObject) => JsonObject): JsonObject {
  return { object: isObject(object) ? map(object) : (object ?? null) };
}

function eachOf(items: Json | undefined, map: (object: JsonObject) => JsonObject): Json {
  return Array.isArray(items) ? items.map((item) => (isObject(item) ? map(item) : item)) : [];
}

function asStatus(status: JsonObject): JsonObject {
  const { group: _, ...details } = member(status, "details");
  const named = details["kind"] === undefined ? details : { ...details, kind: "secrets" };
  return {
    ...status,
    ...(isObject(status["details"]) ? { details: named } : {}),
    message: text(status, "message").replaceAll(/secure-secrets\.hoop\.dev(?= ")/g, "secrets"),
  };
}
