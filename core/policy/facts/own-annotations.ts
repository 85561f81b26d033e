/** Whether an agent writes annotations that are people's and Hoop's. */
import { type AdmissionRequest, isObject, type Json, type JsonObject, member } from "../../admission.ts";

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
  for (const name of containerNames(now, before)) {
    // What managedFields hold are names of fields, not annotations.
    if (name === "managedFields") continue;
    const found = changedAnnotation(memberOf(now, name), memberOf(before, name), stamps);
    if (found !== undefined)
      return { ...found, at: `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}${found.at}` };
  }
  return undefined;
}

function changedKey(now: JsonObject, before: JsonObject, stamps: Stamps): string | undefined {
  if (now === NONE && before === NONE) return undefined;
  return memberNames(now, before).find(
    (key) =>
      key.startsWith(OWN_PREFIX) &&
      key !== REASON &&
      now[key] !== before[key] &&
      !(Object.hasOwn(stamps, key) && now[key] === stamps[key]),
  );
}

const NONE: JsonObject = {};

function annotationsOf(value: Json | undefined): JsonObject {
  if (!isObject(value) || !isObject(value["metadata"])) return NONE;
  return member(value["metadata"], "annotations");
}

/** Of an object's members or a list's items, on either side. */
function memberNames(now: Json | undefined, before: Json | undefined): string[] {
  const names = isContainer(now) ? Object.keys(now) : [];
  const gone = isContainer(before)
    ? Object.keys(before).filter((name) => memberOf(now, name) === undefined)
    : [];
  return gone.length === 0 ? names : [...names, ...gone];
}

/** Of the members and items that are objects or lists, on either side. */
function containerNames(now: Json | undefined, before: Json | undefined): readonly string[] {
  let names: string[] | undefined;
  if (isContainer(now))
    for (const name of Object.keys(now)) if (isContainer(now[name])) names = added(names, name);
  if (isContainer(before))
    for (const name of Object.keys(before))
      if (isContainer(before[name]) && !isContainer(memberOf(now, name))) names = added(names, name);
  return names ?? NO_NAMES;
}

const NO_NAMES: readonly string[] = [];

function added(names: string[] | undefined, name: string): string[] {
  if (names === undefined) return [name];
  names.push(name);
  return names;
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  return isContainer(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** A list, too: its items have names as members have. */
function isContainer(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null;
}
