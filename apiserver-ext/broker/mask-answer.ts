/** Answers in JSON, as they may leave. What cannot be read cannot be masked, and does not leave. */
import { isObject } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import { maskAnswer } from "#core/mask.ts";
import { StatusError } from "#kit/status.ts";

/** What else is done to each answer: text that the masks would not know. */
export type Scrub = (text: string) => string;

/**
 * The text as it is where nothing in it is masked.
 * @throws {StatusError} InternalError: it is no JSON object.
 */
export function maskedJson(text: string, scrub: Scrub): string {
  const value = parsed(text);
  if (!isObject(value)) throw unmaskable();
  const masked = JSON.stringify(maskAnswer(value));
  // Numbers and escapes that JSON writes in several ways stay as they came.
  return scrub(masked === JSON.stringify(value) ? text : masked);
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
