/** Answers in JSON, as they may leave. What cannot be read cannot be masked, and does not leave. */
import { isObject, type Json, type JsonObject, text } from "#core/admission.ts";
import { MAX_DEPTH, parseJson } from "#core/json.ts";
import type { Exempting } from "#core/mask/exempt.ts";
import { withoutValuesIn } from "#core/mask/known-json.ts";
import type { Looks } from "#core/mask/look.ts";
import { holdsValues, type KnownValues, withoutValues } from "#core/mask/values.ts";
import { kindOfItems, maskAnswer, maskText } from "#core/mask.ts";
import { StatusError } from "#kit/status.ts";
import { asSecrets } from "../secrets/secrets.ts";
import { membersOf, shapeOf } from "./json-shape.ts";

/** How an answer is masked. */
export interface Masks {
  /** It comes from `secure-secrets`: it is masked already, and is to come back as it is. */
  ofSecrets: boolean;
  known: KnownValues;
  /** What was looked through before. Left out: nothing. */
  looks?: Looks;
  /** What the profile says is no secret. Left out: nothing. */
  exempt?: Exempting;
  /** Which columns of a table that does not describe them show secrets. */
  columns?: ReadonlySet<number>;
}

/**
 * The text as it is where nothing in it is masked.
 * @throws {StatusError} InternalError: it is no JSON object.
 */
export function maskedJson(json: string, masks: Masks): string {
  return masked(json, (object, bytes) => shown(object, masks, bytes));
}

/** One event of a watch, on one line with its end. @param columnsOf {@link Masks.columns}, by the object of the event. */
export function eventBytes(
  line: string,
  masks: Masks,
  columnsOf?: (object: JsonObject) => ReadonlySet<number>,
): Buffer {
  const event = masked(line.trimEnd(), (event, bytes) => {
    const { object } = event;
    if (!isObject(object)) throw unmaskable();
    const own = shown(
      object,
      columnsOf === undefined ? masks : { ...masks, columns: columnsOf(object) },
      bytes,
    );
    return own === object ? event : { ...event, object: own };
  });
  return Buffer.from(`${event}\n`);
}

/** Text that is about no object. */
export function maskedText(plain: string, { known }: Pick<Masks, "known">): string {
  return withoutValues(known, maskText(plain));
}

/** @param mask gives the object itself where nothing of it changes. */
export function masked(json: string, mask: (object: JsonObject, bytes: Buffer) => JsonObject): string {
  const bytes = Buffer.from(json);
  const value = parsed(json, JSON.parse);
  const { names, depth } = shapeOf(bytes);
  if (!isObject(value) || depth > MAX_DEPTH) throw unmaskable();
  // Of two members of one name only the last was looked at.
  if (mask(value, bytes) === value && names === membersOf(value)) return json;
  // Now that it is written anew: with every digit of its numbers.
  return JSON.stringify(mask(parsed(json, parseJson) as JsonObject, bytes));
}

/** The object itself where nothing of it is masked. */
export function shown(
  object: JsonObject,
  { ofSecrets, known, exempt, columns }: Masks,
  bytes: Buffer,
): JsonObject {
  if (ofSecrets) return asSecrets(object, known);
  const own = exempted(object, maskAnswer(object, columns), exempt);
  return holdsValues(known, bytes) ? withoutValuesIn(known, own) : own;
}

function exempted(before: JsonObject, after: JsonObject, exempt: Exempting | undefined): JsonObject {
  if (exempt === undefined || before === after) return after;
  const [items, maskedItems] = [before["items"], after["items"]];
  if (!Array.isArray(items) || !Array.isArray(maskedItems))
    return exempt(before, after, text(before, "kind"));
  const kind = kindOfItems(before);
  const own = maskedItems.map((item, at): Json => {
    const was = items[at];
    return isObject(item) && isObject(was) ? exempt(was, item, text(was, "kind") || kind) : item;
  });
  return { ...after, items: own };
}

function parsed(json: string, parse: (json: string) => Json): Json {
  try {
    return parse(json);
  } catch {
    throw unmaskable();
  }
}

export function unmaskable(): StatusError {
  return new StatusError("InternalError", "the answer cannot be masked, and so is not shown");
}
