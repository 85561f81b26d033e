/**
 * By what the items of a list are told apart, by the list's field name, as Kubernetes' OpenAPI document says
 * (x-kubernetes-list-map-keys, else x-kubernetes-patch-merge-key). Where one name has several, the first whose
 * fields all items have counts. A name that means another list elsewhere does no harm: the whole change is
 * found either way, only written differently.
 */
import { isObject, type Json, type JsonObject } from "../admission.ts";
import { canonical } from "../canonical.ts";

const NAME = [["name"]];
const MERGE_KEYS: ReadonlyMap<string, readonly (readonly string[])[]> = new Map([
  ["addresses", [["type"]]],
  ["claims", NAME],
  ["conditions", [["type"]]],
  ["containers", NAME],
  ["drivers", NAME],
  ["env", NAME],
  ["ephemeralContainers", NAME],
  ["hostAliases", [["ip"]]],
  ["hostIPs", [["ip"]]],
  ["imagePullSecrets", NAME],
  ["initContainers", NAME],
  ["matchConditions", NAME],
  ["ownerReferences", [["uid"]]],
  ["podIPs", [["ip"]]],
  [
    "ports",
    [
      ["containerPort", "protocol"],
      ["port", "protocol"],
    ],
  ],
  ["reservedFor", [["uid"]]],
  ["resourceClaims", NAME],
  ["schedulingGates", NAME],
  ["secrets", NAME],
  ["topologySpreadConstraints", [["topologyKey", "whenUnsatisfiable"]]],
  ["variables", NAME],
  ["volumeDevices", [["devicePath"]]],
  ["volumeMounts", [["mountPath"]]],
  ["volumes", NAME],
  ["webhooks", NAME],
]);

/** The merge key's fields and values of one item. */
export type ItemKey = JsonObject;
/** The items of a list by their key's canonical text, in the list's order. */
export type Keyed = Map<string, { key: ItemKey; item: Json }>;

/** Both lists by the same merge key; undefined where the field has none, an item lacks it, or two share it. */
export function keyedLists(field: string, before: Json[], after: Json[]): [Keyed, Keyed] | undefined {
  for (const fields of MERGE_KEYS.get(field) ?? []) {
    const old = keyed(before, fields);
    const now = keyed(after, fields);
    if (old !== undefined && now !== undefined) return [old, now];
  }
  return undefined;
}

/** Is the field a list that Kubernetes matches by a merge key? */
export function hasMergeKey(field: string): boolean {
  return MERGE_KEYS.has(field);
}

function keyed(items: Json[], fields: readonly string[]): Keyed | undefined {
  const found: Keyed = new Map();
  for (const item of items) {
    if (!isObject(item) || !fields.every((field) => Object.hasOwn(item, field))) return undefined;
    const key: ItemKey = Object.fromEntries(fields.map((field) => [field, item[field] ?? null]));
    const id = canonical(key);
    if (found.has(id)) return undefined;
    found.set(id, { key, item });
  }
  return found;
}
