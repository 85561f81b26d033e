/** Which object a request goes to that admission is told only the name of: by CONNECT, an eviction, a binding, a scale. */
import { type AdmissionRequest, connectedName, type JsonObject, targetName } from "#core/admission.ts";
import type { Known } from "#core/policy/ports.ts";
import type { Lookup } from "#core/ports.ts";
import { type Client, isNotFound, path } from "./client.ts";

/** What can be connected to. */
const CONNECTED: ReadonlySet<string> = new Set(["pods", "services", "nodes"]);

const METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
/** A request under way waits for it. */
const PATIENCE = 3_000;

interface Found {
  metadata: { uid: string; name: string; namespace?: string; annotations?: Record<string, string> };
}

/** The uid of the pod, service or node that the request connects to, as it exists now. */
export async function connectTargetUid(client: Client, request: AdmissionRequest): Promise<Lookup> {
  const { group, resource } = request.resource;
  if (group !== "" || !CONNECTED.has(resource))
    return { known: false, why: `${resource} cannot be connected to` };
  try {
    return { known: true, uid: (await got(client, request)).metadata.uid };
  } catch (error) {
    const what = `${resource} ${request.name}`;
    if (isNotFound(error)) return { known: false, why: `${what} does not exist` };
    return { known: false, why: `${what} could not be looked up: ${String(error)}` };
  }
}

/**
 * Its identity and annotations, null where there is none. Of kinds that Hoop's role does not name (whatever has a scale
 * beside the built-in ones) nobody can tell until the role does.
 */
export async function subresourceTarget(
  client: Client,
  request: AdmissionRequest,
): Promise<Known<JsonObject | null>> {
  const { group, version } = request.resource;
  const { kind, resource } = placeOf(request);
  // What agents connect to on nodes is denied whatever the node says.
  if (group === "" && resource === "nodes") return { known: true, object: null };
  try {
    const { name, namespace = "", uid, annotations = {} } = (await got(client, request)).metadata;
    const apiVersion = group === "" ? version : `${group}/${version}`;
    const metadata = { name, namespace, uid, annotations: { ...annotations } };
    return { known: true, object: { apiVersion, kind, metadata } };
  } catch (error) {
    if (isNotFound(error)) return { known: true, object: null };
    return {
      known: false,
      why: `${resource} ${targetName(request)} could not be looked up: ${String(error)}`,
    };
  }
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
function placeOf({ resource: { group, resource } }: AdmissionRequest): { kind: string; resource: string } {
  const of = group === "" && resource === "bindings" ? "pods" : resource;
  return { kind: KINDS[of] ?? of, resource: of };
}

function got(client: Client, request: AdmissionRequest): Promise<Found> {
  const { group, version } = request.resource;
  const { resource } = placeOf(request);
  const api = group === "" ? ["api", version] : ["apis", group, version];
  const scope = request.namespace === "" || resource === "nodes" ? [] : ["namespaces", request.namespace];
  const name = request.subresource === "" ? targetName(request) : connectedName(request);
  return client.request<Found>({
    path: path(...api, ...scope, resource, name),
    headers: { accept: METADATA },
    timeout: PATIENCE,
  });
}
