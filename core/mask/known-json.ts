/**
 * Replaces known values in an object: in its strings and in the names of its members. Not in those fields by which clients know
 * which object it is.
 */
import { isObject, type Json, type JsonObject } from "../admission.ts";
import { mapItems, mapMembers } from "./map.ts";
import { type KnownValues, REPLACEMENT, withoutValues } from "./values.ts";

const NOTHING: ReadonlySet<string> = new Set();
/** Left as they are in each object: at the top, in a list, in the rows of a table. */
const OF_OBJECT: ReadonlySet<string> = new Set(["apiVersion", "kind"]);
/** Left as they are in its metadata. */
const OF_IDENTITY: ReadonlySet<string> = new Set(
  ["name", "namespace", "uid", "resourceVersion", "generateName", "continue"].concat("creationTimestamp"),
);
/** Names of members that stay even if one of them is a known value: clients need them, and learn nothing from them. */
const FIELDS: ReadonlySet<string> = new Set(
  (
    "apiVersion metadata namespace labels annotations creationTimestamp deletionTimestamp resourceVersion generation " +
    "generateName finalizers ownerReferences managedFields fieldsV1 continue remainingItemCount object columnDefinitions " +
    "status conditions message reason details causes containers initContainers template selector matchLabels replicas " +
    "volumes volumeMounts mountPath resources limits requests command workingDir ports protocol containerPort hostPort " +
    "targetPort nodePort clusterIP service services ingress backend secret secrets secretName secretKeyRef configMap " +
    "configMapKeyRef optional valueFrom envFrom fieldRef fieldPath serviceAccount serviceAccountName nodeName schedule " +
    "password username string number integer boolean object default format description properties schema version " +
    "versions subjects roleRef apiGroup apiGroups resourceNames subresource source target server address addresses " +
    "endpoint endpoints phase controller provider storage capacity policy priority timeout interval enabled"
  ).split(" "),
);
/** Members that clients decode from base64: what replaces them must be base64, too. */
const OF_BYTES: ReadonlySet<string> = new Set(["caBundle", "certificate", "request"]);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const REPLACED_BYTES = Buffer.from(REPLACEMENT).toString("base64");

/** The object itself where it holds none. Numbers stay: no other number could show that it stands for a value. */
export function withoutValuesIn(known: KnownValues, object: JsonObject): JsonObject {
  return known.any ? new Without(known).object(object) : object;
}

/** One element of a list's items or a table's rows, likewise. */
export function withoutValuesInItem(known: KnownValues, item: Json, of: "items" | "rows"): Json {
  if (!known.any) return item;
  const without = new Without(known);
  return of === "rows" ? without.row(item) : without.item(item);
}

class Without {
  readonly #known: KnownValues;

  constructor(known: KnownValues) {
    this.#known = known;
  }

  object(object: JsonObject): JsonObject {
    return this.#members(object, OF_OBJECT, (name, value) => {
      if (name === "metadata" && isObject(value)) return this.#members(value, OF_IDENTITY);
      if (name === "items" && Array.isArray(value)) return mapItems(value, (item) => this.item(item));
      if (name === "rows" && Array.isArray(value)) return mapItems(value, (row) => this.row(row));
      return this.#value(name, value);
    });
  }

  item(value: Json): Json {
    return isObject(value) ? this.object(value) : this.#value("", value);
  }

  row(row: Json): Json {
    if (!isObject(row)) return this.#value("", row);
    return this.#members(row, NOTHING, (name, value) =>
      name === "object" ? this.item(value) : this.#value(name, value),
    );
  }

  #members(
    object: JsonObject,
    kept: ReadonlySet<string>,
    map = (name: string, value: Json) => this.#value(name, value),
  ): JsonObject {
    const masked = mapMembers(object, (name, value) =>
      kept.has(name) && typeof value === "string" ? value : map(name, value),
    );
    return this.#named(masked);
  }

  /** Names that hold values, shown as that; several of them by their number. */
  #named(object: JsonObject): JsonObject {
    const names = Object.keys(object);
    const shown = names.map((name) => (FIELDS.has(name) ? name : withoutValues(this.#known, name)));
    if (shown.every((name, at) => name === names[at])) return object;
    const taken = new Set<string>();
    const entries = shown.map((name, at): [string, Json] => {
      let own = name;
      for (let n = 2; taken.has(own); n++) own = `${name} ${n}`;
      taken.add(own);
      return [own, object[names[at] ?? ""] ?? null];
    });
    // Makes own members of all, `__proto__` too.
    return Object.fromEntries(entries);
  }

  #value(name: string, value: Json): Json {
    if (typeof value === "string") return this.#text(value, OF_BYTES.has(name));
    if (Array.isArray(value)) return mapItems(value, (item) => this.#value(name, item));
    if (!isObject(value)) return value;
    if (name !== "binaryData") return this.#members(value, NOTHING);
    return this.#members(value, NOTHING, (key, item) =>
      typeof item === "string" ? this.#text(item, true) : this.#value(key, item),
    );
  }

  #text(text: string, isBytes: boolean): string {
    const masked = withoutValues(this.#known, text);
    return masked !== text && isBytes && BASE64.test(text) ? REPLACED_BYTES : masked;
  }
}
