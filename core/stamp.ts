/**
 * Provenance: what an agent makes or changes carries its name. On the object itself whenever the request changes
 * something; on a pod template only when the request makes or changes that very template (else scaling would roll
 * out, and a label change of a Job would fail).
 */
import { type AdmissionRequest, isObject, type JsonObject, member, type UserInfo } from "./admission.ts";
import { changesBetween } from "./digest/changes.ts";
import { at, podTemplatePath } from "./policy/facts/workload.ts";
import { ownName } from "./session/extras.ts";

export const AGENT = "hoop.dev/agent";

/** One JSON Patch operation (RFC 6902). */
export interface PatchOperation {
  op: "add";
  path: string;
  value: JsonObject | string;
}

/**
 * The annotations that objects of this agent carry; in a session its agent's name, not the ServiceAccount's. Whoever says
 * that he is in one and is not, is refused when it is judged: no object carries a name that was only said.
 */
export function stampsFor(user: UserInfo): Record<string, string> {
  return { [AGENT]: ownName(user) };
}

/** What to add to the object of a CREATE or UPDATE of an agent; empty: leave it as it is. */
export function stampPatch(request: AdmissionRequest): PatchOperation[] {
  const { object, oldObject } = request;
  if (object === null || request.subresource !== "" || !isObject(object["metadata"])) return [];
  const stamps = stampsFor(request.userInfo);
  if (request.operation === "CREATE")
    return [...onObject(object, [], stamps), ...onTemplate(request, object, stamps)];
  if (request.operation !== "UPDATE" || oldObject === null) return [];
  if (!changesSomething(oldObject, object)) return [];
  return [...onObject(object, [], stamps), ...onTemplate(request, object, stamps)];
}

function onTemplate(
  request: AdmissionRequest,
  object: JsonObject,
  stamps: Record<string, string>,
): PatchOperation[] {
  const path = podTemplatePath(request.resource.group, request.resource.resource);
  if (path === undefined) return [];
  const now = at(object, path);
  if (Object.keys(now).length === 0) return [];
  if (request.oldObject !== null && !changesSomething(at(request.oldObject, path), now)) return [];
  return onObject(object, path, stamps);
}

function changesSomething(before: JsonObject, after: JsonObject): boolean {
  return changesBetween(before, after).length > 0;
}

function onObject(
  object: JsonObject,
  path: readonly string[],
  stamps: Record<string, string>,
): PatchOperation[] {
  const base = [...path, "metadata"];
  const parent = at(object, path);
  const metadata = member(parent, "metadata");
  const annotations = member(metadata, "annotations");
  const missing = Object.entries(stamps).filter(([key, value]) => annotations[key] !== value);
  if (missing.length === 0) return [];
  // Each level is made only where it is absent: "add" on an existing member would replace it.
  const levels: PatchOperation[] = [];
  if (!isObject(parent["metadata"])) levels.push({ op: "add", path: pointer(base), value: {} });
  if (!isObject(metadata["annotations"]))
    levels.push({ op: "add", path: pointer([...base, "annotations"]), value: {} });
  return [
    ...levels,
    ...missing.map(([key, value]) => ({
      op: "add" as const,
      path: pointer([...base, "annotations", key]),
      value,
    })),
  ];
}

/** JSON Pointer (RFC 6901). */
function pointer(path: readonly string[]): string {
  return path.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
