/**
 * Whether a JSON text says more than the value that it is parsed into: of two members with one name only the last is left, and
 * so the first would never be looked at.
 */
import { isObject, type Json } from "#core/admission.ts";

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];

/** How many names of members the text has, and how deeply it is nested. The text must be JSON. */
export function shapeOf(json: Uint8Array): { names: number; depth: number } {
  let [names, deepest, depth] = [0, 0, 0];
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) at = endOfString(json, at + 1);
    else if (byte === COLON) names++;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) deepest = Math.max(deepest, ++depth);
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
  return { names, depth: deepest };
}

function endOfString(json: Uint8Array, from: number): number {
  let at = from;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** How many members all objects in the value have. Fewer than the text has names: one stood twice. */
export function membersOf(value: Json): number {
  if (Array.isArray(value)) {
    let count = 0;
    for (const item of value) if (typeof item === "object") count += membersOf(item);
    return count;
  }
  if (!isObject(value)) return 0;
  const names = Object.keys(value);
  let count = names.length;
  for (const name of names) {
    const item = value[name];
    if (typeof item === "object") count += membersOf(item);
  }
  return count;
}
