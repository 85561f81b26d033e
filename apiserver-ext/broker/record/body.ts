/** What of a request's body is written to the ledger: masked, and cut to the length that is kept. */
import { isObject, type Json, text } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { withoutValuesIn } from "#core/mask/known-json.ts";
import { looksSecret, MASKED_VALUE } from "#core/mask/names.ts";
import { type KnownValues, withoutValues } from "#core/mask/values.ts";
import { maskObject, maskText } from "#core/mask.ts";
import { readYaml } from "#kit/yaml.ts";
import { membersOf, shapeOf } from "../mask/json-shape.ts";

export interface Keeping {
  /** The values of Secrets that it may repeat. */
  known: KnownValues;
  /** In bytes. */
  most: number;
}

/** In characters. A longer body in YAML is not parsed, but kept as text. */
const LONGEST_YAML = 256 * 1024;
/** In characters. So much beyond what is kept is masked with it: a value that begins in what is kept may end behind it. */
const MARGIN = 64 * 1024;

/**
 * The body for its record: an object where it is JSON or YAML, otherwise text. Of protobuf and CBOR nothing is kept, for
 * there a value stands without the name by which it would be masked: the record has their hash, and the webhook's own record
 * of the write has the object.
 */
export function readable(body: Buffer, { known, most }: Keeping): Json {
  const said = body.toString();
  if (said.includes("\0") || !Buffer.from(said).equals(body)) return "[not kept: no text]";
  if (said.length > most + MARGIN)
    return cut(withoutValues(known, maskText(said.slice(0, most + MARGIN))), most);
  const value = parsed(said);
  if (!isObject(value) && !Array.isArray(value)) return cut(withoutValues(known, maskText(said)), most);
  const masked = isObject(value) ? withoutValuesIn(known, maskObject(value)) : patched(value, known);
  const isSmall = body.length <= most;
  return isSmall ? masked : cut(JSON.stringify(masked), most);
}

/** A JSON Patch: what an operation sets is a secret where the last part of its path names one. */
function patched(operations: readonly Json[], known: KnownValues): Json {
  return operations.map((one) => {
    if (!isObject(one)) return one;
    const name = text(one, "path").split("/").at(-1) ?? "";
    const { value } = one;
    const isSecret = typeof value === "string" && (looksSecret(name, value) || isMasked(name, value));
    return withoutValuesIn(known, {
      ...maskObject(one),
      ...(isSecret ? { value: MASKED_VALUE } : {}),
    });
  });
}

function isMasked(name: string, value: string): boolean {
  return maskObject({ [name]: value })[name] !== value;
}

/** Undefined where it is neither, and where a member comes twice in an object: of maps the API server takes both. */
function parsed(said: string): Json | undefined {
  let value: Json;
  try {
    value = parseJson(said);
  } catch {
    return asYaml(said);
  }
  return shapeOf(Buffer.from(said)).names === membersOf(value) ? value : undefined;
}

function asYaml(said: string): Json | undefined {
  if (said.length > LONGEST_YAML) return undefined;
  const reading = readYaml(said, LONGEST_YAML);
  return reading.outcome === "read" ? (reading.value as Json) : undefined;
}

/** Its first bytes, `most` of them. */
export function cut(said: string, most: number): string {
  const bytes = Buffer.from(said);
  if (bytes.length <= most) return said;
  // Without a last character that was cut in two.
  return `${bytes
    .subarray(0, most)
    .toString()
    .replace(/\uFFFD$/, "")}…`;
}
