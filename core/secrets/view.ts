/** A Secret as it is shown: everything but its values, and what repeats them. Pure. */
import { hash } from "node:crypto";
import { type Json, type JsonObject, list, member, text } from "../admission.ts";
import type { CoreSecret } from "./backend.ts";
import { isRelease, shownRelease } from "./helm-release.ts";
import { type Placeholders, sizeOf } from "./placeholder.ts";
import { repetitions } from "./repeats.ts";

/** Which keys of a Secret are no secret. */
export type Reveals = (secret: CoreSecret, key: string) => boolean;

export interface ViewOptions {
  placeholders: Placeholders;
  reveals: Reveals;
  /**
   * What the caller has just sent, and what was there. Values are shown by placeholders that tell nothing, and
   * annotations as they were sent, so that nobody can find out a value by trying.
   */
  sent?: { keys: ReadonlySet<string>; annotations: JsonObject; live?: Live | undefined };
}

/** A Secret as it is, with what is shown of it. */
export interface Live {
  secret: CoreSecret;
  view: SecretView;
}

/** What is shown of a Secret. */
export interface SecretView {
  metadata: JsonObject;
  type: string;
  immutable?: boolean;
  /** Base64, of a placeholder or of what is no secret. */
  data: Record<string, string>;
  sizes: Record<string, string>;
}

/** It holds the values, as kubectl applied them. */
export const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
/** Metadata that is about the Secret itself and of no use, or of harm, on a view of it. */
const OWN_METADATA: ReadonlySet<string> = new Set([
  "ownerReferences",
  "managedFields",
  "selfLink",
  "annotations",
]);
/** In place of an annotation that repeats a value, or may. Through a view it can neither be changed nor removed. */
export const REPEATED = "[masked: Secret value]";

export function viewOf(secret: CoreSecret, options: ViewOptions): SecretView {
  const { immutable } = secret;
  const values = valuesOf(secret);
  const data: Record<string, string> = {};
  const sizes: Record<string, string> = {};
  for (const [key, encoded] of values) {
    const value = Buffer.from(encoded, "base64");
    define(data, key, shownValue(secret, key, value, options));
    define(sizes, key, sizeOf(value.length));
  }
  return {
    metadata: shownMetadata(secret, shownAnnotations(secret, values, options.sent)),
    type: text(secret, "type"),
    ...(typeof immutable === "boolean" ? { immutable } : {}),
    data,
    sizes,
  };
}

export function liveOf(secret: CoreSecret, options: ViewOptions): Live {
  return { secret, view: viewOf(secret, options) };
}

/** The same of what a list tells without the values. What annotations repeat of these, nobody knows. */
export function summaryOf(secret: CoreSecret): SecretView {
  return { metadata: shownMetadata(secret, {}), type: text(secret, "type"), data: {}, sizes: {} };
}

/** `data` of the Secret: keys and base64. */
export function valuesOf(secret: CoreSecret): [key: string, value: string][] {
  return Object.entries(member(secret, "data")).flatMap(([key, value]) =>
    typeof value === "string" ? [[key, value]] : [],
  );
}

/** The uid of the Secret itself. */
export function secretUid(secret: CoreSecret): string {
  return text(member(secret, "metadata"), "uid");
}

function shownValue(
  secret: CoreSecret,
  key: string,
  value: Buffer,
  { placeholders, reveals, sent }: ViewOptions,
): string {
  if (reveals(secret, key)) return value.toString("base64");
  const spot = { uid: secretUid(secret), key };
  const mark = (text: string | Buffer) =>
    sent?.keys.has(key) === true ? placeholders.fresh(spot) : placeholders.of(spot, Buffer.from(text));
  const release = isRelease(secret, key) ? shownRelease(value, mark) : undefined;
  return (release ?? Buffer.from(mark(value))).toString("base64");
}

function shownMetadata(secret: CoreSecret, annotations: JsonObject): JsonObject {
  const metadata = member(secret, "metadata");
  const shown: JsonObject = {};
  for (const [name, value] of Object.entries(metadata)) if (!OWN_METADATA.has(name)) shown[name] = value;
  if (Object.keys(annotations).length > 0) shown["annotations"] = annotations;
  shown["uid"] = viewUid(secretUid(secret));
  return shown;
}

/** Without what repeats values of the Secret, as it was and as it is. */
function shownAnnotations(
  secret: CoreSecret,
  values: readonly (readonly [string, string])[],
  { annotations: sent = {}, live }: Partial<NonNullable<ViewOptions["sent"]>> = {},
): JsonObject {
  const before = live === undefined ? [] : valuesOf(live.secret);
  const repeats = repetitions([...values, ...before].map(([, encoded]) => encoded));
  const masked = member(live?.view.metadata, "annotations");
  const annotations = Object.entries(member(member(secret, "metadata"), "annotations"));
  const shown: JsonObject = {};
  for (const [name, value] of annotations) {
    if (name === LAST_APPLIED || typeof value !== "string") continue;
    const isTold = sent[name] === value || cameThroughUs(secret, name);
    define(shown, name, masked[name] === REPEATED || (!isTold && repeats(value)) ? REPEATED : value);
  }
  return shown;
}

/**
 * Whether the annotation is as somebody wrote it through a view. He sees what he wrote: were it masked where it holds a
 * value, he could try out values there.
 */
function cameThroughUs(secret: CoreSecret, annotation: string): boolean {
  const owners = list(member(secret, "metadata"), "managedFields").filter((entry) =>
    Object.hasOwn(
      member(member(member(entry, "fieldsV1"), "f:metadata"), "f:annotations"),
      `f:${annotation}`,
    ),
  );
  return owners.length > 0 && owners.every((entry) => text(entry, "manager").startsWith(MANAGER));
}

/** What every field manager that writes through a view is called in the Secret's managedFields. */
const MANAGER = "hoop:";
const LONGEST_MANAGER = 128;

export function managerThroughUs(fieldManager: string): string {
  return `${MANAGER}${fieldManager}`.slice(0, LONGEST_MANAGER);
}

/** RFC 9562, version 5, in a name space of our own: a view is another object than the Secret, to the garbage collector too. */
function viewUid(uid: string): string {
  const hex = hash("sha1", Buffer.concat([NAMESPACE, Buffer.from(uid)]));
  const variant = VARIANTS[Number.parseInt(hex.charAt(16), 16) % 4] ?? "";
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, variant + hex.slice(17, 20)];
  return `${parts.join("-")}-${hex.slice(20, 32)}`;
}

const NAMESPACE = Buffer.from("4c1d6a0f6f5e4f0d9d3e0f2d6b7a8c91", "hex");
const VARIANTS = "89ab";

// An assignment to `__proto__` would make no member.
function define<T extends Json>(object: Record<string, T>, name: string, value: T): void {
  if (name !== "__proto__") object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}
