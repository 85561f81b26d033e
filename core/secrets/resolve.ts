/** From what a caller sends for a view to the Secret that is to be: placeholders become the values they stand for. Pure. */
import { type Json, type JsonObject, member } from "../admission.ts";
import type { CoreSecret } from "./backend.ts";
import { isRelease, resolvedRelease } from "./helm-release.ts";
import { isBulky, oversized } from "./limits.ts";
import { holdsMask, type Placeholders, type Reading } from "./placeholder.ts";
import { LAST_APPLIED, type Live, REPEATED, type Reveals, secretUid, valuesOf } from "./view.ts";

/** What is sent for a view: `data` is base64, `stringData` plain. */
export interface Sent {
  metadata: JsonObject;
  type?: string;
  immutable?: boolean;
  data?: Record<string, string>;
  stringData?: Record<string, string>;
}

export interface ResolveOptions {
  placeholders: Placeholders;
  reveals: Reveals;
  /** What is sent is a part of the Secret: what is left out stays. */
  isPart?: boolean;
}

export type Resolution =
  | {
      outcome: "resolved";
      secret: CoreSecret;
      /** The same with no value in it: what is judged, recorded and shown to approvers. */
      sealed: CoreSecret;
      /** Keys whose value the caller sent, whether it is another than before or not. */
      sent: ReadonlySet<string>;
    }
  /** A placeholder of a value that is there no more: to be read again. */
  | { outcome: "stale"; key: string }
  /** Whatever must not be. `field`: its path. */
  | { outcome: "refused"; field: string; why: string };

const FOREIGN =
  "a placeholder stands for the value of its own key in its own Secret and for nothing else; send a value, or leave the field out";
const RELEASE =
  "this release of Helm's holds what is shown in place of a value, and would store that: give all values anew " +
  "(helm upgrade --reset-values -f VALUES), instead of reusing or rolling back to those of an earlier release";
const HIDDEN = "it repeats a value of the Secret, or may, so it is not shown and cannot be changed here";
const LARGE = "too long, with the sizes of what is kept rounded up as they are shown";
const BULKY = "too much for one request: at most 10,000 keys, and 1 MiB of metadata and keys";
const IMMUTABLE = "field is immutable when `immutable` is set";

/** @param live undefined: a new one is made. */
export function resolve(sent: Sent, live: Live | undefined, options: ResolveOptions): Resolution {
  const isPart = options.isPart === true;
  const hidden = hiddenAnnotation(sent.metadata, live, isPart);
  if (hidden !== undefined)
    return { outcome: "refused", field: `metadata.annotations[${hidden}]`, why: HIDDEN };
  const misplaced = maskOutsideData(sent, live);
  if (misplaced !== undefined) return { outcome: "refused", field: misplaced, why: FOREIGN };
  if (isBulky(sent)) return { outcome: "refused", field: "metadata", why: BULKY };
  const values = resolvedData(sent, live?.secret, options);
  if (values.outcome !== "values") return values;
  const frozen = live && changesImmutable(sent, live.secret, values, isPart);
  if (frozen !== undefined) return { outcome: "refused", field: frozen, why: IMMUTABLE };
  const { metadata } = sent;
  const annotations = sentAnnotations(metadata);
  const large = oversized({ ...values, annotations, live, isPart });
  if (large !== undefined) return { outcome: "refused", field: large, why: LARGE };
  const rest = {
    apiVersion: "v1",
    kind: "Secret",
    ...(sent.type === undefined || sent.type === "" ? {} : { type: sent.type }),
    ...(sent.immutable === undefined ? {} : { immutable: sent.immutable }),
  };
  return {
    outcome: "resolved",
    secret: {
      ...{ ...rest, data: values.data },
      metadata: resolvedMetadata(metadata, live, restoredAnnotations(metadata, live, isPart)),
    },
    sealed: {
      ...{ ...rest, data: values.sealed },
      metadata: resolvedMetadata(metadata, live, annotations),
    },
    sent: values.sent,
  };
}

/** The Secret with no value in it, as `resolve` seals it. */
export function seal(
  { secret, view }: Live,
  { placeholders }: Pick<ResolveOptions, "placeholders">,
): CoreSecret {
  const uid = secretUid(secret);
  const sealed = valuesOf(secret).map(([key, value]) => [
    key,
    placeholders.sealed({ uid, key }, Buffer.from(value, "base64"), "kept"),
  ]);
  const { managedFields: _, annotations: __, ...metadata } = member(secret, "metadata");
  const { annotations } = view.metadata;
  const { type, immutable } = secret;
  // In the order in which `resolve` has it, for whoever compares the two.
  return {
    ...{ apiVersion: "v1", kind: "Secret" },
    ...(type === undefined ? {} : { type }),
    ...(immutable === undefined ? {} : { immutable }),
    data: Object.fromEntries(sealed),
    metadata: { ...metadata, ...(annotations === undefined ? {} : { annotations }) },
  };
}

type Refusal = Exclude<Resolution, { outcome: "resolved" }>;
type Values =
  | { outcome: "values"; data: JsonObject; sealed: JsonObject; sent: ReadonlySet<string> }
  | Refusal;

function resolvedData(sent: Sent, live: CoreSecret | undefined, options: ResolveOptions): Values {
  const uid = live === undefined ? "" : secretUid(live);
  const there = new Map(live === undefined ? [] : valuesOf(live));
  const found = new Map<string, { bytes: Buffer; origin: "kept" | "sent" }>();
  for (const one of incoming(sent)) {
    const now = there.get(one.key);
    const value = now === undefined ? undefined : Buffer.from(now, "base64");
    const reading = options.placeholders.read({ uid, key: one.key }, one.bytes, value);
    const isRevealed = live !== undefined && options.reveals(live, one.key);
    const isOfHelm = isRelease(live ?? { type: sent.type ?? "" }, one.key);
    const mark = (text: string) => options.placeholders.of({ uid, key: one.key }, Buffer.from(text));
    const meaning =
      isOfHelm && reading === "value"
        ? meaningOfRelease(one, value, mark)
        : meaningOf(one, reading, isRevealed, value);
    if ("outcome" in meaning) return meaning;
    found.set(one.key, meaning);
  }
  const values = [...found];
  return {
    outcome: "values",
    data: Object.fromEntries(values.map(([key, { bytes }]) => [key, bytes.toString("base64")])),
    sealed: Object.fromEntries(
      values.map(([key, { bytes, origin }]) => [
        key,
        options.placeholders.sealed({ uid, key }, bytes, origin),
      ]),
    ),
    sent: new Set(values.filter(([, { origin }]) => origin === "sent").map(([key]) => key)),
  };
}

/** Placeholders stand in `data` alone: nobody writes them by hand. */
function meaningOf(
  { key, field, bytes }: Incoming,
  reading: Reading,
  isRevealed: boolean,
  value: Buffer | undefined,
): { bytes: Buffer; origin: "kept" | "sent" } | Refusal {
  if (reading === "current" && field === "data" && value) return { bytes: value, origin: "kept" };
  if (reading === "stale" && field === "data" && value) return { outcome: "stale", key };
  // Whoever can see a value tells nothing by sending it back.
  if (isRevealed && value?.equals(bytes)) return { bytes, origin: "kept" };
  return reading === "value"
    ? { bytes, origin: "sent" }
    : { outcome: "refused", field: `${field}[${key}]`, why: FOREIGN };
}

/** Of a release, each text stands for itself or for what it shows. */
function meaningOfRelease(
  { key, field, bytes }: Incoming,
  value: Buffer | undefined,
  mark: (text: string) => string,
): { bytes: Buffer; origin: "kept" | "sent" } | Refusal {
  const release = resolvedRelease(bytes, value, mark);
  switch (release.outcome) {
    case "kept":
      return { bytes: value ?? bytes, origin: "kept" };
    case "value":
      return { bytes: release.value, origin: "sent" };
    case "refused":
      return { outcome: "refused", field: `${field}[${key}]`, why: RELEASE };
  }
}

interface Incoming {
  key: string;
  field: "data" | "stringData";
  bytes: Buffer;
}

/** Every value that was sent; what is in `stringData` comes later and so wins. */
function incoming({ data = {}, stringData = {} }: Sent): Incoming[] {
  const encoded = Object.entries(data).map(([key, value]) => ({
    ...{ key, field: "data" as const, bytes: Buffer.from(value, "base64") },
  }));
  const plain = Object.entries(stringData).map(([key, value]) => ({
    ...{ key, field: "stringData" as const, bytes: Buffer.from(value) },
  }));
  return [...encoded, ...plain];
}

/**
 * What cannot be changed any more, by what was sent and never by comparing values. undefined: nothing of it is touched.
 */
function changesImmutable(
  sent: Sent,
  live: CoreSecret,
  values: { data: JsonObject; sent: ReadonlySet<string> },
  isPart: boolean,
): string | undefined {
  if (live["immutable"] !== true) return undefined;
  if (isPart) return values.sent.size > 0 ? "data" : sent.immutable === false ? "immutable" : undefined;
  if (sent.immutable !== true) return "immutable";
  const kept = Object.keys(values.data).length - values.sent.size;
  return values.sent.size > 0 || kept !== valuesOf(live).length ? "data" : undefined;
}

/** What the view does not show of the metadata stays as it is. */
const STAYS = [
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "ownerReferences",
];
const SENT = ["name", "namespace", "generateName", "resourceVersion", "finalizers", "labels"];

/** As it was sent; `annotations` in place of those. */
function resolvedMetadata(sent: JsonObject, live: Live | undefined, annotations: JsonObject): JsonObject {
  const metadata = live === undefined ? {} : member(live.secret, "metadata");
  const picked = (from: JsonObject, fields: readonly string[]) =>
    Object.fromEntries(fields.flatMap((field) => (from[field] === undefined ? [] : [[field, from[field]]])));
  return {
    ...picked(sent, SENT),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...picked(metadata, STAYS),
  };
}

/** What kubectl applied holds the values, so nothing of it is taken. */
function sentAnnotations(sent: JsonObject): JsonObject {
  const { [LAST_APPLIED]: _, ...annotations } = member(sent, "annotations");
  return annotations;
}

/** The name of an annotation that is masked, and was not left alone. */
function hiddenAnnotation(sent: JsonObject, live: Live | undefined, isPart: boolean): string | undefined {
  const wanted = member(sent, "annotations");
  return maskedAnnotations(live).find(
    (name) => wanted[name] !== REPEATED && !(isPart && wanted[name] === undefined),
  );
}

function maskedAnnotations(live: Live | undefined): string[] {
  const shown = Object.entries(member(live?.view.metadata, "annotations"));
  return shown.flatMap(([name, value]) => (value === REPEATED ? [name] : []));
}

/** What the view shows masked or not at all stays as it is. It is in no part: nobody owns what he cannot see. */
function restoredAnnotations(sent: JsonObject, live: Live | undefined, isPart: boolean): JsonObject {
  const real = member(member(live?.secret, "metadata"), "annotations");
  const hidden = new Set([...maskedAnnotations(live), LAST_APPLIED]);
  const texts = Object.entries(sentAnnotations(sent)).filter(([name]) => !hidden.has(name));
  const stays = isPart ? [] : Object.entries(real).filter(([name]) => hidden.has(name));
  return Object.fromEntries([...texts, ...stays]);
}

/** The path of a text outside of `data` that holds a mask which was not there before. */
function maskOutsideData(sent: Sent, live: Live | undefined): string | undefined {
  const { data: _, stringData: __, metadata, ...rest } = sent;
  const { annotations: ___, ...others } = metadata;
  const shown = member(live?.view.metadata, "annotations");
  const isMasked = ([name, value]: [string, Json]) =>
    holdsMask(name) || (value !== shown[name] && holdsMask(JSON.stringify(value) ?? ""));
  if (Object.entries(sentAnnotations(metadata)).some(isMasked)) return "metadata.annotations";
  const found = Object.entries({ ...others, ...(rest as JsonObject) }).find(([, value]) =>
    holdsMask(JSON.stringify(value) ?? ""),
  );
  return found && (found[0] in rest ? found[0] : `metadata.${found[0]}`);
}
