/** Tells the outcome of a write by how its object is found afterwards. Pure. */
import { isObject, type Json, type JsonObject } from "../admission.ts";
import { type Change, isSame, valueAt } from "../digest/changes.ts";
import type { AdmissionEntry, OutcomeEntry } from "../ledger/entry.ts";
import { maskObject } from "../mask.ts";

/** How the object of the write is found. */
export type Found =
  | { kind: "absent" }
  | {
      kind: "present";
      uid: string;
      resourceVersion: string;
      /** RFC 3339, in whole seconds. */
      created: string;
      /** Whether it is being deleted. */
      deleting: boolean;
      /** All of it, where that was asked for. */
      object: JsonObject | undefined;
    }
  /** `transient`: it may be known a moment later. */
  | { kind: "unknown"; why: string; transient?: boolean };

type Present = Extract<Found, { kind: "present" }>;
export type Seen = Pick<OutcomeEntry, "result" | "message" | "object">;

/** Which object to look at, and whether at all of it; undefined: the write leaves nothing that could be seen. */
export function lookFor({
  operation,
  target,
  object,
}: AdmissionEntry):
  | { group: string; version: string; resource: string; namespace: string; name: string; whole: boolean }
  | undefined {
  const name = target.name ?? object?.name ?? "";
  const isSeen =
    target.subresource === undefined || operation === "UPDATE" || target.subresource === "eviction";
  if (name === "" || operation === "CONNECT" || !isSeen) return undefined;
  const { group, version, resource, namespace = "", subresource } = target;
  const isSecret = group === "" && resource === "secrets";
  const whole = operation === "UPDATE" && subresource === undefined && !isSecret;
  // A scale and an eviction have groups of their own, and the resource is that of the whole object.
  return {
    group: group === "policy" && resource === "pods" ? "" : group,
    version,
    resource,
    namespace,
    name,
    whole,
  };
}

/** `payload`: what lies beside the entry, where it is still there. */
export function seen(entry: AdmissionEntry, found: Found, payload: JsonObject | undefined): Seen {
  if (found.kind === "unknown") return unclear(found.why);
  switch (entry.operation) {
    case "CREATE":
      return entry.target.subresource === undefined ? created(entry, found) : deleted(entry, found);
    case "DELETE":
      return deleted(entry, found);
    case "UPDATE":
      return updated(entry, found, payload);
    default:
      return unclear("a connection leaves nothing behind");
  }
}

function created({ time, object }: AdmissionEntry, found: Exclude<Found, { kind: "unknown" }>): Seen {
  if (found.kind === "absent")
    return unclear("there is no such object: it was refused elsewhere, or deleted since");
  if (object?.uid !== undefined && object.uid === found.uid)
    return { result: "took-effect", ...nowAs(found) };
  if (isBefore(found.created, time))
    return { result: "refused", message: "there was one of that name before" };
  return unclear("an object of that name was created since");
}

function isBefore(created: string, time: string): boolean {
  return Date.parse(created) < Math.floor(Date.parse(time) / 1000) * 1000;
}

function deleted({ target, object }: AdmissionEntry, found: Exclude<Found, { kind: "unknown" }>): Seen {
  if (found.kind === "absent" || found.deleting) return { result: "took-effect" };
  const uid = target.uid ?? object?.uid;
  if (uid === undefined) return unclear("there is an object of that name");
  if (uid !== found.uid) return { result: "took-effect" };
  return { result: "refused", message: "the object is still there", ...nowAs(found) };
}

function updated(
  { target, object }: AdmissionEntry,
  found: Exclude<Found, { kind: "unknown" }>,
  payload: JsonObject | undefined,
): Seen {
  if (found.kind === "absent") return unclear("the object is gone");
  if (target.uid !== undefined && target.uid !== found.uid)
    return unclear("the object was replaced by another");
  const changes = changesIn(payload);
  if (object?.resourceVersion === found.resourceVersion)
    return changes?.length === 0
      ? { result: "took-effect", message: "nothing was to be changed", ...nowAs(found) }
      : { result: "refused", message: "the object is as it was", ...nowAs(found) };
  const now = found.object === undefined ? undefined : maskObject(found.object);
  if (now === undefined || changes === undefined || changes.length === 0)
    return unclear("the object has changed since, by this write or another");
  return changes.every(({ path, after }) => isSame(valueAt(now, path), after))
    ? { result: "took-effect", ...nowAs(found) }
    : unclear("the object has changed since, and is not as this write would have left it");
}

/** The changes of an update, without the status and what the API server counts by itself (generation, resourceVersion). */
function changesIn(payload: JsonObject | undefined): Change[] | undefined {
  const changes = payload?.["changes"];
  if (!Array.isArray(changes)) return undefined;
  return changes.filter(isChange).filter(({ path }) => path[0] !== "status" && !isCounted(path));
}

function isChange(value: Json): value is JsonObject & Change {
  return isObject(value) && Array.isArray(value["path"]);
}

function isCounted([first, second]: Change["path"]): boolean {
  return first === "metadata" && (second === "generation" || second === "resourceVersion");
}

function unclear(message: string): Seen {
  return { result: "cannot-tell", message };
}

function nowAs({ uid, resourceVersion }: Present): Pick<OutcomeEntry, "object"> {
  return { object: { uid, resourceVersion } };
}
