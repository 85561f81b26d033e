/**
 * Dependents: what is deleted together with an object. The garbage collector deletes whatever names the object as an owner,
 * then what names that as an owner, and so on. No request says so.
 */
import { type AdmissionRequest, isObject, type JsonObject, list, member } from "../admission.ts";
import { APPROVERS, DENY, REQUIRE_APPROVAL } from "./annotations.ts";
import type { Known } from "./ports.ts";

export interface Dependent {
  apiVersion: string;
  kind: string;
  /** "" for cluster-scoped ones. */
  namespace: string;
  name: string;
  /** The kind of the owner that takes it along; "": its namespace does. */
  of: string;
  /** Its annotations by which people bind agents (`hoop.dev/deny` and the like); null: it has none. */
  annotations: JsonObject | null;
}

/** Only dependents of these kinds are known: those that hold data, those that run, and those that make others. */
export const DEPENDENT_KINDS: readonly (readonly [apiVersion: string, kind: string, resource: string])[] = [
  ["v1", "PersistentVolumeClaim", "persistentvolumeclaims"],
  ["v1", "PersistentVolume", "persistentvolumes"],
  ["v1", "Secret", "secrets"],
  ["v1", "ConfigMap", "configmaps"],
  ["v1", "Service", "services"],
  ["v1", "Pod", "pods"],
  ["apps/v1", "Deployment", "deployments"],
  ["apps/v1", "StatefulSet", "statefulsets"],
  ["apps/v1", "DaemonSet", "daemonsets"],
  ["apps/v1", "ReplicaSet", "replicasets"],
  ["batch/v1", "Job", "jobs"],
  ["batch/v1", "CronJob", "cronjobs"],
];

export const NO_DEPENDENTS: Known<readonly Dependent[]> = { known: true, object: [] };
export const TOO_MANY: Known<readonly Dependent[]> = {
  known: false,
  why: "too much would be deleted with it",
};

/**
 * Whether the request has dependents deleted. A delete does, unless it asks for Orphan. Where it asks for nothing, the kind
 * decides, and nearly all kinds delete.
 */
export function cascades(request: AdmissionRequest): boolean {
  const { operation, subresource, oldObject, options } = request;
  if (oldObject === null) return false;
  if (operation === "UPDATE") return orphansNoMore(request);
  if (operation !== "DELETE" || subresource !== "") return false;
  return options?.["propagationPolicy"] !== "Orphan" && options?.["orphanDependents"] !== true;
}

/** As long as an object that is being deleted has this finalizer, the garbage collector frees its dependents instead of deleting them. */
const ORPHAN = "orphan";

/** Whether an update takes that finalizer off an object that is being deleted, and so has its dependents deleted after all. */
function orphansNoMore({ oldObject, object }: AdmissionRequest): boolean {
  const before = member(oldObject ?? {}, "metadata");
  if (!Object.hasOwn(before, "deletionTimestamp") || !list(before, "finalizers").includes(ORPHAN))
    return false;
  return !list(member(object ?? {}, "metadata"), "finalizers").includes(ORPHAN);
}

/** Of an object's annotations, those by which people bind agents; null: it has none. */
export function bindingAnnotations(metadata: JsonObject): JsonObject | null {
  const all = member(metadata, "annotations");
  const found = [DENY, REQUIRE_APPROVAL, APPROVERS].filter((name) => Object.hasOwn(all, name));
  return found.length === 0 ? null : Object.fromEntries(found.map((name) => [name, all[name] ?? null]));
}

/** A dependent as expressions see it. */
export function dependentFacts({ annotations, ...rest }: Dependent): JsonObject {
  return { ...rest, annotated: isObject(annotations ?? undefined) };
}

/** What `Owners` keeps of an object. */
export interface Owned extends Omit<Dependent, "of"> {
  uid: string;
  /** uids. */
  owners: readonly string[];
}

/** With more dependents than this it is not told what they are. */
const MOST = 1000;

/** An index of objects that have owners, or annotations that bind agents: by owner, and by namespace. */
export class Owners {
  readonly #byUid = new Map<string, Owned>();
  readonly #byOwner = new Map<string, Set<string>>();
  readonly #annotated = new Map<string, Set<string>>();

  get size(): number {
    return this.#byUid.size;
  }

  /** Takes the place of what was known of the same uid. */
  put(owned: Owned): void {
    this.remove(owned.uid);
    if (owned.owners.length === 0 && owned.annotations === null) return;
    this.#byUid.set(owned.uid, owned);
    for (const owner of owned.owners) added(this.#byOwner, owner, owned.uid);
    if (owned.annotations !== null) added(this.#annotated, owned.namespace, owned.uid);
  }

  remove(uid: string): void {
    const known = this.#byUid.get(uid);
    if (known === undefined) return;
    this.#byUid.delete(uid);
    for (const owner of known.owners) removed(this.#byOwner, owner, uid);
    removed(this.#annotated, known.namespace, uid);
  }

  /** Forgets all objects of one kind. */
  forget(apiVersion: string, kind: string): void {
    for (const [uid, known] of this.#byUid)
      if (known.kind === kind && known.apiVersion === apiVersion) this.remove(uid);
  }

  /** All dependents of an object, and theirs in turn; `undefined`: there are too many. */
  dependentsOf(uid: string, kind: string): Dependent[] | undefined {
    const found = new Map<string, Dependent>();
    const next: [uid: string, kind: string][] = [[uid, kind]];
    for (let owner = next.pop(); owner !== undefined; owner = next.pop())
      for (const child of this.#byOwner.get(owner[0]) ?? []) {
        const known = this.#byUid.get(child);
        if (known === undefined || found.has(child)) continue;
        if (found.size >= MOST) return undefined;
        found.set(child, dependent(known, owner[1]));
        next.push([child, known.kind]);
      }
    return [...found.values()];
  }

  /** Objects of a namespace with annotations that bind agents; `undefined`: there are too many. */
  annotatedIn(namespace: string): Dependent[] | undefined {
    const all = this.#annotated.get(namespace) ?? new Set();
    if (all.size > MOST) return undefined;
    return [...all].flatMap((uid) => this.#byUid.get(uid) ?? []).map((known) => dependent(known, ""));
  }
}

function dependent({ apiVersion, kind, namespace, name, annotations }: Owned, of: string): Dependent {
  return { apiVersion, kind, namespace, name, of, annotations };
}

function added(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key) ?? new Set();
  sets.set(key, set.add(value));
}

function removed(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
