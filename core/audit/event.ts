/** Audit events (audit.k8s.io/v1), as far as Hoop uses them: an EventList, item by item, out of parsed JSON. */
import { isObject, type Json, type JsonObject, list, member, text, type UserInfo } from "../admission.ts";

export type Stage = "ResponseStarted" | "ResponseComplete" | "Panic";

export interface AuditTarget {
  group: string;
  version: string;
  resource: string;
  subresource?: string;
  namespace?: string;
  name?: string;
  uid?: string;
}

export interface AuditEvent {
  /** Of the request, in each of its stages. */
  auditID: string;
  stage: Stage;
  verb: string;
  uri: string;
  /** Who was authenticated. */
  user: UserInfo;
  /** As whom it was then done, where that is somebody else. */
  impersonated: UserInfo | undefined;
  target: AuditTarget | undefined;
  /** Of the answer. */
  code: number | undefined;
  reason: string;
  message: string;
  /** RFC 3339. */
  received: string;
  completed: string;
  userAgent: string;
  sourceIPs: string[];
  truncated: boolean;
  /** What Hoop's annotations name: indexes of admission entries, in the order in which they were made. */
  records: number[];
  /** Whatever the policy gives: an object, a patch, options. Not masked. */
  requestObject: Json | undefined;
  responseObject: Json | undefined;
}

/** An EventList as far as it can be read; `unread` items are none that this knows. */
export interface EventList {
  events: AuditEvent[];
  unread: number;
}

const STAGES: ReadonlySet<string> = new Set(["ResponseStarted", "ResponseComplete", "Panic"]);
/** The API server puts the name of the registration before it. */
const ANNOTATION = "agents-are-refused-while-hoop-is-unreachable.hoop.dev/record";
const TRUNCATED = "audit.k8s.io/truncated";
/** Bodies that are nested deeper are left out: everything that walks them may then recurse. */
const DEEPEST = 300;

/** Undefined where it is no EventList of audit.k8s.io/v1. Items in the stage RequestReceived tell nothing yet. */
export function decodeEvents(value: Json): EventList | undefined {
  if (!isObject(value) || value["kind"] !== "EventList" || value["apiVersion"] !== "audit.k8s.io/v1")
    return undefined;
  const items = value["items"] ?? [];
  if (!Array.isArray(items)) return undefined;
  const later = items.filter((item) => text(item, "stage") !== "RequestReceived");
  const events = later.flatMap((item) => decodeEvent(item) ?? []);
  return { events, unread: later.length - events.length };
}

function decodeEvent(item: Json): AuditEvent | undefined {
  if (!isObject(item)) return undefined;
  const { stage } = item;
  const auditID = text(item, "auditID");
  const username = text(member(item, "user"), "username");
  if (auditID === "" || username === "" || !isStage(stage)) return undefined;
  const status = member(item, "responseStatus");
  const { code } = status;
  const annotations = member(item, "annotations");
  const bodies = {
    requestObject: shallow(item["requestObject"]),
    responseObject: shallow(item["responseObject"]),
  };
  const isCut =
    item["requestObject"] !== bodies.requestObject || item["responseObject"] !== bodies.responseObject;
  return {
    auditID,
    stage,
    verb: text(item, "verb"),
    uri: text(item, "requestURI"),
    user: userOf(member(item, "user")),
    impersonated: isObject(item["impersonatedUser"]) ? userOf(item["impersonatedUser"]) : undefined,
    target: targetOf(item["objectRef"]),
    code: typeof code === "number" ? code : undefined,
    reason: text(status, "reason"),
    message: text(status, "message"),
    received: text(item, "requestReceivedTimestamp"),
    completed: text(item, "stageTimestamp"),
    userAgent: text(item, "userAgent"),
    sourceIPs: strings(list(item, "sourceIPs")),
    truncated: isCut || annotations[TRUNCATED] === "true",
    records: recordsIn(annotations),
    ...bodies,
  };
}

function isStage(stage: Json | undefined): stage is Stage {
  return typeof stage === "string" && STAGES.has(stage);
}

function userOf(user: JsonObject): UserInfo {
  const extra = Object.entries(member(user, "extra"));
  return {
    username: text(user, "username"),
    uid: text(user, "uid"),
    groups: strings(list(user, "groups")),
    extra: new Map(extra.map(([key, values]) => [key, Array.isArray(values) ? strings(values) : []])),
  };
}

function targetOf(reference: Json | undefined): AuditTarget | undefined {
  if (!isObject(reference)) return undefined;
  const optional = ["subresource", "namespace", "name", "uid"] as const;
  const told = optional.flatMap((key) => {
    const value = text(reference, key);
    return value === "" ? [] : [[key, value] as const];
  });
  return {
    group: text(reference, "apiGroup"),
    version: text(reference, "apiVersion"),
    resource: text(reference, "resource"),
    ...Object.fromEntries(told),
  };
}

/** `record` names the first one; `record-N` each of them. */
function recordsIn(annotations: JsonObject): number[] {
  const numbered = Object.keys(annotations).flatMap((key) =>
    key.startsWith(`${ANNOTATION}-`) ? indexIn(key.slice(ANNOTATION.length + 1)) : [],
  );
  const all = new Set([...indexIn(text(annotations, ANNOTATION)), ...numbered]);
  return [...all].sort((a, b) => a - b);
}

function indexIn(digits: string): number[] {
  return /^(0|[1-9]\d{0,14})$/.test(digits) ? [Number(digits)] : [];
}

function strings(values: readonly Json[]): string[] {
  return values.filter((value) => typeof value === "string");
}

function shallow(body: Json | undefined): Json | undefined {
  return body !== undefined && isWithin(body, DEEPEST) ? body : undefined;
}

function isWithin(value: Json, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  const inner = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
  return inner.every((item) => isWithin(item, levels - 1));
}
