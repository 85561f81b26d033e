/** Admission requests for tests, written as briefly as a test wants to say them. */
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";

export function request(parts: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    uid: "11111111-0000-4000-8000-000000000000",
    kind: { group: "", version: "v1", kind: "ConfigMap" },
    resource: { group: "", version: "v1", resource: "configmaps" },
    subresource: "",
    name: "thing",
    namespace: "demo",
    operation: "CREATE",
    userInfo: { username: "agent", uid: "", groups: ["hoop:agents"], extra: new Map() },
    object: null,
    oldObject: null,
    options: null,
    dryRun: false,
    ...parts,
  };
}

export function on(group: string, resource: string): Pick<AdmissionRequest, "resource"> {
  return { resource: { group, version: "v1", resource } };
}

export function update(
  oldObject: JsonObject,
  object: JsonObject,
  parts: Partial<AdmissionRequest> = {},
): AdmissionRequest {
  return request({ operation: "UPDATE", oldObject, object, ...parts });
}
