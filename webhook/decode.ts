/** The only file that sees raw reviews: bytes in, a typed request out, or a {@link BadReview} that says what is wrong. */
import {
  type AdmissionRequest,
  isObject,
  type Json,
  type JsonObject,
  type Operation,
  type UserInfo,
} from "#core/admission.ts";
import type { AccessRequest } from "#core/authorize.ts";
import { parseJson } from "#core/json.ts";

/** The caller sent something that is not the review it should be. The message never repeats what was sent. */
export class BadReview extends Error {}

const OPERATIONS: ReadonlySet<string> = new Set(["CREATE", "UPDATE", "DELETE", "CONNECT"]);

export function decodeAdmission(body: string): AdmissionRequest {
  const request = objectAt(parseReview(body, "admission.k8s.io/v1", "AdmissionReview"), "request");
  const operation = stringAt(request, "operation");
  if (!isOperation(operation))
    throw new BadReview("request.operation is none of CREATE, UPDATE, DELETE, CONNECT");
  const kind = objectAt(request, "kind");
  const resource = objectAt(request, "resource");
  const uid = stringAt(request, "uid");
  if (uid === "") throw new BadReview("request.uid is missing");
  return {
    uid,
    kind: {
      group: optional(kind, "group"),
      version: stringAt(kind, "version"),
      kind: stringAt(kind, "kind"),
    },
    resource: {
      group: optional(resource, "group"),
      version: stringAt(resource, "version"),
      resource: stringAt(resource, "resource"),
    },
    subresource: optional(request, "subResource"),
    name: optional(request, "name"),
    namespace: optional(request, "namespace"),
    operation,
    userInfo: decodeUser(objectAt(request, "userInfo"), "username"),
    object: objectOrNull(request, "object"),
    oldObject: objectOrNull(request, "oldObject"),
    options: objectOrNull(request, "options"),
    dryRun: request["dryRun"] === true,
  };
}

export function decodeAccess(body: string): AccessRequest {
  const spec = objectAt(parseReview(body, "authorization.k8s.io/v1", "SubjectAccessReview"), "spec");
  const user = decodeUser(spec, "user");
  const attributes = spec["resourceAttributes"];
  if (attributes === undefined || attributes === null) {
    const nonResource = spec["nonResourceAttributes"];
    if (!isObject(nonResource)) throw new BadReview("spec names neither a resource nor a path");
    return { user, path: optional(nonResource, "path") };
  }
  if (!isObject(attributes)) throw new BadReview("spec.resourceAttributes is not an object");
  return {
    user,
    resource: {
      verb: optional(attributes, "verb"),
      group: optional(attributes, "group"),
      resource: optional(attributes, "resource"),
      subresource: optional(attributes, "subresource"),
      namespace: optional(attributes, "namespace"),
      name: optional(attributes, "name"),
    },
  };
}

function parseReview(body: string, apiVersion: string, kind: string): JsonObject {
  const review = parsed(body);
  if (!isObject(review)) throw new BadReview("the body is not a JSON object");
  if (review["apiVersion"] !== apiVersion || review["kind"] !== kind)
    throw new BadReview(`the body is not a ${kind} of ${apiVersion}`);
  return review;
}

function parsed(body: string): Json {
  try {
    return parseJson(body);
  } catch {
    throw new BadReview("the body is not JSON, or nested too deeply");
  }
}

function decodeUser(user: JsonObject, nameField: string): UserInfo {
  const groups = user["groups"] ?? [];
  if (!isStrings(groups)) throw new BadReview("groups is not a list of strings");
  const extra = user["extra"] ?? {};
  if (!isObject(extra)) throw new BadReview("extra is not an object");
  return {
    username: optional(user, nameField),
    uid: optional(user, "uid"),
    groups,
    extra: new Map(
      Object.entries(extra).map(([key, values]) => {
        if (!isStrings(values)) throw new BadReview("extra holds something that is not a list of strings");
        return [key, values];
      }),
    ),
  };
}

function isOperation(value: string): value is Operation {
  return OPERATIONS.has(value);
}

function isStrings(value: Json): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function objectAt(parent: JsonObject, key: string): JsonObject {
  const value = parent[key];
  if (!isObject(value)) throw new BadReview(`${key} is missing or not an object`);
  return value;
}

function objectOrNull(parent: JsonObject, key: string): JsonObject | null {
  const value = parent[key];
  if (value === undefined || value === null) return null;
  if (!isObject(value)) throw new BadReview(`${key} is not an object`);
  return value;
}

function stringAt(parent: JsonObject, key: string): string {
  const value = parent[key];
  if (typeof value !== "string") throw new BadReview(`${key} is missing or not a string`);
  return value;
}

function optional(parent: JsonObject, key: string): string {
  const value = parent[key];
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw new BadReview(`${key} is not a string`);
  return value;
}
