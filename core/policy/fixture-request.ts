/** From what a fixture says to the admission request that the API server would send. */
import type { AdmissionRequest, JsonObject, Operation, UserInfo } from "../admission.ts";
import { isObject, member, text } from "../admission.ts";
import type { Fixture, FixtureRequest, FixtureUser } from "./fixtures.ts";
import {
  isConnected,
  type KnownResource,
  kindOfSubresource,
  parted,
  resourceNamed,
  resourceOfKind,
} from "./resources.ts";

export type RequestOrWhy = { request: AdmissionRequest } | { why: string };

/**
 * The request. `resource` follows from the object's kind, where that is built in; `operation` from which objects
 * there are; names and namespaces from the objects, the namespace being `default` elsewhere. The objects get their
 * apiVersion, kind, name and namespace, and nothing else that the API server fills in.
 */
export function requestOf({ request: given, around }: Pick<Fixture, "request" | "around">): RequestOrWhy {
  const objects = objectsOf(given);
  if ("why" in objects) return objects;
  const served = servedAs(given, objects.object ?? objects.oldObject);
  if ("why" in served) return served;
  const operation = operationOf(given, objects, served.subresource);
  if (operation === undefined)
    return { why: "request: object, oldObject or both are needed, or the operation" };
  const place = placeOf(given, objects, served);
  const kind = kindOf(objects.object ?? objects.oldObject, served);
  const filled = (object: JsonObject | null) =>
    object === null ? null : completed(object, kind, operation === "CONNECT" ? undefined : place);
  return {
    request: {
      uid: "00000000-0000-4000-8000-000000000000",
      kind,
      resource: { group: served.group, version: served.version, resource: served.resource },
      subresource: served.subresource,
      ...place,
      operation,
      ...askedBy(around.as),
      object: filled(objects.object),
      oldObject: filled(objects.oldObject),
      options: jsonObject(given.options) ?? OPTIONS[operation],
      dryRun: given.dryRun ?? false,
      ...(given.through === undefined ? {} : { through: given.through }),
    },
  };
}

const META = "meta.k8s.io/v1";
const OPTIONS: Readonly<Record<Operation, JsonObject | null>> = {
  CREATE: { apiVersion: META, kind: "CreateOptions" },
  UPDATE: { apiVersion: META, kind: "UpdateOptions" },
  DELETE: { apiVersion: META, kind: "DeleteOptions" },
  CONNECT: null,
};

/** The schema says that these are objects; what is in them is JSON. */
function jsonObject(value: Record<string, unknown> | undefined): JsonObject | undefined {
  return value as JsonObject | undefined;
}

interface Objects {
  object: JsonObject | null;
  oldObject: JsonObject | null;
}

function objectsOf(given: FixtureRequest): Objects | { why: string } {
  const [object, oldObject, patch] = [given.object, given.oldObject, given.patch].map(jsonObject);
  if (patch === undefined) return { object: object ?? null, oldObject: oldObject ?? null };
  if (object !== undefined) return { why: "request: object or patch, not both" };
  if (oldObject === undefined) return { why: "request: a patch needs the oldObject" };
  return { object: merged(oldObject, patch), oldObject };
}

/** RFC 7386. */
function merged(target: JsonObject, patch: JsonObject): JsonObject {
  const entries = new Map(Object.entries(target));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) entries.delete(name);
    else entries.set(name, isObject(value) ? merged(member(target, name), value) : value);
  }
  return Object.fromEntries(entries);
}

type Served = Pick<KnownResource, "group" | "version" | "resource" | "isNamespaced"> & {
  subresource: string;
  /** The resource's own kind, where it is known. */
  kind: string;
};

function servedAs(given: FixtureRequest, object: JsonObject | null): Served | { why: string } {
  const [named, behind] = given.resource?.split("/") ?? [];
  if (behind !== undefined && given.subresource !== undefined)
    return { why: "request: the subresource stands in resource already" };
  const subresource = behind ?? given.subresource ?? "";
  const [apiVersion, kind] = [text(object, "apiVersion"), text(object, "kind")];
  if (named !== undefined) return { ...resourceCalled(named, subresource, apiVersion, kind), subresource };
  const known = resourceOfKind(apiVersion, kind);
  if (known !== undefined) return { ...known, subresource };
  if (kind === "") return { why: "request: resource is needed, or an object with apiVersion and kind" };
  return { why: `request: resource is needed: ${kind} of ${apiVersion} is no built-in kind` };
}

/** `widgets.example.com`; what is not built in is taken to be of the object's version, and to lie in a namespace. */
function resourceCalled(
  named: string,
  subresource: string,
  apiVersion: string,
  kind: string,
): Omit<Served, "subresource"> {
  const [resource = "", ...rest] = named.split(".");
  const group = rest.length === 0 ? undefined : rest.join(".");
  const [ofObject, version] = parted(apiVersion);
  const isOwn = subresource === "" && ofObject === (group ?? ofObject) && version !== "";
  const known =
    (isOwn ? resourceNamed(resource, ofObject, version) : undefined) ?? resourceNamed(resource, group);
  if (known !== undefined) return known;
  return {
    group: group ?? (isOwn ? ofObject : ""),
    version: isOwn ? version : "v1",
    resource,
    isNamespaced: true,
    kind: isOwn ? kind : "",
  };
}

function operationOf(
  { operation }: FixtureRequest,
  { object, oldObject }: Objects,
  subresource: string,
): Operation | undefined {
  if (operation !== undefined) return operation;
  if (isConnected(subresource)) return "CONNECT";
  if (object !== null) return oldObject === null ? "CREATE" : "UPDATE";
  return oldObject === null ? undefined : "DELETE";
}

/** As kube-apiserver has it: a Namespace lies in itself. */
function placeOf(
  given: FixtureRequest,
  { object, oldObject }: Objects,
  { group, resource, isNamespaced }: Served,
): { name: string; namespace: string } {
  const metadata = member(object ?? oldObject ?? {}, "metadata");
  const name = given.name ?? text(metadata, "name");
  const namespace = given.namespace ?? text(metadata, "namespace");
  if (group === "" && resource === "namespaces") return { name, namespace: given.namespace ?? name };
  if (!isNamespaced) return { name, namespace };
  return { name, namespace: namespace === "" && given.namespace === undefined ? "default" : namespace };
}

function kindOf(object: JsonObject | null, served: Served): AdmissionRequest["kind"] {
  const own = { apiVersion: text(object, "apiVersion"), kind: text(object, "kind") };
  if (own.kind !== "") return gvk(own);
  const { group, version, kind, resource, subresource } = served;
  const ofSubresource = subresource === "" ? undefined : kindOfSubresource(resource, subresource);
  return ofSubresource === undefined ? { group, version, kind } : gvk(ofSubresource);
}

function gvk({ apiVersion, kind }: { apiVersion: string; kind: string }): AdmissionRequest["kind"] {
  const [group, version] = parted(apiVersion);
  return { group, version, kind };
}

function completed(
  object: JsonObject,
  { group, version, kind }: AdmissionRequest["kind"],
  place: { name: string; namespace: string } | undefined,
): JsonObject {
  const isNamespace = group === "" && kind === "Namespace";
  const typed = { apiVersion: group === "" ? version : `${group}/${version}`, kind, ...object };
  if (place === undefined) return typed;
  const { name, namespace } = place;
  const metadata = {
    ...(name === "" ? {} : { name }),
    ...(namespace === "" || isNamespace ? {} : { namespace }),
    ...member(object, "metadata"),
  };
  return { ...typed, metadata };
}

const ALWAYS = "system:authenticated";
const AGENTS = "hoop:agents";

/** In a session its ServiceAccount asks, for the agent. */
function askedBy(as: FixtureUser): Pick<AdmissionRequest, "userInfo" | "session"> {
  const agent = userOf(as);
  if (as.session === undefined) return { userInfo: agent };
  const { serviceAccount, profile, name: path } = as.session;
  const [namespace = "", name = ""] = path.split("/");
  const { username, groups } = agent;
  return {
    userInfo: userOf({ serviceAccount }),
    session: { namespace, name, uid: "", profile, agent: { username, groups } },
  };
}

/** As authentication would tell of them: with the groups that everybody, and that each ServiceAccount, is in. */
function userOf({ user, serviceAccount, uid = "", groups, extra = {} }: FixtureUser): UserInfo {
  const username = user ?? (serviceAccount === undefined ? "agent" : accountUser(serviceAccount));
  const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(username) ?? [];
  const inherent =
    namespace === undefined ? [] : ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
  const own = groups ?? (namespace === undefined ? [AGENTS] : []);
  return {
    username,
    uid,
    groups: [...new Set([...own, ...inherent, ALWAYS])],
    extra: new Map(Object.entries(extra)),
  };
}

function accountUser(serviceAccount: string): string {
  return `system:serviceaccount:${serviceAccount.replace("/", ":")}`;
}
