/** What an approver of a change relied on beside the changed values themselves: if it moves, the approval is void. */
import { type AdmissionRequest, type Json, type JsonObject, list, member, text } from "../admission.ts";
import { canonical } from "../canonical.ts";
import { secretsNamedIn } from "../secret-names.ts";
import { type Change, type Path, valueAt } from "./changes.ts";

const BINDINGS = ["rolebindings", "clusterrolebindings"];
const POD_SPECS: readonly (readonly string[])[] = [
  ["spec"],
  ["template", "spec"],
  ["spec", "template", "spec"],
  ["spec", "jobTemplate", "spec", "template", "spec"],
];
/** Finding each item takes a walk over its list: beyond so many changes it is the whole object that is relied on. */
const MANY = 1000;
const CONTAINER_LISTS = ["containers", "initContainers", "ephemeralContainers"];

/** By name, from the object as it was before the request. */
export function reliedOn(
  request: AdmissionRequest,
  before: JsonObject,
  changes: readonly Change[],
): JsonObject {
  return {
    items: changedItems(before, changes),
    ...(isBinding(request) ? { roleRef: before["roleRef"] ?? null } : {}),
    pods: POD_SPECS.map((path) => podFacts(path.reduce<JsonObject>(member, before))),
  };
}

function isBinding({ resource }: AdmissionRequest): boolean {
  return resource.group === "rbac.authorization.k8s.io" && BINDINGS.includes(resource.resource);
}

/**
 * For each change inside a list, the outermost list's item as it was: who approves an argument has seen the image
 * beside it. Items without a merge key have no identity but their place, so there it is the whole list.
 */
function changedItems(before: JsonObject, changes: readonly Change[]): Json {
  if (changes.length > MANY) return before;
  const items = new Map<string, Json>();
  for (const { path } of changes) {
    const step = path.findIndex((part) => typeof part !== "string");
    if (step === -1) continue;
    const relied: Path = path.slice(0, typeof path[step] === "number" ? step : step + 1);
    const place: Json = [...relied];
    items.set(canonical(place), [place, valueAt(before, relied) ?? null]);
  }
  return [...items.values()];
}

function podFacts(spec: JsonObject): Json {
  const containers = CONTAINER_LISTS.flatMap((field) => list(spec, field));
  if (containers.length === 0) return null;
  return {
    images: containers.map((container) => [text(container, "name"), text(container, "image")]),
    serviceAccount: text(spec, "serviceAccountName"),
    secrets: secretsNamedIn(spec),
  };
}
