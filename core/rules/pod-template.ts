/** Where a pod template lies in each built-in workload kind, and what of it is risky. */
import {
  type AdmissionRequest,
  isObject,
  type Json,
  type JsonObject,
  list,
  member,
  text,
} from "../admission.ts";
import { canonical } from "../canonical.ts";
import { secretsNamedIn } from "../secret-names.ts";

/** `GROUP/RESOURCE` → the path from the object to its pod spec. */
const POD_SPEC_PATHS: ReadonlyMap<string, readonly string[]> = new Map([
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

const CONTAINER_KINDS = ["containers", "initContainers", "ephemeralContainers"];

/** The resources that carry a pod template, as rule matches. */
export const WORKLOADS = [...POD_SPEC_PATHS.keys()].map((key) => {
  const [group = "", resource = ""] = key.split("/");
  return { operations: ["CREATE", "UPDATE"] as const, groups: [group], resources: [resource] };
});

/** The same, and what puts containers into a pod that runs. */
export const POD_WRITES = [
  ...WORKLOADS,
  { operations: ["UPDATE"] as const, groups: [""], resources: ["pods/ephemeralcontainers"] },
];

/** The path to the pod template (the parent of its spec) below the object; `undefined` for a Pod and other kinds. */
export function podTemplatePath(group: string, resource: string): readonly string[] | undefined {
  const path = POD_SPEC_PATHS.get(`${group}/${resource}`);
  return path === undefined || path.length === 1 ? undefined : path.slice(0, -1);
}

interface ChangedPodSpec {
  now: JsonObject;
  before: JsonObject | null;
}

/** Every rule about pods asks it of the same request, and telling whether a large spec has changed takes a while. */
const asked = new WeakMap<AdmissionRequest, { changed: ChangedPodSpec | undefined }>();

/** The pod spec a request would bring into effect, if it is new or the request changes it. */
function changedPodSpec(request: AdmissionRequest): ChangedPodSpec | undefined {
  const known = asked.get(request) ?? { changed: findChangedPodSpec(request) };
  asked.set(request, known);
  return known.changed;
}

function findChangedPodSpec(request: AdmissionRequest): ChangedPodSpec | undefined {
  const path = POD_SPEC_PATHS.get(`${request.resource.group}/${request.resource.resource}`);
  if (path === undefined || request.object === null) return undefined;
  const now = at(request.object, path);
  if (request.oldObject === null) return { now, before: null };
  const before = at(request.oldObject, path);
  return canonical(now) === canonical(before) ? undefined : { now, before };
}

export function at(object: JsonObject, path: readonly string[]): JsonObject {
  return path.reduce<JsonObject>((value, key) => member(value, key), object);
}

/** A `finds` over the changed pod spec. */
export function inPodSpec(find: (spec: JsonObject) => string | undefined) {
  return (request: AdmissionRequest) => {
    const spec = changedPodSpec(request);
    return spec === undefined ? undefined : find(spec.now);
  };
}

/** A `finds` over each container of every kind in the changed pod spec. */
export function inContainers(find: (container: JsonObject) => string | undefined) {
  return inPodSpec((spec) => {
    const found = CONTAINER_KINDS.flatMap((kind) =>
      objects(list(spec, kind)).flatMap((container) => {
        const detail = find(container);
        return detail === undefined ? [] : [`${kind}[${text(container, "name")}] ${detail}`];
      }),
    );
    return found.length === 0 ? undefined : found.join(", ");
  });
}

/** Every `finds` here reads only what is there: a value of an unexpected type is refused by the API server's own validation. */
export function privileged(container: JsonObject): string | undefined {
  const security = member(container, "securityContext");
  if (security["privileged"] === true) return "is privileged";
  return member(security, "windowsOptions")["hostProcess"] === true ? "is a host process" : undefined;
}

export function escalates(container: JsonObject): string | undefined {
  const allowed = member(container, "securityContext")["allowPrivilegeEscalation"] === true;
  return allowed ? "allows privilege escalation" : undefined;
}

export function addsCapabilities(container: JsonObject): string | undefined {
  const added = list(member(member(container, "securityContext"), "capabilities"), "add");
  return added.length === 0 ? undefined : `adds capabilities ${added.map(String).join(", ")}`;
}

export function sharesHostNamespaces(spec: JsonObject): string | undefined {
  const shared = ["hostNetwork", "hostPID", "hostIPC"].filter((key) => spec[key] === true);
  const hostProcess = member(member(spec, "securityContext"), "windowsOptions")["hostProcess"] === true;
  const all = hostProcess ? [...shared, "hostProcess"] : shared;
  return all.length === 0 ? undefined : all.join(", ");
}

export function mountsHostPath(spec: JsonObject): string | undefined {
  const paths = objects(list(spec, "volumes"))
    .filter((volume) => isObject(volume["hostPath"]))
    .map((volume) => text(member(volume, "hostPath"), "path"));
  return paths.length === 0 ? undefined : paths.join(", ");
}

/**
 * A ServiceAccount that the changed object did not already use. A pod that names none runs as `default`; it does
 * not use it when it neither mounts its token by itself nor projects one.
 */
export function gainsServiceAccount(request: AdmissionRequest): string | undefined {
  const spec = changedPodSpec(request);
  if (spec === undefined) return undefined;
  const now = serviceAccountOf(spec.now);
  const before = spec.before === null ? undefined : serviceAccountOf(spec.before);
  return now === undefined || now === before ? undefined : now;
}

/** Secrets that the changed object did not already use: whoever runs a pod with a Secret in it can read it out. */
export function gainsSecrets(request: AdmissionRequest): string | undefined {
  const spec = changedPodSpec(request);
  if (spec === undefined) return undefined;
  const gainedIn = (part: (spec: JsonObject) => JsonObject) => {
    const before = new Set(spec.before === null ? [] : secretsNamedIn(part(spec.before)));
    return secretsNamedIn(part(spec.now)).filter((name) => !before.has(name));
  };
  const gained = [...new Set([...gainedIn((whole) => whole), ...gainedIn(readByContainers)])].sort();
  return gained.length === 0 ? undefined : gained.join(", ");
}

/** Without what only the kubelet and storage drivers are handed: a Secret used to pull images is not yet in the pod. */
function readByContainers(spec: JsonObject): JsonObject {
  const { imagePullSecrets: _, ...rest } = spec;
  const volumes = objects(list(spec, "volumes")).map(({ secret = null, projected = null }) => ({
    secret,
    projected,
  }));
  return { ...rest, volumes };
}

function serviceAccountOf(spec: JsonObject): string | undefined {
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

function objects(values: Json[]): JsonObject[] {
  return values.filter(isObject);
}
