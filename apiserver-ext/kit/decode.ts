/**
 * From what a client sent to an object of its kind: typed metadata, no unknown fields, defaults filled in. Whether it is
 * valid is another question.
 */
import { JSON_TYPE, readContent, typeMetaFault, unreadable, YAML_TYPE } from "./body.ts";
import { type Coerced, coerce } from "./coerce.ts";
import { readMetadata } from "./metadata.ts";
import type { ObjectRules } from "./object-rules.ts";
import { isRecord } from "./record.ts";
import type { KubeObject } from "./resource.ts";
import { StatusError } from "./status.ts";
import type { FieldValidation } from "./write-options.ts";

export interface Decoded {
  object: KubeObject;
  /** What strict decoding would refuse: fields that were given twice or are not known. */
  warnings: string[];
}

export type Decoding =
  | ({ outcome: "decoded" } & Decoded)
  /** Strict, and there is something. */
  | { outcome: "strict"; why: string }
  /** Metadata of another type. */
  | { outcome: "mistyped"; why: string };

/**
 * `value` has text for apiVersion and kind, where it has any. An object of another kind or version is left as it is,
 * but for its metadata. `faults` are what was found wrong while reading.
 */
export function decodeObject(
  rules: ObjectRules,
  value: Readonly<Record<string, unknown>>,
  faults: readonly string[],
  validation: FieldValidation,
): Decoding {
  const { apiVersion = "", kind = "", metadata, ...rest } = value;
  const reading = readMetadata(metadata);
  if (reading.outcome === "mistyped") return reading;
  const { value: content, unknown } = coerced(rules, String(apiVersion), kind, rest);
  const strict = [...faults, ...[...reading.unknown, ...unknown].map((path) => `unknown field "${path}"`)];
  if (validation === "Strict" && strict.length > 0)
    return { outcome: "strict", why: `strict decoding error: ${strict.join(", ")}` };
  const object = {
    apiVersion,
    kind,
    metadata: reading.fields,
    ...(content as object),
  } as unknown as KubeObject;
  return { outcome: "decoded", object, warnings: validation === "Ignore" ? [] : strict };
}

/** Of another version of the kind, no field is known. */
function coerced(
  rules: ObjectRules,
  apiVersion: string,
  kind: unknown,
  content: Record<string, unknown>,
): Coerced {
  const isOurs = kind === rules.kind && apiVersion.split("/")[0] === rules.group;
  if (!isOurs) return { value: content, unknown: [] };
  return apiVersion === rules.apiVersion
    ? coerce(rules.schema, content)
    : { value: {}, unknown: Object.keys(content).toSorted() };
}

export interface BodyOptions {
  validation: FieldValidation;
  /** The kind and the API version may be left out. */
  untyped?: boolean;
  /** Told what strict decoding would refuse, also where the body is refused after all. */
  warn: (warnings: readonly string[]) => void;
}

/** @throws {StatusError} UnsupportedMediaType or BadRequest: the body is no object of this API version. */
export function decodeBody(rules: ObjectRules, type: string, text: string, options: BodyOptions): KubeObject {
  const { validation, warn } = options;
  const { value, faults } = readObject(rules, type, text, options);
  const kind = String(value["kind"]);
  const apiVersion = String(value["apiVersion"] ?? "");
  const decoding = decodeObject(rules, value, faults(validation), validation);
  if (decoding.outcome !== "decoded") throw unfit(rules, kind, apiVersion, decoding.why);
  warn(decoding.warnings);
  if (apiVersion !== rules.apiVersion) {
    const expected = `does not match the expected API version (${rules.apiVersion})`;
    throw new StatusError("BadRequest", `the API version in the data (${apiVersion}) ${expected}`);
  }
  return decoding.object;
}

interface ReadObject {
  value: Record<string, unknown>;
  faults: (validation: FieldValidation) => string[];
}

/** An object with a kind. */
function readObject(
  rules: ObjectRules,
  type: string,
  text: string,
  { validation, untyped = false }: BodyOptions,
): ReadObject {
  const reading = readContent(type, text);
  if (reading.outcome === "malformed") throw unrecognized(rules, unreadable(type, reading.why), text);
  const value = reading.value ?? {};
  const fault = typeMetaFault(value);
  if (fault !== undefined || !isRecord(value))
    throw unrecognized(rules, unreadable(JSON_TYPE, fault ?? ""), text);
  const faults = duplicateFaults(type, reading.duplicates);
  const { kind, apiVersion } = value;
  if (untyped)
    return {
      value: { ...value, kind: kind || rules.kind, apiVersion: apiVersion || rules.apiVersion },
      faults,
    };
  if ((kind ?? "") === "") {
    const missing = missingKind(rules, text);
    // Of two decoders in a row it is another one that finds it.
    throw validation === "Ignore"
      ? unfit(rules, rules.kind, rules.apiVersion, missing)
      : unrecognized(rules, missing, text);
  }
  return { value, faults };
}

/** Where YAML has keys that are given twice, its parser's error spans several lines; as warnings each stands alone. */
function duplicateFaults(type: string, duplicates: readonly string[]): ReadObject["faults"] {
  if (type !== YAML_TYPE) return () => duplicates.map((path) => `duplicate field "${path}"`);
  return (validation) =>
    validation === "Strict" && duplicates.length > 0
      ? [`yaml: unmarshal errors:\n  ${duplicates.join("\n  ")}`]
      : [...duplicates];
}

const LONGEST = 4096;

function missingKind({ secret }: ObjectRules, text: string): string {
  return `Object 'Kind' is missing in '${secret ? "" : text.slice(0, LONGEST)}'`;
}

function unfit(rules: ObjectRules, kind: string, apiVersion: string, why: string): StatusError {
  const version = JSON.stringify(apiVersion.split("/").at(-1) ?? "");
  return new StatusError(
    "BadRequest",
    `${kind} in version ${version} cannot be handled as a ${rules.kind}: ${why}`,
  );
}

function unrecognized({ kind, secret }: ObjectRules, why: string, text: string): StatusError {
  const shown = secret ? "" : ` (${summary(text)})`;
  return new StatusError(
    "BadRequest",
    `the object provided is unrecognized (must be of type ${kind}): ${why}${shown}`,
  );
}

/** The beginning, as text where it looks like JSON. */
function summary(text: string): string {
  const bytes = Buffer.from(text.slice(0, 31));
  if (bytes.length === 0) return "<empty>";
  const beginning = bytes.subarray(0, 30);
  const shown = text.startsWith("{") ? beginning.toString() : beginning.toString("hex");
  return bytes.length > 30 ? `${shown} ...` : shown;
}
