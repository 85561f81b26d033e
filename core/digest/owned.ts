/**
 * Who set a field: a client or the server. kube-apiserver notes in metadata.managedFields what each client
 * set (defaults included) before it allocates addresses and ports and before its admission plugins run, and
 * a client cannot take its own fields out: so a field that nobody owns was put there by the server.
 */
import { isObject, type Json, type JsonObject, list, member } from "../admission.ts";

/** False where the object carries no managedFields: then nobody can tell. */
export function tracksOwners(object: JsonObject): boolean {
  return list(member(object, "metadata"), "managedFields").some(isObject);
}

/** Does any client own the field? A list's item (an object) is looked up by the merge key in the owner's set. */
export function isOwned(object: JsonObject, path: readonly (string | JsonObject)[]): boolean {
  return list(member(object, "metadata"), "managedFields").some((entry) => {
    let fields = [member(entry, "fieldsV1")];
    for (const step of path)
      fields = fields.flatMap((set) => (typeof step === "string" ? named(set, step) : keyed(set, step)));
    return fields.length > 0;
  });
}

function named(set: JsonObject, name: string): JsonObject[] {
  const child = set[`f:${name}`];
  return isObject(child) ? [child] : [];
}

function keyed(set: JsonObject, item: JsonObject): JsonObject[] {
  return Object.entries(set).flatMap(([name, child]) =>
    name.startsWith("k:") && isObject(child) && isKeyOf(name.slice(2), item) ? [child] : [],
  );
}

function isKeyOf(keyText: string, item: JsonObject): boolean {
  const key = parsedKey(keyText);
  return isObject(key) && Object.entries(key).every(([field, value]) => item[field] === value);
}

function parsedKey(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
