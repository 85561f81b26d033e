/** What of a body lies in the ledger: masked, and as long as is kept. */
import { isObject, type Json, text } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { withoutValuesIn } from "#core/mask/known-json.ts";
import { looksSecret } from "#core/mask/patterns.ts";
import { type KnownValues, withoutValues } from "#core/mask/values.ts";
import { maskObject, maskText } from "#core/mask.ts";
import { readYaml } from "#kit/yaml.ts";

export interface Keeping {
  /** The values of Secrets that it may repeat. */
  known: KnownValues;
  /** So many bytes are kept. */
  most: number;
}

/** Beyond this a body in YAML is kept as text. */
const LONGEST_YAML = 256 * 1024;
/** Of a body that is longer than what is kept by more than this, no more is looked at: no value ends behind it. */
const MARGIN = 64 * 1024;

/**
 * What is no object is told as text. In protobuf and CBOR a value stands without the name by which it would be known as
 * a secret: the entry has their hash, and the object is in the admission entry.
 */
export function readable(body: Buffer, { known, most }: Keeping): Json {
  const said = body.toString();
  if (said.includes("\0") || !Buffer.from(said).equals(body)) return "[not kept: no text]";
  if (said.length > most + MARGIN)
    return cut(withoutValues(known, maskText(said.slice(0, most + MARGIN))), most);
  const value = asJson(said) ?? asYaml(said);
  if (!isObject(value) && !Array.isArray(value)) return cut(withoutValues(known, maskText(said)), most);
  const masked = isObject(value) ? withoutValuesIn(known, maskObject(value)) : patched(value, known);
  const isSmall = body.length <= most;
  return isSmall ? masked : cut(JSON.stringify(masked), most);
}

/** A patch in JSON: what it sets is known as a secret by the end of the path. */
function patched(operations: readonly Json[], known: KnownValues): Json {
  return operations.map((one) => {
    if (!isObject(one)) return one;
    const name = text(one, "path").split("/").at(-1) ?? "";
    const { value } = one;
    const isSecret = typeof value === "string" && (looksSecret(name, value) || isMasked(name, value));
    return withoutValuesIn(known, {
      ...maskObject(one),
      ...(isSecret ? { value: "[masked: value]" } : {}),
    });
  });
}

function isMasked(name: string, value: string): boolean {
  return maskObject({ [name]: value })[name] !== value;
}

function asJson(said: string): Json | undefined {
  try {
    return parseJson(said);
  } catch {
    return undefined;
  }
}

function asYaml(said: string): Json | undefined {
  if (said.length > LONGEST_YAML) return undefined;
  const reading = readYaml(said, LONGEST_YAML);
  return reading.outcome === "read" ? (reading.value as Json) : undefined;
}

/** As many bytes of it as are kept. */
export function cut(said: string, most: number): string {
  const bytes = Buffer.from(said);
  if (bytes.length <= most) return said;
  // A character that is cut in two is left out.
  return `${bytes
    .subarray(0, most)
    .toString()
    .replace(/\uFFFD$/, "")}…`;
}
