/** Which object a CONNECT request goes to: admission is told only its name. */
import type { AdmissionRequest } from "#core/admission.ts";
import type { Lookup } from "#core/ports.ts";
import { type Client, isNotFound, path } from "./client.ts";

/** The core resources with a connecting subresource, and whether they lie in a namespace. */
const NAMESPACED: ReadonlyMap<string, boolean> = new Map([
  ["pods", true],
  ["services", true],
  ["nodes", false],
]);

/** The uid of the pod, service or node that the request connects to, as it exists now. */
export async function connectTargetUid(client: Client, request: AdmissionRequest): Promise<Lookup> {
  const { group, version, resource } = request.resource;
  const namespaced = group === "" ? NAMESPACED.get(resource) : undefined;
  if (namespaced === undefined) return { known: false, why: `${resource} cannot be connected to` };
  const scope = namespaced ? ["namespaces", request.namespace] : [];
  const where = path("api", version, ...scope, resource, objectName(request));
  try {
    const { metadata } = await client.request<{ metadata: { uid: string } }>({ path: where });
    return { known: true, uid: metadata.uid };
  } catch (error) {
    const what = `${resource} ${request.name}`;
    if (isNotFound(error)) return { known: false, why: `${what} does not exist` };
    return { known: false, why: `${what} could not be looked up: ${String(error)}` };
  }
}

/** `proxy` takes NAME, NAME:PORT or SCHEME:NAME:PORT; the API server passes that on unparsed. */
function objectName(request: AdmissionRequest): string {
  if (request.subresource !== "proxy") return request.name;
  const parts = request.name.split(":");
  return (parts.length === 3 ? parts[1] : parts[0]) ?? "";
}
