/** Where a pod spec lies in each kind of object, and which a request brings into effect. */
import {
  type AdmissionRequest,
  isObject,
  type Json,
  type JsonObject,
  list,
  member,
  text,
} from "../../admission.ts";
import { same } from "./same.ts";

/** `GROUP/RESOURCE` → the path from the object to its pod spec. */
export type PodSpecPaths = ReadonlyMap<string, readonly string[]>;

/** The built-in kinds that make pods, or are one. */
export const POD_SPEC_PATHS: PodSpecPaths = new Map([
  ["/pods", ["spec"]],
  ["/podtemplates", ["template", "spec"]],
  ["/replicationcontrollers", ["spec", "template", "spec"]],
  ["apps/deployments", ["spec", "template", "spec"]],
  ["apps/statefulsets", ["spec", "template", "spec"]],
  ["apps/daemonsets", ["spec", "template", "spec"]],
  ["apps/replicasets", ["spec", "template", "spec"]],
  // A StatefulSet's controller makes the pods of its current revision from this, not from the StatefulSet.
  ["apps/controllerrevisions", ["data", "spec", "template", "spec"]],
  ["batch/jobs", ["spec", "template", "spec"]],
  ["batch/cronjobs", ["spec", "jobTemplate", "spec", "template", "spec"]],
]);

/** Custom resources of which controllers make pods, that many clusters have. */
const CUSTOM: Readonly<Record<string, string>> = {
  "apps.kruise.io/broadcastjobs": "spec.template.spec",
  "apps.kruise.io/clonesets": "spec.template.spec",
  "apps.kruise.io/daemonsets": "spec.template.spec",
  "apps.kruise.io/sidecarsets": "spec",
  "apps.kruise.io/statefulsets": "spec.template.spec",
  "apps.openshift.io/deploymentconfigs": "spec.template.spec",
  "argoproj.io/rollouts": "spec.template.spec",
  "keda.sh/scaledjobs": "spec.jobTargetRef.template.spec",
  "leaderworkerset.x-k8s.io/leaderworkersets": "spec.leaderWorkerTemplate.workerTemplate.spec",
  "serving.knative.dev/configurations": "spec.template.spec",
  "serving.knative.dev/revisions": "spec",
  "serving.knative.dev/services": "spec.template.spec",
};

/** The built-in kinds, those that many clusters have, and those that settings add; `path` with dots. */
export function podSpecPaths(
  more: readonly { group: string; resource: string; path: string }[],
): PodSpecPaths {
  const added = more.map(({ group, resource, path }): [string, string] => [`${group}/${resource}`, path]);
  const custom = [...Object.entries(CUSTOM), ...added].map(
    ([kind, path]) => [kind, path.split(".")] as const,
  );
  return new Map([...custom, ...POD_SPEC_PATHS]);
}

/** Where settings add nothing. */
export const KNOWN_POD_SPEC_PATHS: PodSpecPaths = podSpecPaths([]);

/** The path to the pod template (the parent of its spec) below the object; `undefined` for a Pod and other kinds. */
export function podTemplatePath(group: string, resource: string): readonly string[] | undefined {
  const path = POD_SPEC_PATHS.get(`${group}/${resource}`);
  return path === undefined || path.length === 1 ? undefined : path.slice(0, -1);
}

export function at(object: JsonObject, path: readonly string[]): JsonObject {
  return path.reduce<JsonObject>((value, key) => member(value, key), object);
}

/** The pod spec that a request would bring into effect: it is new, or the request changes it. */
export interface Workload {
  now: JsonObject;
  before: JsonObject | null;
  /** That stands beside `now`: of the pod template, or of the Pod itself. */
  metadata: JsonObject;
}

/** The API server makes `appArmorProfile` of such annotations when it makes the pod: they are as good as the spec. */
const APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/";

function appArmorIn(metadata: JsonObject): JsonObject {
  const annotations = Object.entries(member(metadata, "annotations"));
  return Object.fromEntries(annotations.filter(([key]) => key.startsWith(APP_ARMOR)));
}

/** Those that carry the whole object. */
const SUBRESOURCES = new Set(["", "ephemeralcontainers", "resize"]);

export function workloadOf(request: AdmissionRequest, paths: PodSpecPaths): Workload | undefined {
  const { object, oldObject } = request;
  const path = paths.get(`${request.resource.group}/${request.resource.resource}`);
  const writes = request.operation === "CREATE" || request.operation === "UPDATE";
  if (path === undefined || object === null || !writes || !SUBRESOURCES.has(request.subresource))
    return undefined;
  const beside = [...path.slice(0, -1), "metadata"];
  const now = at(object, path);
  const metadata = at(object, beside);
  if (oldObject === null) return { now, before: null, metadata };
  const before = at(oldObject, path);
  const isSame = same(now, before) && same(appArmorIn(metadata), appArmorIn(at(oldObject, beside)));
  return isSame ? undefined : { now, before, metadata };
}

/** Of every kind: init and ephemeral containers run code as well. */
export function containersOf(spec: JsonObject): Json[] {
  return ["containers", "initContainers", "ephemeralContainers"].flatMap((kind) => list(spec, kind));
}

/**
 * The ServiceAccount that a pod runs as. One that names none runs as `default`; it does not use that one (`undefined`)
 * when it neither mounts its token by itself nor projects one.
 */
export function serviceAccountOf(spec: JsonObject): string | undefined {
  const name = text(spec, "serviceAccountName") || text(spec, "serviceAccount") || "default";
  const usesToken = spec["automountServiceAccountToken"] !== false || projectsToken(spec);
  return name === "default" && !usesToken ? undefined : name;
}

function projectsToken(spec: JsonObject): boolean {
  return objects(list(spec, "volumes")).some((volume) =>
    objects(list(member(volume, "projected"), "sources")).some((source) =>
      isObject(source["serviceAccountToken"]),
    ),
  );
}

export function objects(values: readonly Json[]): JsonObject[] {
  return values.filter(isObject);
}
