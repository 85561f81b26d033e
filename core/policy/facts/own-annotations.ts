/** Whether an agent writes annotations that are people's and Hoop's. */
import { type AdmissionRequest, type Json, type JsonObject, member } from "../../admission.ts";

/** Annotations with this prefix are Hoop's; only this one may be an agent's. */
const OWN_PREFIX = "hoop.dev/";
const REASON = "hoop.dev/reason";

/** The annotations that Hoop itself puts on this agent's objects. */
type Stamps = Readonly<Record<string, string>>;

/**
 * The first annotation under our prefix that differs and that the agent may not write, as `KEY at JSON-POINTER`, in a
 * list of at most one. Wherever in the object annotations stand: a pod template's become those of its pods.
 */
export function writtenAnnotations({ object, oldObject }: AdmissionRequest, stamps: Stamps): string[] {
  if (object === null) return [];
  const found = changedAnnotation(object, oldObject ?? undefined, stamps);
  return found === undefined ? [] : [`${found.key}${found.at && ` at ${found.at}`}`];
}

/**
 * `at` is a JSON Pointer, "" for the object itself. Every write passes here, as large and as deep as agents please: both
 * sides are walked at once, and nothing is made but for what is found.
 */
function changedAnnotation(
  now: Json | undefined,
  before: Json | undefined,
  stamps: Stamps,
): { key: string; at: string } | undefined {
  const key = changedKey(annotationsOf(now), annotationsOf(before), stamps);
  if (key !== undefined) return { key, at: "" };
  for (const name of memberNames(now, before)) {
    // What managedFields hold are names of fields, not annotations.
    if (name === "managedFields") continue;
    const [inner, innerBefore] = [memberOf(now, name), memberOf(before, name)];
    if (!isContainer(inner) && !isContainer(innerBefore)) continue;
    const found = changedAnnotation(inner, innerBefore, stamps);
    if (found !== undefined)
      return { ...found, at: `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}${found.at}` };
  }
  return undefined;
}

function changedKey(now: JsonObject, before: JsonObject, stamps: Stamps): string | undefined {
  return memberNames(now, before).find(
    (key) =>
      key.startsWith(OWN_PREFIX) &&
      key !== REASON &&
      now[key] !== before[key] &&
      !(Object.hasOwn(stamps, key) && now[key] === stamps[key]),
  );
}

const annotationsOf = (value: Json | undefined) => member(member(value, "metadata"), "annotations");

/** Of an object's members or a list's items, on either side. */
function memberNames(now: Json | undefined, before: Json | undefined): string[] {
  const names = isContainer(now) ? Object.keys(now) : [];
  const gone = isContainer(before)
    ? Object.keys(before).filter((name) => memberOf(now, name) === undefined)
    : [];
  return gone.length === 0 ? names : [...names, ...gone];
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  return isContainer(value) && Object.hasOwn(value, name) ? (value as JsonObject)[name] : undefined;
}

function isContainer(value: Json | undefined): value is JsonObject | Json[] {
  return typeof value === "object" && value !== null;
}
