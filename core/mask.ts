/** The view of an object that people, records and messages get: structure as it is, secret values replaced. */
import { isObject, type Json, type JsonObject, list, member, text } from "./admission.ts";
import { parseJson } from "./json.ts";
import { mapItems, mapMembers } from "./mask/map.ts";
import { announcesSecret, looksSecret, MASKED_VALUE } from "./mask/names.ts";
import { maskText } from "./mask/patterns.ts";
import { mayBeScript } from "./mask/script.ts";
import { isPlaceholder, SEALED } from "./secrets/placeholder.ts";
import { repetitions } from "./secrets/repeats.ts";

export { maskText } from "./mask/patterns.ts";

const SECRET_VALUE = "[masked: Secret value]";
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
/** Members that hold a secret whatever they are part of; compared in lower case, without `-` and `_`. */
const SECRET_MEMBERS: ReadonlySet<string> = new Set([
  "password",
  "passwd",
  "passphrase",
  "token",
  "accesstoken",
  "apitoken",
  "authtoken",
  "bearertoken",
  "idtoken",
  "refreshtoken",
  "apikey",
  "clientkeydata",
  "clientsecret",
  "privatekey",
  "secretkey",
  "secretaccesskey",
]);

/**
 * A copy without secret values: what Secrets hold (wherever an object of that kind stands), variables, members
 * and arguments that are secret by their name and no script by their look, and whatever maskText finds in any string. managedFields are
 * left out, and the last-applied annotation of Secrets. Keys stay; no length is told.
 */
export function maskObject(object: JsonObject): JsonObject {
  const { managedFields: _, ...metadata } = member(object, "metadata");
  const own = isObject(object["metadata"]) ? { ...object, metadata } : object;
  if (!Array.isArray(own["items"])) return maskMembers(own);
  const kind = text(own, "kind");
  const ofItems = kind.endsWith("List") ? { kind: kind.slice(0, -"List".length) } : {};
  const items = own["items"].map((item) => (isObject(item) ? maskItem(item, ofItems) : maskValue(item)));
  return { ...maskMembers({ ...own, items: [] }), items };
}

// The items of a SecretList do not say their kind.
function maskItem(item: JsonObject, kind: JsonObject): JsonObject {
  if (Object.hasOwn(item, "kind")) return maskObject(item);
  const { kind: _, ...masked } = maskObject({ ...kind, ...item });
  return masked;
}

function maskValue(value: Json): Json {
  if (typeof value === "string") return maskText(value);
  if (Array.isArray(value))
    return mapItems(value, (item, index) =>
      announcesSecret(value[index - 1] ?? null) && typeof item === "string" && !mayBeScript(item)
        ? MASKED_VALUE
        : maskValue(item),
    );
  return isObject(value) ? maskMembers(value) : value;
}

function maskMembers(object: JsonObject, kind = text(object, "kind")): JsonObject {
  if (kind === "Secret") return maskSecret(object);
  const isConfigMap = kind === "ConfigMap";
  const variable = text(object, "name");
  return mapMembers(object, (name, value) => {
    if (name === LAST_APPLIED) return typeof value === "string" ? maskEmbedded(value) : maskValue(value);
    if (name === "data" && isConfigMap && isObject(value)) return mapMembers(value, maskSetting);
    if (typeof value !== "string") return maskValue(value);
    const isSecret =
      name === "value"
        ? looksSecret(variable, value)
        : isSecretMember(name) && value !== "" && !mayBeScript(value) && !isPlaceholder(value);
    return isSecret ? MASKED_VALUE : maskString(name, value);
  });
}

function maskString(name: string, value: string): string {
  return maskText(name === "message" ? maskQuoted(value) : value);
}

/** An object that the API server quotes in what it says of it, as Go writes a text. */
const QUOTED = /(?<=Invalid value: )"\{(?:[^"\\]|\\.)*"/g;

function maskQuoted(message: string): string {
  if (!message.includes('Invalid value: "{')) return message;
  return message.replace(QUOTED, (quoted) => {
    try {
      const json = parseJson(quoted);
      const object = typeof json === "string" ? parseJson(json) : null;
      const masked = isObject(object) ? maskMembers(object) : object;
      return masked === object ? quoted : JSON.stringify(JSON.stringify(masked));
    } catch {
      // As any other text.
      return quoted;
    }
  });
}

function maskSetting(name: string, value: Json): Json {
  return typeof value === "string" && looksSecret(name, value) ? MASKED_VALUE : maskValue(value);
}

function maskSecret(secret: JsonObject): JsonObject {
  const repeats = repetitions(valuesIn(secret), Number.POSITIVE_INFINITY);
  const scrub = (value: Json): Json => {
    if (typeof value === "string" && repeats(value)) return SECRET_VALUE;
    if (Array.isArray(value)) return value.map(scrub);
    return isObject(value) ? mapMembers(value, (_, item) => scrub(item)) : maskValue(value);
  };
  return mapMembers(secret, (name, value) => {
    if (name === "data" || name === "stringData")
      return isObject(value) ? mapMembers(value, (_, item) => sealedOr(item)) : SECRET_VALUE;
    if (name !== "metadata" || !isObject(value)) return maskValue(value);
    return scrub({ ...value, ...withoutLastApplied(value) });
  });
}

/** What is sealed already tells one value from another, and no more. */
function sealedOr(value: Json): Json {
  return typeof value === "string" && SEALED.test(value) ? value : SECRET_VALUE;
}

function withoutLastApplied(metadata: JsonObject): JsonObject {
  if (!isObject(metadata["annotations"])) return {};
  const { [LAST_APPLIED]: _, ...annotations } = metadata["annotations"];
  return { annotations };
}

/** The values of a Secret, in base64. What is sealed is none. */
function valuesIn({ data, stringData }: JsonObject): string[] {
  const texts = (values: Json | undefined) =>
    Object.values(isObject(values) ? values : {})
      .filter((value) => typeof value === "string")
      .filter((value) => !SEALED.test(value));
  return [...texts(data), ...texts(stringData).map((plain) => Buffer.from(plain).toString("base64"))];
}

/** An object in JSON in a string, as kubectl keeps it in an annotation. */
function maskEmbedded(json: string): string {
  try {
    const value = parseJson(json);
    const masked = JSON.stringify(maskValue(value));
    // What holds nothing to mask stays as it was written.
    return masked === JSON.stringify(value) ? json : masked;
  } catch {
    return maskText(json);
  }
}

/** A part of every name in SECRET_MEMBERS. */
const MAYBE_SECRET_MEMBER = /pass|token|key|secret/i;

/** The names of fields are few, and looking at them is a good part of the work. */
const KNOWN_MEMBERS = new Map<string, boolean>();
const MOST_KNOWN = 2000;
const LONGEST_KNOWN = 40;

function isSecretMember(name: string): boolean {
  const known = KNOWN_MEMBERS.get(name);
  if (known !== undefined) return known;
  const is = MAYBE_SECRET_MEMBER.test(name) && SECRET_MEMBERS.has(name.toLowerCase().replace(/[-_]/g, ""));
  if (name.length <= LONGEST_KNOWN && KNOWN_MEMBERS.size < MOST_KNOWN) KNOWN_MEMBERS.set(name, is);
  return is;
}

/** In base64, as the data of Secrets are: clients that decode it find this text. */
const ENCODED_SECRET_VALUE = Buffer.from(SECRET_VALUE).toString("base64");

/** What nobody may write: it stands for a value that he has not seen. */
export const MASKED_MARKS: readonly string[] = ["[masked: ", ENCODED_SECRET_VALUE];

/**
 * What a client is answered in place of an object or list: as {@link maskObject}, but nothing is left out, and all of it
 * is of the type that clients decode it as.
 * @param columns of {@link secretColumns}, for a table that does not describe its own.
 */
export function maskAnswer(answer: JsonObject, columns: ReadonlySet<number> = NONE): JsonObject {
  const masked = Array.isArray(answer["items"]) ? maskItems(answer) : maskMembers(answer);
  const kind = text(masked, "kind");
  return decodable(kind === "Table" ? maskTable(masked, columns) : masked, kind);
}

function maskItems(answer: JsonObject): JsonObject {
  const kind = kindOfItems(answer);
  return mapMembers(answer, (name, value) =>
    name === "items" && Array.isArray(value)
      ? mapItems(value, (item) => maskItemOf(kind, item))
      : maskValue(value),
  );
}

// The items of a list need not say their kind.
function maskItemOf(kind: string, item: Json): Json {
  return isObject(item) ? maskMembers(item, text(item, "kind") || kind) : maskValue(item);
}

/** What the items of a list are that do not say it. */
export function kindOfItems(list: JsonObject): string {
  const kind = text(list, "kind");
  return kind.endsWith("List") ? kind.slice(0, -"List".length) : "";
}

/** One item of a list, as {@link maskAnswer} shows it in the list. @param kind that of items that do not say theirs. */
export function maskListed(kind: string, item: JsonObject): JsonObject {
  return decodable(maskMembers(item, text(item, "kind") || kind), text(item, "kind") || kind);
}

/** One row of a table, likewise. @param columns of {@link secretColumns}. */
export function maskRow(row: Json, columns: ReadonlySet<number> = NONE): Json {
  const masked = maskValue(row);
  return isObject(masked) ? withoutCells(decodable(masked, ""), columns) : masked;
}

const NONE: ReadonlySet<number> = new Set();
/** As the API server describes a column of a custom resource that says nothing of itself. */
const COLUMN_PATH = /^Custom resource definition column \(in JSONPath format\): .*?([\w-]+)$/;

/** Does it say what its columns are? Of the tables of a watch only the first does. */
export function describesColumns(table: JsonObject): boolean {
  return list(table, "columnDefinitions").length > 0;
}

/** Which columns of a table show what is a secret by its name. */
export function secretColumns(table: JsonObject): ReadonlySet<number> {
  const columns = Array.isArray(table["columnDefinitions"]) ? table["columnDefinitions"] : [];
  const isSecret = (column: Json) => {
    if (!isObject(column)) return false;
    const [, member = ""] = COLUMN_PATH.exec(text(column, "description")) ?? [];
    return [text(column, "name"), member].some((name) => isSecretMember(name));
  };
  return new Set(columns.flatMap((column, at) => (isSecret(column) ? [at] : [])));
}

function withoutCells(row: JsonObject, columns: ReadonlySet<number>): JsonObject {
  return mapMembers(row, (name, cells) =>
    name === "cells" && Array.isArray(cells)
      ? mapItems(cells, (cell, at) =>
          columns.has(at) && typeof cell === "string" && cell !== "" && !mayBeScript(cell)
            ? MASKED_VALUE
            : cell,
        )
      : cells,
  );
}

function maskTable(table: JsonObject, told: ReadonlySet<number>): JsonObject {
  const columns = describesColumns(table) ? secretColumns(table) : told;
  if (columns.size === 0) return table;
  return mapMembers(table, (name, rows) =>
    name === "rows" && Array.isArray(rows)
      ? mapItems(rows, (row) => (isObject(row) ? withoutCells(row, columns) : row))
      : rows,
  );
}

function decodable(object: JsonObject, kind: string): JsonObject {
  return mapMembers(object, (name, value) => {
    if (kind === "Secret" && name === "data")
      return isObject(value)
        ? mapMembers(value, (_, item) => (item === SECRET_VALUE ? ENCODED_SECRET_VALUE : item))
        : {};
    if (name !== "items" && name !== "object" && name !== "rows") return value;
    const ofItem = name === "items" ? kindOfItems(object) : "";
    const inside = (item: Json) => (isObject(item) ? decodable(item, text(item, "kind") || ofItem) : item);
    return Array.isArray(value) ? mapItems(value, inside) : inside(value);
  });
}
