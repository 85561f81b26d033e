/** The view of an object that people, records and messages get: structure as it is, secret values replaced. */
import { isObject, type Json, type JsonObject, member, text } from "./admission.ts";
import { parseJson } from "./json.ts";
import { SEALED } from "./secrets/placeholder.ts";
import { announcesSecret, looksSecret, maskText } from "./mask/patterns.ts";

export { maskText } from "./mask/patterns.ts";

const SECRET_VALUE = "[masked: Secret value]";
const VALUE = "[masked: value]";
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
/** Shorter values turn up everywhere by chance. */
const SHORTEST_SECRET = 4;
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
 * and arguments that are secret by their name, and whatever maskText finds in any string. managedFields are
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
    return value.map((item, index) =>
      announcesSecret(value[index - 1] ?? null) && typeof item === "string" ? VALUE : maskValue(item),
    );
  return isObject(value) ? maskMembers(value) : value;
}

function maskMembers(object: JsonObject): JsonObject {
  if (text(object, "kind") === "Secret") return maskSecret(object);
  const isConfigMap = text(object, "kind") === "ConfigMap";
  const variable = text(object, "name");
  return mapMembers(object, (name, value) => {
    if (name === LAST_APPLIED) return typeof value === "string" ? maskEmbedded(value) : maskValue(value);
    if (name === "data" && isConfigMap && isObject(value)) return mapMembers(value, maskSetting);
    if (typeof value !== "string") return maskValue(value);
    const isSecret = name === "value" ? looksSecret(variable, value) : isSecretMember(name) && value !== "";
    return isSecret ? VALUE : maskText(value);
  });
}

/** Files in ConfigMaps are shown, whatever they are called: an approver must see a script. */
function maskSetting(name: string, value: Json): Json {
  return typeof value === "string" && looksSecret(name, value) && !/\s/.test(value)
    ? VALUE
    : maskValue(value);
}

function maskSecret(secret: JsonObject): JsonObject {
  const values = [...secretTexts(secret["data"]), ...secretTexts(secret["stringData"])];
  const scrub = (value: Json): Json => {
    if (typeof value === "string" && values.some((one) => value.includes(one))) return SECRET_VALUE;
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

/** The values of a Secret, plain and in base64, where they are long enough to be told from other text. */
function secretTexts(values: Json | undefined): string[] {
  return Object.values(isObject(values) ? values : {})
    .filter((value) => typeof value === "string")
    .flatMap((value) => [
      value,
      Buffer.from(value, "base64").toString(),
      Buffer.from(value).toString("base64"),
    ])
    .filter((value) => value.length >= SHORTEST_SECRET);
}

/** An object in JSON in a string, as kubectl keeps it in an annotation. */
function maskEmbedded(json: string): string {
  try {
    return JSON.stringify(maskValue(parseJson(json)));
  } catch {
    return maskText(json);
  }
}

/** A part of every name in SECRET_MEMBERS. */
const MAYBE_SECRET_MEMBER = /pass|token|key|secret/i;

function isSecretMember(name: string): boolean {
  if (!MAYBE_SECRET_MEMBER.test(name)) return false;
  return SECRET_MEMBERS.has(name.toLowerCase().replace(/[-_]/g, ""));
}

function mapMembers(object: JsonObject, map: (name: string, value: Json) => Json): JsonObject {
  const copy: JsonObject = {};
  for (const [name, value] of Object.entries(object)) {
    const mapped = map(name, value);
    // An assignment to `__proto__` would make no member.
    if (name === "__proto__")
      Object.defineProperty(copy, name, {
        value: mapped,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    else copy[name] = mapped;
  }
  return copy;
}
