/**
 * What goes with an object that is deleted: the garbage collector deletes whatever has it as an owner, and what has that
 * as an owner in turn. No request tells of them.
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
  /** The kind of the owner through which it goes, "" where it goes with its namespace. */
  of: string;
  /** Those by which people bind agents, null where there are none. */
  annotations: JsonObject | null;
}

/** The kinds that are known of, by the collection's path: what lives on in data, what runs, and what others are made by. */
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

/** Whether what belongs to it goes with it. What orphans leaves them alone. Left out, the policy is the kind's own, and that of most is Background. */
export function cascades(request: AdmissionRequest): boolean {
  const { operation, subresource, oldObject, options } = request;
  if (oldObject === null) return false;
  if (operation === "UPDATE") return orphansNoMore(request);
  if (operation !== "DELETE" || subresource !== "") return false;
  return options?.["propagationPolicy"] !== "Orphan" && options?.["orphanDependents"] !== true;
}

/** By this finalizer the garbage collector knows that it is to leave them alone, until it has. */
const ORPHAN = "orphan";

/** Whether it is deleted already, and would have left them alone but for this: some subresources write finalizers, too. */
function orphansNoMore({ oldObject, object }: AdmissionRequest): boolean {
  const before = member(oldObject ?? {}, "metadata");
  if (!Object.hasOwn(before, "deletionTimestamp") || !list(before, "finalizers").includes(ORPHAN))
    return false;
  return !list(member(object ?? {}, "metadata"), "finalizers").includes(ORPHAN);
}

/** Those of an object by which people bind agents; null where there are none. */
export function bindingAnnotations(metadata: JsonObject): JsonObject | null {
  const all = member(metadata, "annotations");
  const found = [DENY, REQUIRE_APPROVAL, APPROVERS].filter((name) => Object.hasOwn(all, name));
  return found.length === 0 ? null : Object.fromEntries(found.map((name) => [name, all[name] ?? null]));
}

/** As expressions see one. */
export function dependentFacts({ annotations, ...rest }: Dependent): JsonObject {
  return { ...rest, annotated: isObject(annotations ?? undefined) };
}

/** What of an object an index of owners keeps. */
export interface Owned extends Omit<Dependent, "of"> {
  uid: string;
  /** uids. */
  owners: readonly string[];
}

/** More are too many to be told. */
const MOST = 1000;

/** Everything that has owners or annotations that bind agents, by what it goes with. */
export class Owners {
  readonly #byUid = new Map<string, Owned>();
  readonly #byOwner = new Map<string, Set<string>>();
  readonly #annotated = new Map<string, Set<string>>();

  get size(): number {
    return this.#byUid.size;
  }

  /** In place of what was known of its uid. */
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

  /** Of one kind, all that are known. */
  forget(apiVersion: string, kind: string): void {
    for (const [uid, known] of this.#byUid)
      if (known.kind === kind && known.apiVersion === apiVersion) this.remove(uid);
  }

  /** What goes with an object of this uid and kind, down to the last; `undefined`: it is too much. */
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

  /** What is annotated in a namespace; `undefined`: it is too much. */
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
