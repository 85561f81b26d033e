/** Which object a request for a subresource goes to, where admission is told only its name: CONNECT, evictions, scales. */
import { type AdmissionRequest, connectedName, type JsonObject } from "#core/admission.ts";
import type { Known } from "#core/policy/ports.ts";
import type { Lookup } from "#core/ports.ts";
import { type Client, isNotFound, path } from "./client.ts";

/** GROUP/RESOURCE → its kind, and whether it lies in a namespace. All that Hoop's role lets it get, and nodes. */
const KINDS: ReadonlyMap<string, { kind: string; isNamespaced: boolean }> = new Map([
  ["/pods", { kind: "Pod", isNamespaced: true }],
  ["/services", { kind: "Service", isNamespaced: true }],
  ["/nodes", { kind: "Node", isNamespaced: false }],
  ["/replicationcontrollers", { kind: "ReplicationController", isNamespaced: true }],
  ["apps/deployments", { kind: "Deployment", isNamespaced: true }],
  ["apps/replicasets", { kind: "ReplicaSet", isNamespaced: true }],
  ["apps/statefulsets", { kind: "StatefulSet", isNamespaced: true }],
]);

const METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
/** A request under way waits for it. */
const PATIENCE = 3_000;

interface Found {
  metadata: { uid: string; name: string; namespace?: string; annotations?: Record<string, string> };
}

/** The uid of the pod, service or node that the request connects to, as it exists now. */
export async function connectTargetUid(client: Client, request: AdmissionRequest): Promise<Lookup> {
  const { group, resource } = request.resource;
  if (group !== "" || !KINDS.has(`/${resource}`))
    return { known: false, why: `${resource} cannot be connected to` };
  try {
    return { known: true, uid: (await got(client, request)).metadata.uid };
  } catch (error) {
    const what = `${resource} ${request.name}`;
    if (isNotFound(error)) return { known: false, why: `${what} does not exist` };
    return { known: false, why: `${what} could not be looked up: ${String(error)}` };
  }
}

/** Its identity and annotations; null where there is none, or it is of a kind that Hoop does not look up. */
export async function subresourceTarget(
  client: Client,
  request: AdmissionRequest,
): Promise<Known<JsonObject | null>> {
  const { group, version, resource } = request.resource;
  const kind = KINDS.get(`${group}/${resource}`)?.kind;
  // What agents connect to on nodes is denied whatever the node says.
  if (kind === undefined || kind === "Node") return { known: true, object: null };
  try {
    const { name, namespace = "", uid, annotations = {} } = (await got(client, request)).metadata;
    const apiVersion = group === "" ? version : `${group}/${version}`;
    const metadata = { name, namespace, uid, annotations: { ...annotations } };
    return { known: true, object: { apiVersion, kind, metadata } };
  } catch (error) {
    if (isNotFound(error)) return { known: true, object: null };
    return { known: false, why: `${resource} ${request.name} could not be looked up: ${String(error)}` };
  }
}

function got(client: Client, request: AdmissionRequest): Promise<Found> {
  const { group, version, resource } = request.resource;
  const api = group === "" ? ["api", version] : ["apis", group, version];
  const isNamespaced = KINDS.get(`${group}/${resource}`)?.isNamespaced === true;
  const scope = isNamespaced ? ["namespaces", request.namespace] : [];
  return client.request<Found>({
    path: path(...api, ...scope, resource, connectedName(request)),
    headers: { accept: METADATA },
    timeout: PATIENCE,
  });
}
