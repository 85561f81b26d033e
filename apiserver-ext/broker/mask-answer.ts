/** Answers in JSON, as they may leave. What cannot be read cannot be masked, and does not leave. */
import { isObject, type JsonObject } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { withoutValuesIn } from "#core/mask/known-json.ts";
import { type KnownValues, withoutValues } from "#core/mask/values.ts";
import { maskAnswer, maskText } from "#core/mask.ts";
import { StatusError } from "#kit/status.ts";
import { asSecrets } from "./secrets.ts";

/** How an answer is masked. */
export interface Masks {
  /** It comes from `secure-secrets`: it is masked already, and is to come back as it is. */
  ofSecrets: boolean;
  known: KnownValues;
}

/**
 * The text as it is where nothing in it is masked.
 * @throws {StatusError} InternalError: it is no JSON object.
 */
export function maskedJson(text: string, masks: Masks): string {
  const value = parsed(text);
  if (!isObject(value)) throw unmaskable();
  const masked = JSON.stringify(shown(value, masks));
  // Numbers and escapes that JSON writes in several ways stay as they came.
  return masked === JSON.stringify(value) ? text : masked;
}

/** One event of a watch, on one line without its end. */
export function maskedEvent(line: string, masks: Masks): string {
  const event = parsed(line);
  if (!isObject(event) || !isObject(event["object"])) throw unmaskable();
  const masked = JSON.stringify({ ...event, object: shown(event["object"], masks) });
  return masked === JSON.stringify(event) ? line.trimEnd() : masked;
}

function shown(object: JsonObject, { ofSecrets, known }: Masks): JsonObject {
  return ofSecrets ? asSecrets(object) : withoutValuesIn(known, maskAnswer(object));
}

/** Text that is about no object. */
export function maskedText(text: string, { known }: Masks): string {
  return withoutValues(known, maskText(text));
}

function parsed(text: string) {
  try {
    return parseJson(text);
  } catch {
    throw unmaskable();
  }
}

export function unmaskable(): StatusError {
  return new StatusError("InternalError", "the answer cannot be masked, and so is not shown");
}
