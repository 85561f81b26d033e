/** Entries as the lines that the store appends, with their payloads sealed beside them. */
import { isObject, type Json, type JsonObject } from "../admission.ts";
import { canonical } from "../canonical.ts";
import { MAX_ENTRY_BYTES } from "../log/hash.ts";
import { payloadDigest, SALT_BYTES, sealPayload } from "../log/payload.ts";
import type { Random } from "../ports.ts";
import type { Entry } from "./entry.ts";

/** A line and its payload, as the storage port takes them. */
export interface LineWithPayload {
  line: string;
  payload: Uint8Array;
}

/** The line of an entry that has no payload. What is too long for an entry is shortened, and says so. */
export function lineOf(entry: Entry): string {
  const line = canonical(json(entry));
  return fits(line) ? line : shortLine(json(entry));
}

/** The same, but where the entry has to be shortened, the whole of it is its payload, as `entry`. */
export function lineKeepingAll(entry: Entry, random: Pick<Random, "bytes">): string | LineWithPayload {
  const line = canonical(json(entry));
  return fits(line) ? line : lineWithPayload(entry, {}, random);
}

/**
 * The line of an entry, and its payload: kept behind salt of its own, so that its digest tells nothing once both are
 * erased. Where the entry has to be shortened, the payload has the whole of it, as `entry`.
 */
export function lineWithPayload(
  entry: Entry,
  payload: JsonObject,
  random: Pick<Random, "bytes">,
): LineWithPayload {
  const sealed = seal(payload, random);
  const line = canonical({ ...json(entry), payload: sealed.says });
  if (fits(line)) return { line, payload: sealed.bytes };
  const all = seal({ ...payload, entry: json(entry) }, random);
  return { line: shortLine({ ...json(entry), payload: all.says }), payload: all.bytes };
}

function seal(payload: Json, random: Pick<Random, "bytes">): { bytes: Buffer; says: JsonObject } {
  const text = Buffer.from(canonical(payload));
  const bytes = sealPayload(random.bytes(SALT_BYTES), text);
  return { bytes, says: { digest: payloadDigest(bytes).toString("hex"), size: text.length } };
}

function fits(line: string): boolean {
  return Buffer.byteLength(line) <= MAX_ENTRY_BYTES;
}

interface Limits {
  characters: number;
  items: number;
  itemCharacters: number;
}

/** A character may take six bytes. The last ones leave nothing that could still be too long. */
const LIMITS: readonly Limits[] = [
  { characters: 2_000, items: 50, itemCharacters: 250 },
  { characters: 300, items: 10, itemCharacters: 100 },
];

function shortLine(entry: JsonObject): string {
  const lines = LIMITS.map((limits) => canonical({ ...shortened(entry, limits), shortened: true }));
  const line = lines.find(fits);
  if (line === undefined) throw new RangeError("an entry that cannot be shortened to what a leaf can hold");
  return line;
}

/** Its strings, lists and objects to these limits; `agent` and `decision` are as large as entries. */
function shortened(entry: JsonObject, limits: Limits): JsonObject {
  const item = (value: Json): Json => {
    if (typeof value === "string") return cut(value, limits.itemCharacters);
    return isObject(value) ? mapped(value, (_, inner) => item(inner)) : value;
  };
  return mapped(entry, (name, value) => {
    if (typeof value === "string") return cut(value, limits.characters);
    if (Array.isArray(value)) return value.slice(0, limits.items).map(item);
    if (name === "agent" || name === "decision") return isObject(value) ? shortened(value, limits) : value;
    return isObject(value) ? mapped(value, (_, inner) => item(inner)) : value;
  });
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most).toWellFormed()}…`;
}

function mapped(object: JsonObject, map: (name: string, value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(name, value)]));
}

/** Static types of schemas have optional members, which canonical JSON leaves out. */
function json(entry: Entry): JsonObject {
  return entry as unknown as JsonObject;
}
