/** What Helm has rendered, objects in YAML, shown without what is secret in it. Pure. */
import { parseDocument, stringify } from "yaml";
import { isObject, type Json, type JsonObject, member, text } from "../admission.ts";
import { withoutValuesIn } from "../mask/known-json.ts";
import { isPublicKey } from "../mask/names.ts";
import { type KnownValues, withoutValues } from "../mask/values.ts";
import { maskObject, maskText } from "../mask.ts";

/** In characters. Longer documents are not parsed. */
const LONGEST = 256 * 1024;
/** Between two objects, as Helm itself tells them apart. */
const BETWEEN = /^---[ \t]*/m;

/** The values of all Secrets in it, plain. */
export function secretsOf(manifest: string): string[] {
  return manifest.split(BETWEEN).flatMap((document) => {
    const object = objectIn(document);
    return object === undefined || text(object, "kind") !== "Secret" ? [] : valuesOf(object);
  });
}

/**
 * The text itself where there is nothing to be masked. Otherwise a comment at its end has a mark for the whole text: sent
 * back with it, unchanged, it stands for the text as it was.
 */
export function maskedManifest(manifest: string, known: KnownValues, mark: (text: string) => string): string {
  const documents = manifest.split(BETWEEN);
  const shown = documents.map((document) => maskedDocument(document, known, mark));
  if (shown.every((document, at) => document === documents[at])) return manifest;
  return `${shown.join("---").trimEnd()}\n# ${mark(manifest)}\n`;
}

function maskedDocument(document: string, known: KnownValues, mark: (text: string) => string): string {
  const object = objectIn(document);
  if (object === undefined) {
    const comment = withoutValues(known, maskText(document));
    // Where it cannot be parsed, nobody can tell where a secret begins: all of it is hidden.
    return document.trim() === "" || isComment(document) ? comment : `\n# ${mark(document)}\n`;
  }
  const masked = text(object, "kind") === "Secret" ? maskedSecret(object, mark) : maskObject(object);
  const whole = withoutValuesIn(known, masked);
  if (JSON.stringify(whole) === JSON.stringify(object)) return document;
  const source = /^\s*# Source: .*\n/.exec(document)?.[0] ?? "\n";
  return `${source}${stringify(whole, { lineWidth: 0, aliasDuplicateObjects: false, compat: "yaml-1.1" })}`;
}

/** With marks for values; those of `data` in base64, so that it can still be read as a Secret. */
function maskedSecret(secret: JsonObject, mark: (text: string) => string): JsonObject {
  const { data, stringData, ...rest } = secret;
  const encoded = mapped(member({ data: data ?? {} }, "data"), (value) =>
    Buffer.from(mark(Buffer.from(value, "base64").toString("latin1"))).toString("base64"),
  );
  const plain = mapped(member({ stringData: stringData ?? {} }, "stringData"), mark);
  return {
    ...maskObject(rest),
    ...(data === undefined ? {} : { data: encoded }),
    ...(stringData === undefined ? {} : { stringData: plain }),
  };
}

function mapped(values: JsonObject, map: (value: string) => string): JsonObject {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]): [string, Json] => [key, map(scalar(value))]),
  );
}

function valuesOf(secret: JsonObject): string[] {
  const secretsIn = (field: "data" | "stringData") =>
    Object.entries(member(secret, field)).flatMap(([key, value]) =>
      isPublicKey(key) ? [] : [scalar(value)],
    );
  const encoded = secretsIn("data").map((value) => Buffer.from(value, "base64").toString());
  return [...encoded, ...secretsIn("stringData")];
}

function scalar(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isComment(document: string): boolean {
  return document.split("\n").every((line) => line.trim() === "" || line.trimStart().startsWith("#"));
}

function objectIn(document: string): JsonObject | undefined {
  if (document.length > LONGEST) return undefined;
  try {
    const parsed = parseDocument(document, { prettyErrors: false, logLevel: "silent" });
    if (parsed.errors.length > 0) return undefined;
    const value = parsed.toJS({ maxAliasCount: 100 }) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
