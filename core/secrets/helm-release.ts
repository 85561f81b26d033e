/**
 * Helm's releases, kept in Secrets of type `helm.sh/release.v1`: what is in one is shown but for what is secret, and what
 * is sent back is taken for what it stands for. Pure.
 *
 * A text that holds a secret is shown with a mark of its own, a placeholder over all of the text. Sent back as it was
 * shown, it is the text that is there; anything else that holds a mark is refused. So nothing is ever stored that only
 * stands for a value.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { isObject, type Json, type JsonObject, text } from "../admission.ts";
import { parseJson } from "../json.ts";
import { type KnownValues, knownValues, withoutValues } from "../mask/values.ts";
import { maskObject, maskText } from "../mask.ts";
import type { CoreSecret } from "./backend.ts";
import { maskedManifest, secretsOf } from "./helm-manifest.ts";
import { holdsMask } from "./placeholder.ts";

const TYPE = "helm.sh/release.v1";
const KEY = "release";
/** Of a release, written out. Larger ones are shown as any other value: to look through them takes time. */
const LARGEST = 8 * 1024 * 1024;
const GZIP = Buffer.from([0x1f, 0x8b, 0x08]);

/** What stands for a text: a placeholder. */
export type Mark = (text: string) => string;

/** Whether the value of this key is a release of Helm's. */
export function isRelease(secret: CoreSecret, key: string): boolean {
  return key === KEY && text(secret, "type") === TYPE;
}

/** As it is shown; undefined: it is none that could be read. */
export function shownRelease(value: Buffer, mark: Mark): Buffer | undefined {
  const release = read(value);
  return release && written(masked(release, mark));
}

export type ResolvedRelease =
  | { outcome: "value"; value: Buffer }
  /** As it is there. */
  | { outcome: "kept" }
  /** It holds marks of something else. */
  | { outcome: "refused" };

/**
 * @param live the release that is there; undefined: none.
 * @param mark as it was shown by.
 */
export function resolvedRelease(sent: Buffer, live: Buffer | undefined, mark: Mark): ResolvedRelease {
  const release = read(sent);
  // What nobody can read may be a value, but none that Helm could use; a placeholder in it is refused by others.
  if (release === undefined) return { outcome: "value", value: sent };
  const there = live && read(live);
  const shown = there && masked(there, mark);
  const resolved = withOriginals(release, originalsIn(there ?? {}, shown ?? {}));
  if (holdsMarks(resolved)) return { outcome: "refused" };
  if (there !== undefined && same(resolved, there)) return { outcome: "kept" };
  return { outcome: "value", value: same(resolved, release) ? sent : written(resolved) };
}

/** Base64 of gzipped JSON; of releases of long ago, of JSON. */
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

/** Files of the chart: base64. */
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
    // The notes are read by people; of the values that a chart was given, each is one.
    return original.includes("\n") ? `${shown}\n${mark(original)}` : mark(original);
  });
}

/** What Helm goes by. */
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

/** The values of the Secrets that it brought, and those that it was given by the name of one. */
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

/** By what is shown, what it stands for: of each text that is not shown as it is. */
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

/** Anywhere, and in the files of the chart. */
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

/** All its texts, with the names of the members that lead there; of items, that of their list. */
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
