/**
 * Which object a request goes to that admission is told only the name of: by CONNECT, an eviction, a binding, a scale, and
 * by an autoscaler, which names what it scales.
 */
import { type AdmissionRequest, connectedName, type JsonObject, targetName } from "#core/admission.ts";
import { looksAtTarget } from "#core/policy/ended.ts";
import type { Known } from "#core/policy/ports.ts";
import { type KindReference, scaledBy, WELL_KNOWN } from "#core/policy/scaled.ts";
import { type Client, isNotFound, path } from "./client.ts";
import { servedKind } from "./kinds.ts";

const METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
/** A request under way waits for it. */
const PATIENCE = 3_000;

interface Found {
  metadata: { uid: string; name: string; namespace?: string; annotations?: Record<string, string> };
  /** Only where more than metadata is asked for. */
  spec?: JsonObject;
}

/** Where an object is. */
interface Place {
  apiVersion: string;
  kind: string;
  /** As people name it. */
  what: string;
  path: string;
}

/**
 * Its identity and annotations, of a StatefulSet that gets smaller also what becomes of its claims; null where there is none. Of kinds that Hoop's role does not name (whatever has a scale
 * beside the built-in ones) nobody can tell until the role does.
 */
export async function subresourceTarget(
  client: Client,
  request: AdmissionRequest,
): Promise<Known<JsonObject | null>> {
  // What agents connect to on nodes is denied whatever the node says.
  if (request.resource.group === "" && request.resource.resource === "nodes")
    return { known: true, object: null };
  const scaled = scaledBy(request);
  const what = scaled === undefined ? placeOf(request).what : `${scaled.kind} ${scaled.name}`;
  try {
    const place =
      scaled === undefined ? placeOf(request) : await placeOfKind(client, request.namespace, scaled);
    if (place === undefined) return { known: true, object: null };
    const isWhole = looksAtTarget(request) && place.kind === "StatefulSet";
    const { metadata, spec } = await client.request<Found>({
      path: place.path,
      headers: { accept: isWhole ? "application/json" : METADATA },
      timeout: PATIENCE,
    });
    const { name, namespace = "", uid, annotations = {} } = metadata;
    const { apiVersion, kind } = place;
    const told = { name, namespace, uid, annotations: { ...annotations } };
    const more = isWhole ? { spec: claimsIn(spec ?? {}) } : {};
    return { known: true, object: { apiVersion, kind, metadata: told, ...more } };
  } catch (error) {
    if (isNotFound(error)) return { known: true, object: null };
    return { known: false, why: `${what} could not be looked up: ${String(error)}` };
  }
}

/** What becomes of its data tells only what it says itself. */
function claimsIn(spec: JsonObject): JsonObject {
  const fields = ["persistentVolumeClaimRetentionPolicy", "volumeClaimTemplates", "ordinals"];
  return Object.fromEntries(
    fields.flatMap((field) => (spec[field] === undefined ? [] : [[field, spec[field]]])),
  );
}

const KINDS: Readonly<Record<string, string>> = {
  pods: "Pod",
  services: "Service",
  replicationcontrollers: "ReplicationController",
  deployments: "Deployment",
  replicasets: "ReplicaSet",
  statefulsets: "StatefulSet",
};

/** A Binding is of the pod that it names. `kind`: of other resources their name stands for it. */
function placeOf(request: AdmissionRequest): Place {
  const { group, version, resource } = request.resource;
  const of = group === "" && resource === "bindings" ? "pods" : resource;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  const name = request.subresource === "" ? targetName(request) : connectedName(request);
  return {
    ...{ apiVersion, kind: KINDS[of] ?? of, what: `${of} ${targetName(request)}` },
    path: rootOf(apiVersion) + path(...within(request.namespace), of, name),
  };
}

const rootOf = (apiVersion: string): string => (apiVersion.includes("/") ? "/apis/" : "/api/") + apiVersion;
const within = (namespace: string): string[] => (namespace === "" ? [] : ["namespaces", namespace]);

interface Group {
  preferredVersion: { groupVersion: string };
  versions: { groupVersion: string }[];
}

/** As controllers find it: the group's kind in whichever version. Undefined where the API server serves none. */
async function placeOfKind(
  client: Client,
  namespace: string,
  { group, kind, name }: KindReference,
): Promise<Place | undefined> {
  const signal = AbortSignal.timeout(PATIENCE);
  const versions = await versionsOf(client, group, signal);
  // An autoscaler that nobody knows may go by the kind alone.
  const known = versions.size === 0 ? WELL_KNOWN.get(kind) : undefined;
  if (known !== undefined && known !== group)
    return placeOfKind(client, namespace, { group: known, kind, name });
  for (const apiVersion of versions) {
    const found = await servedKind(client, { apiVersion, kind }, signal);
    if (found === undefined) continue;
    const where = found.namespaced ? within(namespace) : [];
    const at = found.root + path(...where, found.resource, name);
    return { apiVersion, kind, what: `${kind} ${name}`, path: at };
  }
  return undefined;
}

/** The preferred one first; none where the group is not served. */
async function versionsOf(client: Client, group: string, signal: AbortSignal): Promise<Set<string>> {
  if (group === "") return new Set(["v1"]);
  try {
    const { preferredVersion, versions } = await client.request<Group>({ path: path("apis", group), signal });
    return new Set([preferredVersion, ...versions].map(({ groupVersion }) => groupVersion));
  } catch (error) {
    if (isNotFound(error)) return new Set();
    throw error;
  }
}
