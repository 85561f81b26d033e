/** Answers in JSON, as they may leave. What cannot be read cannot be masked, and does not leave. */
import { isObject, type JsonObject } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { maskAnswer } from "#core/mask.ts";
import { StatusError } from "#kit/status.ts";
import { asSecrets } from "./secrets.ts";

/** What else is done to each answer: text that the masks would not know. */
export type Scrub = (text: string) => string;

/**
 * The text as it is where nothing in it is masked.
 * @throws {StatusError} InternalError: it is no JSON object.
 */
export function maskedJson(text: string, ofSecrets: boolean, scrub: Scrub): string {
  const value = parsed(text);
  if (!isObject(value)) throw unmaskable();
  const masked = JSON.stringify(shown(value, ofSecrets));
  // Numbers and escapes that JSON writes in several ways stay as they came.
  return scrub(masked === JSON.stringify(value) ? text : masked);
}

/** One event of a watch, on one line without its end. */
export function maskedEvent(line: string, ofSecrets: boolean, scrub: Scrub): string {
  const event = parsed(line);
  if (!isObject(event) || !isObject(event["object"])) throw unmaskable();
  const masked = JSON.stringify({ ...event, object: shown(event["object"], ofSecrets) });
  return scrub(masked === JSON.stringify(event) ? line.trimEnd() : masked);
}

/** What `secure-secrets` answers is masked already, and is to come back as it is. */
function shown(object: JsonObject, ofSecrets: boolean): JsonObject {
  return ofSecrets ? asSecrets(object) : maskAnswer(object);
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
