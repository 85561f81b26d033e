/**
 * The export that proves itself: JSON Lines, each of them canonical. The first is `{"export":…}`: the signed checkpoint
 * and what is left out. Then one line an entry: the entry, its index, its leaf hash, its payload as it is kept, and where
 * not all entries are there, its inclusion proof. The last is `{"end":…}`: the count, and SHA-256 over all before.
 */
import { isObject, type Json, type JsonObject } from "../admission.ts";
import { canonical } from "../canonical.ts";
import { parseJson } from "../json.ts";
import type { StoredPayload } from "../log/contents.ts";
import { HASH_BYTES, leafHash, MAX_ENTRY_BYTES } from "../log/hash.ts";
import { SALT_BYTES, sealPayload } from "../log/payload.ts";
import type { Exported, Extent, Format } from "./exported.ts";
import { type Filter, isFilter, parseFilter } from "./filter.ts";

const SCHEMA = "hoop.dev/export/v1";

export const jsonl: Format = {
  extension: "jsonl",
  begin: (extent) => `${canonical({ export: said(extent) })}\n`,
  line: (one) => `${lineOf(one)}\n`,
  end: (lines, digest) => `${canonical({ end: { digest, lines } })}\n`,
};

function said({ checkpoint, payloads, filter }: Extent): JsonObject {
  return {
    schema: SCHEMA,
    checkpoint,
    payloads,
    ...(filter === undefined ? {} : { filter: filter as unknown as Json }),
  };
}

/** Canonical by the order of its members. */
function lineOf({ text, index, payload, proof }: Exported): string {
  const leaf = leafHash(Buffer.from(text)).toString("base64");
  const beside = payload === undefined ? "" : `,"payload":${payloadText(payload)}`;
  const proven =
    proof === undefined ? "" : `,"proof":${JSON.stringify(proof.map((hash) => hash.toString("base64")))}`;
  return `{"entry":${text},"index":${index},"leaf":"${leaf}"${beside}${proven}}`;
}

/** Salt and value where the value can be read from the line as it was written; else the bytes. */
function payloadText(payload: Uint8Array | "erased"): string {
  if (payload === "erased") return '"erased"';
  const bytes = Buffer.from(payload);
  const text = bytes.toString("utf8", SALT_BYTES);
  return bytes.length > SALT_BYTES && isReadable(bytes, text)
    ? `{"salt":"${bytes.toString("base64", 0, SALT_BYTES)}","value":${text}}`
    : `{"sealed":"${bytes.toString("base64")}"}`;
}

function isReadable(bytes: Buffer, text: string): boolean {
  try {
    // As deep in other values as it is in its line.
    const read = parseJson(`[[${text}]]`);
    const value = Array.isArray(read) && Array.isArray(read[0]) ? read[0][0] : undefined;
    if (value === undefined) return false;
    return canonical(value) === text && Buffer.from(text).equals(bytes.subarray(SALT_BYTES));
  } catch {
    return false;
  }
}

/** What a line says; a string says why it is none. */
export type Read =
  | { readonly kind: "begin"; readonly extent: Extent }
  | { readonly kind: "entry"; readonly one: Exported }
  | { readonly kind: "end"; readonly lines: number; readonly digest: string };

/** Strict: only what is written here, to the byte. */
export function readLine(bytes: Buffer): Read | string {
  let value: Json;
  try {
    value = parseJson(bytes.toString());
  } catch {
    return "no JSON";
  }
  if (!isObject(value)) return "no line of an export";
  const read = "entry" in value ? entryIn(value) : frameIn(value);
  if (typeof read === "string") return read;
  return Buffer.from(written(read)).equals(bytes) ? read : "not as it was written";
}

function written(read: Read): string {
  const lines = {
    begin: () => read.kind === "begin" && jsonl.begin(read.extent),
    entry: () => read.kind === "entry" && jsonl.line(read.one),
    end: () => read.kind === "end" && jsonl.end(read.lines, read.digest),
  };
  return String(lines[read.kind]()).slice(0, -1);
}

function frameIn(value: JsonObject): Read | string {
  const { export: extent, end } = value;
  if (isObject(extent)) {
    const { schema, checkpoint, payloads, filter } = extent;
    if (schema !== SCHEMA) return "of a version that this command does not know";
    const wanted = filter === undefined ? undefined : filterIn(filter);
    if (typeof checkpoint !== "string" || typeof payloads !== "boolean") return "no beginning of an export";
    if (filter !== undefined && wanted === undefined) return "a filter that this command does not know";
    return { kind: "begin", extent: { checkpoint, payloads, filter: wanted } };
  }
  const { lines, digest } = isObject(end) ? end : {};
  return typeof lines === "number" && typeof digest === "string"
    ? { kind: "end", lines, digest }
    : "no line of an export";
}

/** What asks for nothing is no filter: all entries would have to be there. */
function filterIn(said: JsonObject[string]): Filter | undefined {
  const filter = parseFilter(said);
  return filter !== undefined && isFilter(filter) ? filter : undefined;
}

function entryIn({ entry, index, payload, proof }: JsonObject): Read | string {
  if (!isObject(entry) || typeof index !== "number" || !Number.isSafeInteger(index)) return "no entry";
  const text = canonical(entry);
  if (Buffer.byteLength(text) > MAX_ENTRY_BYTES) return "an entry that is too long for one";
  const kept = payload === undefined ? undefined : payloadIn(payload);
  const hashes = proof === undefined ? undefined : proofIn(proof);
  if (payload !== undefined && kept === undefined) return "a payload that is none";
  if (proof !== undefined && hashes === undefined) return "a proof that is none";
  return { kind: "entry", one: { index, text, entry, payload: kept, proof: hashes } };
}

function payloadIn(payload: Json): StoredPayload {
  if (payload === "erased") return "erased";
  if (!isObject(payload)) return undefined;
  const { salt, value, sealed } = payload;
  if (typeof sealed === "string") return Buffer.from(sealed, "base64");
  const bytes = typeof salt === "string" ? Buffer.from(salt, "base64") : undefined;
  return bytes?.length === SALT_BYTES && value !== undefined
    ? sealPayload(bytes, Buffer.from(canonical(value)))
    : undefined;
}

function proofIn(proof: Json): Buffer[] | undefined {
  if (!Array.isArray(proof)) return undefined;
  const hashes = proof.map((hash) => Buffer.from(typeof hash === "string" ? hash : "", "base64"));
  return hashes.every((hash) => hash.length === HASH_BYTES) ? hashes : undefined;
}
