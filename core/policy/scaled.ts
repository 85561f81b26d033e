/** What another object has scaled, restarted or rolled by a controller: the target of an autoscaler and its like. */
import { type AdmissionRequest, type JsonObject, member, text } from "../admission.ts";

/** By the kind, as whoever acts on it reads it; its version counts for nothing. */
export interface KindReference {
  /** "" for the core group. */
  group: string;
  kind: string;
  name: string;
}

type Place = readonly [field: string, apiVersion: string, kind: string];

/** A `scaleTargetRef` means this in whatever kind; the others by `GROUP/RESOURCE`. What is left out is a default. */
const SCALE_TARGET: Place = ["scaleTargetRef", "", ""];
const PLACES: Readonly<Record<string, Place>> = {
  "keda.sh/scaledobjects": ["scaleTargetRef", "apps/v1", "Deployment"],
  "autoscaling.k8s.io/verticalpodautoscalers": ["targetRef", "", ""],
  "datadoghq.com/datadogpodautoscalers": ["targetRef", "", ""],
  "flagger.app/canaries": ["targetRef", "", ""],
  // Scaled down once the Rollout's own pods are there.
  "argoproj.io/rollouts": ["workloadRef", "", ""],
};

/** Those of autoscalers that go by the kind alone, whatever group is named. */
const BY_KIND: ReadonlySet<string> = new Set([
  "autoscaling.k8s.io/verticalpodautoscalers",
  "datadoghq.com/datadogpodautoscalers",
  "flagger.app/canaries",
]);
/** The groups of the kinds that every autoscaler knows. */
export const WELL_KNOWN: ReadonlyMap<string, string> = new Map([
  ["CronJob", "batch"],
  ["DaemonSet", "apps"],
  ["Deployment", "apps"],
  ["Job", "batch"],
  ["ReplicaSet", "apps"],
  ["ReplicationController", ""],
  ["StatefulSet", "apps"],
]);

/** Undefined where the request is about nothing that scales, or it names nothing. Of a DELETE, what was scaled. */
export function scaledBy({
  resource,
  subresource,
  object,
  oldObject,
}: AdmissionRequest): KindReference | undefined {
  if (subresource !== "") return undefined;
  const at = `${resource.group}/${resource.resource}`;
  const [field, apiVersion, kind] = PLACES[at] ?? SCALE_TARGET;
  const reference = member(member(object ?? oldObject ?? {}, "spec"), field);
  const found = Object.keys(reference).length === 0 ? undefined : read(reference, apiVersion, kind);
  if (found === undefined || !BY_KIND.has(at)) return found;
  return { ...found, group: WELL_KNOWN.get(found.kind) ?? found.group };
}

function read(reference: JsonObject, apiVersion: string, kind: string): KindReference | undefined {
  const name = text(reference, "name");
  const [group = "", version] = (text(reference, "apiVersion") || apiVersion).split("/");
  if (name === "") return undefined;
  return { group: version === undefined ? "" : group, kind: text(reference, "kind") || kind, name };
}
