/** Dependents of what a request deletes by other means than a DELETE: an eviction its pod, a smaller StatefulSet some of its pods. */
import { type AdmissionRequest, type JsonObject, list, member, text } from "../admission.ts";
import { cascades, type Dependent, NO_DEPENDENTS, TOO_MANY } from "./dependents.ts";
import type { Known, PolicyLookups, Soon } from "./ports.ts";
import { after } from "./soon.ts";

type Lookups = Pick<PolicyLookups, "dependents" | "target">;
type Gone = Known<readonly Dependent[]>;

/** What a request deletes besides its object. */
export function dependentsOf(lookups: Lookups, request: AdmissionRequest): Soon<Gone> {
  if (isEviction(request)) return after(lookups.target(request), (pod) => withPod(lookups, request, pod));
  if (isScaledDown(request)) return after(lookups.target(request), (set) => claimsOf(lookups, request, set));
  return cascades(request) ? lookups.dependents(request) : NO_DEPENDENTS;
}

/** Whether {@link dependentsOf} looks up the target of the request. */
export function looksAtTarget(request: AdmissionRequest): boolean {
  return isEviction(request) || isScaledDown(request);
}

function isEviction({ operation, resource, subresource }: AdmissionRequest): boolean {
  const { group, resource: name } = resource;
  return operation === "CREATE" && group === "" && name === "pods" && subresource === "eviction";
}

/** An eviction deletes the pod, with the `deleteOptions` in its body. */
function withPod(lookups: Lookups, request: AdmissionRequest, pod: Known<JsonObject | null>): Soon<Gone> {
  if (!pod.known) return pod;
  if (pod.object === null) return NO_DEPENDENTS;
  const deletion: AdmissionRequest = {
    ...request,
    ...{ operation: "DELETE", subresource: "", kind: { group: "", version: "v1", kind: "Pod" } },
    ...{ object: null, oldObject: pod.object, options: member(request.object ?? {}, "deleteOptions") },
  };
  return cascades(deletion) ? lookups.dependents(deletion) : NO_DEPENDENTS;
}

function isScaledDown(request: AdmissionRequest): boolean {
  const { operation, resource, subresource } = request;
  const isSet = resource.group === "apps" && resource.resource === "statefulsets" && subresource === "scale";
  return isSet && operation === "UPDATE" && replicasOf(request.object) < replicasOf(request.oldObject);
}

/** A Scale that does not say `replicas` means 0. */
function replicasOf(scale: JsonObject | null): number {
  return Number(member(scale ?? {}, "spec")["replicas"] ?? 0);
}

/** The claims of the pods that end, where the StatefulSet says that these are deleted with them (`whenScaled: Delete`). */
function claimsOf(lookups: Lookups, request: AdmissionRequest, set: Known<JsonObject | null>): Soon<Gone> {
  if (!set.known) return set;
  const spec = member(set.object ?? {}, "spec");
  const policy = member(spec, "persistentVolumeClaimRetentionPolicy");
  const templates = list(spec, "volumeClaimTemplates").map((one) => text(member(one, "metadata"), "name"));
  if (text(policy, "whenScaled") !== "Delete" || templates.length === 0) return NO_DEPENDENTS;
  const [left, before] = [replicasOf(request.object), replicasOf(request.oldObject)];
  if ((before - left) * templates.length > MOST) return TOO_MANY;
  const first = Number(member(spec, "ordinals")["start"] ?? 0);
  const name = text(member(set.object ?? {}, "metadata"), "name");
  const names = Array.from({ length: before - left }, (_, at) =>
    templates.map((template) => `${template}-${name}-${first + left + at}`),
  ).flat();
  return after(annotatedIn(lookups, request), (annotated) => {
    if (!annotated.known) return annotated;
    const known = new Map(
      annotated.object.filter(({ kind }) => kind === CLAIM).map((one) => [one.name, one.annotations]),
    );
    const claims = names.map((claim) => claimNamed(request.namespace, claim, known.get(claim) ?? null));
    return { known: true, object: claims };
  });
}

/** With more claims than this it is not told what they are. */
const MOST = 1000;
const CLAIM = "PersistentVolumeClaim";

function claimNamed(namespace: string, name: string, annotations: JsonObject | null): Dependent {
  return { apiVersion: "v1", kind: CLAIM, namespace, name, of: "Pod", annotations };
}

/** What in the namespace has annotations that bind agents. It is asked for as if the namespace were deleted, for that is what a port can tell. */
function annotatedIn(lookups: Lookups, request: AdmissionRequest): Soon<Gone> {
  return lookups.dependents({
    ...request,
    ...{ operation: "DELETE", subresource: "", name: request.namespace, object: null, options: null },
    resource: { group: "", version: "v1", resource: "namespaces" },
    kind: { group: "", version: "v1", kind: "Namespace" },
    oldObject: { metadata: { name: request.namespace } },
  });
}
