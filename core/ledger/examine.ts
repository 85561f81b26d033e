/** What a verifier has to know of an entry, by its bytes alone. */
import { isObject, type Json, type JsonObject } from "../admission.ts";
import type { Examined } from "../log/contents.ts";
import { decodeEntry } from "../log/entry.ts";
import type { Span } from "../log/erasures.ts";

const DIGEST = /^[0-9a-f]{64}$/;

export function examineEntry(bytes: Uint8Array): Examined {
  const entry = decodeEntry(bytes);
  return entry === undefined ? { malformed: "not canonical JSON" } : examined(entry);
}

export function examined(entry: JsonObject): Examined {
  return { payload: payloadOf(entry), erases: erasesOf(entry) };
}

/** The first entries had their payloads in themselves. */
function payloadOf({ schema, payload }: JsonObject): Buffer | undefined {
  if (schema === "hoop.dev/admission/v1" || !isObject(payload)) return undefined;
  const { digest } = payload;
  return typeof digest === "string" && DIGEST.test(digest) ? Buffer.from(digest, "hex") : undefined;
}

function erasesOf({ kind, spans }: JsonObject): Span[] | undefined {
  return kind === "erasure" && Array.isArray(spans) ? spans.flatMap(spanOf) : undefined;
}

function spanOf(span: Json): Span[] {
  const { from, to } = isObject(span) ? span : {};
  return typeof from === "number" && typeof to === "number" ? [[from, to]] : [];
}
