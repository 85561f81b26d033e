/**
 * Helm keeps each release in a Secret. It is shown unpacked and without what is secret in it, and what Helm sends back is
 * turned into the release again. Pure.
 *
 * For that, each text with a secret in it is shown with a mark: a placeholder that is made of the whole text. A text that
 * comes back exactly as it was shown becomes the original. Any other text with a mark in it is refused, so that no mark is
 * ever stored in place of a value.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { isObject, type Json, type JsonObject, text } from "../admission.ts";
import { parseJson } from "../json.ts";
import { type KnownValues, knownValues, withoutValues } from "../mask/values.ts";
import { maskObject, maskText } from "../mask.ts";
import type { CoreSecret } from "./backend.ts";
import { maskedManifest, secretsOf } from "./helm-manifest.ts";
import { holdsMask } from "./placeholder.ts";

/** The type of the Secrets that Helm keeps its releases in, and the one key they have. */
export const RELEASE_TYPE = "helm.sh/release.v1";
const KEY = "release";
/** Bytes of a release once it is unpacked. To look through a larger one would take too long: it is hidden as one value. */
const LARGEST = 8 * 1024 * 1024;
const GZIP = Buffer.from([0x1f, 0x8b, 0x08]);

/** Gives the placeholder that stands for a text. */
export type Mark = (text: string) => string;

/** Whether the value of this key is a release of Helm's. */
export function isRelease(secret: CoreSecret, key: string): boolean {
  return key === KEY && text(secret, "type") === RELEASE_TYPE;
}

/** The value as it is shown; undefined: it is no release that could be read. */
export function shownRelease(value: Buffer, mark: Mark): Buffer | undefined {
  const release = read(value);
  return release && written(masked(release, mark));
}

export type ResolvedRelease =
  | { outcome: "value"; value: Buffer }
  /** Nothing changes: the value that is there stays, byte by byte. */
  | { outcome: "kept" }
  /** It holds marks of something else. */
  | { outcome: "refused" };

/**
 * What a value that was sent stands for.
 * @param live the value that is there now; undefined: none.
 * @param mark the one with which `live` was shown.
 */
export function resolvedRelease(sent: Buffer, live: Buffer | undefined, mark: Mark): ResolvedRelease {
  const release = read(sent);
  // No release: it is stored as it is. Whoever calls this refuses placeholders in it.
  if (release === undefined) return { outcome: "value", value: sent };
  const there = live && read(live);
  const shown = there && masked(there, mark);
  const resolved = withOriginals(release, originalsIn(there ?? {}, shown ?? {}));
  if (holdsMarks(resolved)) return { outcome: "refused" };
  if (there !== undefined && same(resolved, there)) return { outcome: "kept" };
  return { outcome: "value", value: same(resolved, release) ? sent : written(resolved) };
}

/** It is gzipped JSON in base64; releases of old Helm versions are not gzipped. */
function read(value: Buffer): JsonObject | undefined {
  try {
    const packed = Buffer.from(value.toString("latin1"), "base64");
    const isPacked = packed.subarray(0, GZIP.length).equals(GZIP);
    const json = isPacked ? gunzipSync(packed, { maxOutputLength: LARGEST }) : packed;
    const release = parseJson(json.toString());
    return isObject(release) ? release : undefined;
  } catch {
    return undefined;
  }
}

function written(release: JsonObject): Buffer {
  return Buffer.from(gzipSync(JSON.stringify(release)).toString("base64"));
}

/** Members of the chart whose items are files, in base64. */
const FILES: ReadonlySet<string> = new Set(["templates", "files"]);

function masked(release: JsonObject, mark: Mark): JsonObject {
  const known = knownValues(secretsIn(release).map((value) => Buffer.from(value)));
  return mapTexts(release, (original, path) => {
    const last = path.at(-1);
    if (last === "manifest") return maskedManifest(original, known, mark);
    if (last === "data" && path[0] === "chart" && FILES.has(path[1] ?? ""))
      return maskedFile(original, known);
    const shown = isIdentity(path) ? original : maskedLeaf(original, last ?? "", known);
    if (shown === original) return original;
    // A long text, such as the notes, is for people to read: they see it, without its secrets, above its mark.
    return original.includes("\n") ? `${shown}\n${mark(original)}` : mark(original);
  });
}

/** Names, versions and labels, by which Helm finds a release: never masked. */
function isIdentity(path: readonly string[]): boolean {
  return path.length === 1 || path[0] === "labels" || (path[0] === "chart" && path[1] === "metadata");
}

function maskedLeaf(original: string, name: string, known: KnownValues): string {
  const byName = maskObject({ [name]: original })[name];
  return withoutValues(known, typeof byName === "string" ? byName : maskText(original));
}

function maskedFile(encoded: string, known: KnownValues): string {
  const plain = Buffer.from(encoded, "base64").toString("latin1");
  const shown = withoutValues(known, plain);
  return shown === plain ? encoded : Buffer.from(shown, "latin1").toString("base64");
}

/** The values of the Secrets that it installed, and those in its configuration whose names say that they are secret. */
function secretsIn(release: JsonObject): string[] {
  const values: string[] = [];
  mapTexts(release, (original, path) => {
    const last = path.at(-1) ?? "";
    if (last === "manifest") values.push(...secretsOf(original));
    else if (
      path[0] === "config" &&
      maskObject({ [last]: original })[last] !== original &&
      !original.includes("\n")
    )
      values.push(original);
    return original;
  });
  return values;
}

/** The original of each text that was not shown as it is, by what was shown. Without those that could be two originals. */
function originalsIn(there: JsonObject, shown: JsonObject): ReadonlyMap<string, string> {
  const originals: string[] = [];
  mapTexts(there, (original) => {
    originals.push(original);
    return original;
  });
  const found = new Map<string, string>();
  const unclear = new Set<string>();
  let at = 0;
  mapTexts(shown, (one) => {
    const original = originals[at++] ?? "";
    if ((found.get(one) ?? original) !== original) unclear.add(one);
    if (original !== one) found.set(one, original);
    return one;
  });
  for (const one of unclear) found.delete(one);
  return found;
}

function withOriginals(release: JsonObject, originals: ReadonlyMap<string, string>): JsonObject {
  return mapTexts(release, (one) => originals.get(one) ?? one);
}

/** Whether a mark is left in any text, or in a file of the chart. */
function holdsMarks(release: JsonObject): boolean {
  let holds = false;
  mapTexts(release, (one, path) => {
    const plain = path.at(-1) === "data" ? Buffer.from(one, "base64").toString("latin1") : "";
    holds ||= holdsMask(one) || one.includes("[masked: ") || plain.includes("[masked:");
    return one;
  });
  return holds;
}

function same(a: JsonObject, b: JsonObject): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Maps every text in it. `path`: the names of the members that lead to it; the items of a list have the path of the list. */
function mapTexts(
  object: JsonObject,
  map: (text: string, path: readonly string[]) => string,
  path: readonly string[] = [],
): JsonObject {
  const one = (value: Json, at: readonly string[]): Json => {
    if (typeof value === "string") return map(value, at);
    if (Array.isArray(value)) return value.map((item) => one(item, at));
    return isObject(value) ? mapTexts(value, map, at) : value;
  };
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, one(value, [...path, name])]),
  );
}
