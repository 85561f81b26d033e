/** What an approver sees of a request: the change as a diff of YAML, masked and with nothing invisible in it. */
import { formatPatch, OMIT_HEADERS, structuredPatch } from "diff";
import { type ScalarTag, stringify } from "yaml";
import { type AdmissionRequest, ExactNumber, isObject, type Json, type JsonObject } from "./admission.ts";
import { canonical } from "./canonical.ts";
import { connectWords, type ForwardedPorts } from "./connect.ts";
import { placeOf } from "./digest/changed-at.ts";
import { type Change, changesBetween, isSame, type Path, valueAt } from "./digest/changes.ts";
import { withoutServerFilled } from "./digest/server-filled.ts";
import { maskObject } from "./mask.ts";
import { printable } from "./printable.ts";

interface Described {
  /** A unified diff: all `+` for CREATE, all `-` for DELETE, "" for CONNECT. Never cut. */
  diff: string;
  /** The object as it would be; absent for DELETE and CONNECT. */
  object?: JsonObject;
  /** The options of a DELETE or CONNECT. */
  options?: JsonObject;
  /** What a CONNECT is for, as {@link connectWords}. */
  wants?: string;
}

const CONTEXT_LINES = 3;
/** Beyond this many changed lines the search for the smallest diff takes too long, and nobody could read it. */
const MAX_EDITS = 1000;
const MAX_MARKS = 500;
/** Indentation makes text grow with the square of its depth: a megabyte of brackets would be a hundred of YAML. */
const MAX_INDENTS = 32;
const MASKED = /\[masked: [^\]]*\]/;
const CHANGED = "[masked: changed]";

/**
 * The request's change, masked. The diff is about what the digest covers: what the server fills in by itself is
 * left out, and a masked value that changes is `[masked: changed]` in its new form.
 * @param forwarded the ports that its session may forward.
 */
export function describeChange(request: AdmissionRequest, forwarded?: ForwardedPorts): Described {
  const before = visible(request.oldObject, request);
  const after = visible(request.object, request);
  switch (request.operation) {
    case "CREATE":
      return { diff: prefixed("+", yaml(maskObject(after))), ...concrete(request) };
    case "UPDATE":
      return { diff: updateDiff(before, after), ...concrete(request) };
    case "DELETE":
      return { diff: prefixed("-", yaml(maskObject(before))), ...optionsOf(request.options) };
    // kube-apiserver sends the options of a CONNECT as its object.
    case "CONNECT":
      return {
        diff: "",
        wants: connectWords(request, forwarded),
        ...optionsOf(request.object),
      };
    default:
      return request.operation satisfies never;
  }
}

/** The unified diff of two texts, "" for equal ones. Where they are too far apart it is all of both. */
export function diffTexts(before: string, after: string): string {
  if (before === after) return "";
  const patch = structuredPatch("", "", ended(before), ended(after), undefined, undefined, {
    context: CONTEXT_LINES,
    maxEditLength: MAX_EDITS,
  });
  return patch === undefined
    ? [prefixed("-", before), prefixed("+", after)].filter((part) => part !== "").join("\n")
    : printable(formatPatch(patch, OMIT_HEADERS), { multiline: true }).replace(/\n$/, "");
}

/** Of one object, the old or the new one: values of any kind, and units of text. */
const MOST_VALUES = 20_000;
const MOST_TEXT = 1024 * 1024;

/**
 * Why people cannot be shown what the request changes, undefined where they can. Nothing is ever left out of what is
 * shown, so what is larger than this can neither be read nor be described while others wait.
 */
export function tooLargeToShow({ object, oldObject }: AdmissionRequest): string | undefined {
  for (const one of [object, oldObject]) {
    const why = one === null ? undefined : tooLarge(one);
    if (why !== undefined) return why;
  }
  return undefined;
}

function tooLarge(object: JsonObject): string | undefined {
  let [values, units] = [0, 0];
  const next: Json[] = [withoutManaged(object)];
  for (let value = next.pop(); value !== undefined; value = next.pop()) {
    for (const [name, part] of partsOf(value)) {
      units += name.length;
      next.push(part);
    }
    units += typeof value === "string" ? value.length : 0;
    if (++values > MOST_VALUES) return `it has more than ${MOST_VALUES} values`;
    if (units > MOST_TEXT) return `it has more than ${MOST_TEXT} characters of text`;
  }
  return undefined;
}

/** Members with their names, items with none. */
function partsOf(value: Json): Iterable<readonly [name: string, part: Json]> {
  if (Array.isArray(value)) return value.map((item) => ["", item] as const);
  return isObject(value) ? Object.entries(value) : [];
}

/** It is not shown, and grows with each writer. */
function withoutManaged(object: JsonObject): JsonObject {
  if (!isObject(object["metadata"])) return object;
  const { managedFields: _, ...metadata } = object["metadata"];
  return { ...object, metadata };
}

function visible(object: JsonObject | null, request: AdmissionRequest): JsonObject {
  return object === null ? {} : withoutServerFilled(object, request);
}

function concrete({ object }: AdmissionRequest): Pick<Described, "object"> {
  return object === null ? {} : { object: maskObject(object) };
}

function optionsOf(options: JsonObject | null): Pick<Described, "options"> {
  return options === null ? {} : { options: maskObject(options) };
}

function updateDiff(before: JsonObject, after: JsonObject): string {
  const changes = changesBetween(before, after);
  const old = maskObject(before);
  const masked = maskObject(after);
  const hidden = isMarkable(changes)
    ? changes.filter(({ path }) => isHidden(valueAt(old, path), valueAt(masked, path)))
    : [];
  const shown = marked(
    masked,
    hidden.map(({ path }) => path),
  );
  const diff = diffTexts(yaml(old), yaml(shown));
  return [...notes(changes, masked, diff), ...(diff === "" ? [] : [diff])].join("\n");
}

/** Of so many marks nobody could read the one that counts. */
function isMarkable(changes: readonly Change[]): boolean {
  return changes.length <= MAX_MARKS;
}

function isHidden(old: Json | undefined, now: Json | undefined): boolean {
  return typeof now === "string" && MASKED.test(now) && isSame(old, now);
}

/** The object with the masked values at the paths marked as changed. */
function marked(value: Json, paths: readonly Path[]): Json {
  if (paths.length === 0) return value;
  if (typeof value === "string") return value.replace(MASKED, CHANGED);
  const isList = Array.isArray(value);
  const below = Map.groupBy(paths, ([step = ""]) => (isList ? placeOf(value, step) : step));
  const within = (place: string | number) => (below.get(place) ?? []).map(([, ...rest]) => rest);
  if (isList) return value.map((item, index) => marked(item, within(index)));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, marked(item, within(name))]));
}

/** What is told of as a whole though both sides have it: a list by its order, and what differs in too many places. */
function isCompound(value: Json | undefined): boolean {
  return Array.isArray(value) || isObject(value);
}

/** What the diff cannot show, as comments: an approver must know that there is more. */
function notes(changes: readonly Change[], masked: JsonObject, diff: string): string[] {
  const whole = isMarkable(changes)
    ? changes.filter(
        ({ path, before, after }) =>
          isCompound(before) && isCompound(after) && MASKED.test(canonical(valueAt(masked, path) ?? null)),
      )
    : [];
  const notes = whole.map(({ path }) => ` # masked values in ${place(path)} may differ as well`);
  if (!isMarkable(changes))
    notes.push(` # of more than ${MAX_MARKS} changes, masked values may be some as well`);
  if (diff === "" && changes.length > 0) notes.push(" # what differs is masked");
  return notes.map((note) => printable(note));
}

function place(path: Path): string {
  return path.map((step) => (typeof step === "object" ? canonical(step) : step)).join(".");
}

function prefixed(sign: "+" | "-", text: string): string {
  if (text === "") return "";
  const lines = text.replace(/\n$/, "").split("\n");
  return printable(lines.map((line) => sign + line).join("\n"), { multiline: true });
}

function ended(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

const EXACT_NUMBER: ScalarTag = {
  tag: "tag:yaml.org,2002:float",
  default: true,
  identify: (value) => value instanceof ExactNumber,
  resolve: (text) => text,
  stringify: ({ value }) => (value instanceof ExactNumber ? value.text : String(value)),
};

/** Long lines are not folded, and what YAML 1.1 would take for a boolean is quoted. */
function yaml(object: Json): string {
  return stringify(folded(object, MAX_INDENTS), {
    lineWidth: 0,
    aliasDuplicateObjects: false,
    compat: "yaml-1.1",
    customTags: [EXACT_NUMBER],
  });
}

/** What lies deeper than so many levels as one line of JSON. */
function folded(value: Json, levels: number): Json {
  if (typeof value !== "object" || value === null || value instanceof ExactNumber) return value;
  if (levels === 0) return canonical(value);
  if (Array.isArray(value)) return value.map((item) => folded(item, levels - 1));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, folded(item, levels - 1)]));
}
