/** What a request brings that the object did not already have. Each is linear in the size of the request. */
import { type AdmissionRequest, type Json, type JsonObject, list, member, text } from "../../admission.ts";
import { secretsNamedIn } from "../../secret-names.ts";
import { same } from "./same.ts";
import { objects, serviceAccountOf, type Workload } from "./workload.ts";

/** A ServiceAccount that the changed pod spec did not already run as; "" where it gains none. */
export function gainedServiceAccount(workload: Workload | undefined): string {
  if (workload === undefined) return "";
  const now = serviceAccountOf(workload.now);
  const before = workload.before === null ? undefined : serviceAccountOf(workload.before);
  return now === undefined || now === before ? "" : now;
}

/** Secrets that a pod, or every pod of a ServiceAccount, gets: whoever runs a pod with a Secret in it can read it out. */
export function gainedSecrets(request: AdmissionRequest, workload: Workload | undefined): string[] {
  if (workload !== undefined) return gainedByPods(workload);
  const { group, resource } = request.resource;
  if (group !== "" || resource !== "serviceaccounts" || request.subresource !== "") return [];
  return gained(secretsOfAccount(request.object), secretsOfAccount(request.oldObject));
}

function gainedByPods({ now, before }: Workload): string[] {
  const gainedIn = (part: (spec: JsonObject) => JsonObject) =>
    gained(secretsNamedIn(part(now)), before === null ? [] : secretsNamedIn(part(before)));
  return [...new Set([...gainedIn((whole) => whole), ...gainedIn(readByContainers)])].sort();
}

function gained(now: readonly string[], before: readonly string[]): string[] {
  const known = new Set(before);
  return [...new Set(now)].filter((name) => name !== "" && !known.has(name)).sort();
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

function secretsOfAccount(account: JsonObject | null): string[] {
  return ["secrets", "imagePullSecrets"].flatMap((field) =>
    list(account ?? {}, field).map((secret) => text(secret, "name")),
  );
}

/**
 * The owners that the object has afterwards where the request sets or changes any, as `Kind name`: the garbage collector
 * deletes what has owners of which none exists, so one that is taken away counts as well while others stay.
 */
export function changedOwners({ object, oldObject }: AdmissionRequest): string[] {
  const now = ownersOf(object);
  if (same(now, ownersOf(oldObject))) return [];
  return now.map((owner) => `${text(owner, "kind")} ${text(owner, "name")}`);
}

const ownersOf = (object: JsonObject | null): Json[] =>
  list(member(object ?? {}, "metadata"), "ownerReferences");
