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
import { readYaml } from "#kit/yaml.ts";
import { secretIn } from "./secret-protobuf.ts";

const API_VERSION = "hoop.dev/v1alpha1";
const LARGEST_BODY = 3 * 1024 * 1024;

const PROTOBUF = "application/vnd.kubernetes.protobuf";

/** What `secure-secrets` does not do is done to the Secret itself: deleting it. */
export function isOfSecrets({ group, resource, subresource, verb }: RequestInfo): boolean {
  return group === "" && resource === "secrets" && subresource === "" && !verb.startsWith("delete");
}

/** Where they are asked for, without the query. */
export function securePath({ namespace, name, verb }: RequestInfo): string {
  const within = namespace === "" ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  // A list by name is a list.
  const one = name === "" || verb === "list" || verb === "watch" ? "" : `/${encodeURIComponent(name)}`;
  return `/apis/${API_VERSION}${within}/secure-secrets${one}`;
}

export interface Sent {
  body: Buffer;
  contentType: string;
}

type Rewrite = (text: string) => Sent;

const REWRITES: Readonly<Record<string, Rewrite>> = {
  "application/json": (text) => json(secured(read(text)), "application/json"),
  "application/yaml": (text) => json(secured(readAsYaml(text)), "application/json"),
  "application/apply-patch+yaml": (text) => json(secured(readAsYaml(text)), "application/apply-patch+yaml"),
  "application/merge-patch+json": (text) => json(secured(read(text)), "application/merge-patch+json"),
  "application/strategic-merge-patch+json": (text) => {
    const patch = read(text);
    if (!isPlainMerge(patch)) throw unsupported();
    return json(secured(patch), "application/merge-patch+json");
  },
  "application/json-patch+json": (text) => ({
    body: Buffer.from(text),
    contentType: "application/json-patch+json",
  }),
};

/** @throws {StatusError} UnsupportedMediaType, BadRequest. */
export function securedBody(contentType: string, body: Buffer): Sent {
  const [type = ""] = contentType.split(";");
  const media = type.trim().toLowerCase() || "application/json";
  if (media === PROTOBUF) return json(secured(secretIn(body)), "application/json");
  const rewrite = REWRITES[media];
  if (rewrite === undefined) throw unsupported();
  return rewrite(body.toString());
}

/**
 * Of a body, what an answer may repeat: all but the values, which `secure-secrets` counts and never shows.
 * @throws {StatusError} As {@link securedBody}.
 */
export function besideValues(contentType: string, body: Buffer): Buffer {
  const sent = read(securedBody(contentType, body).body.toString());
  if (Array.isArray(sent)) return Buffer.from(JSON.stringify(sent.filter((one) => !setsValue(one))));
  const { data: _, stringData: __, ...rest } = isObject(sent) ? sent : {};
  return Buffer.from(JSON.stringify(rest));
}

/** Of a patch in JSON. */
function setsValue(operation: Json): boolean {
  return isObject(operation) && /^\/(?:data|stringData)\//.test(text(operation, "path"));
}

function json(value: Json, contentType: string): Sent {
  return { body: Buffer.from(JSON.stringify(value)), contentType };
}

function read(body: string): Json {
  try {
    return parseJson(body);
  } catch {
    throw new StatusError("BadRequest", "the body of the request is not valid JSON");
  }
}

function readAsYaml(body: string): Json {
  const reading = readYaml(body, LARGEST_BODY);
  if (reading.outcome !== "read")
    throw new StatusError("BadRequest", "the body of the request is not valid YAML");
  return reading.value as Json;
}

function secured(value: Json): Json {
  if (!isObject(value)) return value;
  const named: JsonObject = { ...value };
  if (named["apiVersion"] === "v1") named["apiVersion"] = API_VERSION;
  if (named["kind"] === "Secret") named["kind"] = "SecureSecret";
  return named;
}

/** Whether a strategic merge means the same as a plain one: no directives, none of the lists that are merged. */
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
 * An answer of `secure-secrets` in the words of Secrets. Values come masked from there; annotations may repeat those of
 * other Secrets. What is put in place of these is refused when it is sent back.
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
