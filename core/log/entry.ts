/** Entries as leaves: canonical JSON in UTF-8, so that equal entries are equal bytes. */
import { isObject, type Json, type JsonObject } from "../admission.ts";
import { canonical } from "../canonical.ts";
import { parseJson } from "../json.ts";
import { MAX_ENTRY_BYTES } from "./hash.ts";

/** @throws RangeError for an entry too long for a leaf: what makes it long has to be a payload. */
export function encodeEntry(entry: Json): Buffer {
  const bytes = Buffer.from(canonical(entry));
  if (bytes.length > MAX_ENTRY_BYTES)
    throw new RangeError(`an entry of ${bytes.length} bytes is longer than ${MAX_ENTRY_BYTES}`);
  return bytes;
}

/** Undefined for bytes that encodeEntry does not write, and for what is not an object. */
export function decodeEntry(bytes: Uint8Array): JsonObject | undefined {
  try {
    const entry = parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
    return isObject(entry) && Buffer.from(canonical(entry)).equals(bytes) ? entry : undefined;
  } catch {
    return undefined;
  }
}
