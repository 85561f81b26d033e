/**
 * What of an audit event may be kept. Bodies and messages about Secrets and tokens are left out as a whole, whatever the
 * audit policy gives; in all else, values go that are secret by their names or by how they look.
 */
import { isObject, type Json, type JsonObject } from "../admission.ts";
import { reasonIn } from "../authorize.ts";
import { announcesSecret, looksSecret, MASKED_VALUE } from "../mask/names.ts";
import { maskObject, maskText } from "../mask.ts";
import type { AuditEvent, AuditTarget } from "./event.ts";

/** What no body or message is kept of: `RESOURCE` or `RESOURCE/SUBRESOURCE`, by group. */
const CLOSED: ReadonlySet<string> = new Set([
  "/secrets",
  "/serviceaccounts/token",
  "authentication.k8s.io/tokenreviews",
  "authentication.k8s.io/tokenrequests",
  "hoop.dev/secure-secrets",
]);

/** Whether what it carries is secret from end to end. */
function isClosed(target: AuditTarget | undefined): boolean {
  if (target === undefined) return false;
  const { group, resource, subresource } = target;
  return CLOSED.has(`${group}/${resource}`) || CLOSED.has(`${group}/${resource}/${subresource ?? ""}`);
}

/** Whether the audit policy gives more of Secrets and tokens than it should. */
export function givesTooMuch({ target, requestObject, responseObject }: AuditEvent): boolean {
  return (
    isClosed(target) && [requestObject, responseObject].some((body) => isObject(body) && !isStatus(body))
  );
}

function isStatus(body: JsonObject): boolean {
  return body["kind"] === "Status" || body["kind"] === "DeleteOptions";
}

/** The bodies of an event, masked; empty where there are none to keep. */
export function maskedBodies({ target, requestObject, responseObject }: AuditEvent): JsonObject {
  if (isClosed(target)) return {};
  const masked = {
    requestObject: maskedBody(requestObject, target),
    responseObject: maskedBody(responseObject, target),
  };
  return Object.fromEntries(
    Object.entries(masked).flatMap(([name, body]) => (body === undefined ? [] : [[name, body]])),
  );
}

/** Kinds whose values are told apart by their kind, which a patch does not say. */
const KINDS: ReadonlyMap<string, string> = new Map([["configmaps", "ConfigMap"]]);

function maskedBody(body: Json | undefined, target: AuditTarget | undefined): Json | undefined {
  if (Array.isArray(body)) return body.map(maskedOperation);
  // A patch in YAML, or what is no JSON.
  if (typeof body === "string") return MASKED_VALUE;
  if (!isObject(body)) return undefined;
  const kind = target?.group === "" ? KINDS.get(target.resource) : undefined;
  if (kind === undefined || Object.hasOwn(body, "kind")) return maskObject(body);
  const { kind: _, ...masked } = maskObject({ ...body, kind });
  return masked;
}

/** Of a JSON Patch: its values stand where nothing says what they are. */
function maskedOperation(operation: Json): Json {
  if (!isObject(operation) || !Object.hasOwn(operation, "op")) return MASKED_VALUE;
  const { value, ...rest } = operation;
  return { ...maskObject(rest), ...(value === undefined ? {} : { value: MASKED_VALUE }) };
}

/** The API server quotes what it finds invalid. Nothing says where an object ends: it is all that follows. */
const QUOTING =
  /((?:(?:Invalid|Unsupported|Duplicate) value|Not found|Too many|Too few): )(?:"(?:[^"\\]|\\.)*"?|[^\s:"]*[{[][\s\S]*|[^\s:]+)/g;

/** Objects elsewhere, in JSON or in Go's words, such as how a Pod differs: any value may stand in them. */
const OBJECTS = /(?<=[\w\]}])\{[\s\S]*|[{[]\s*[{["][\s\S]*/;

/** Undefined where nothing of it may be told. */
export function maskedMessage({ message, target, code }: AuditEvent): string | undefined {
  if (message === "") return undefined;
  // By which rule we have denied it: in words that are ours.
  if (isClosed(target)) return code === 403 ? reasonIn(message) : undefined;
  return maskText(message.replace(QUOTING, `$1${MASKED_VALUE}`).replace(OBJECTS, MASKED_VALUE));
}

/** Path and query, with secret values of parameters and of commands' arguments replaced. */
export function maskedUri(uri: string): string {
  const at = uri.indexOf("?");
  const path = maskText(decoded(at === -1 ? uri : uri.slice(0, at)));
  if (at === -1) return path;
  const before = new Map<string, string>();
  const parameters = uri
    .slice(at + 1)
    .split("&")
    .map((parameter) => {
      const [raw = "", ...rest] = parameter.split("=");
      const name = decoded(raw.replaceAll("+", " "));
      const value = decoded(rest.join("=").replaceAll("+", " "));
      const isSecret = looksSecret(name, value) || announcesSecret(before.get(name) ?? null);
      before.set(name, value);
      return rest.length === 0
        ? maskText(name)
        : `${maskText(name)}=${isSecret ? MASKED_VALUE : maskText(value)}`;
    });
  return `${path}?${parameters.join("&")}`;
}

/** What is no UTF-8 stays as it came. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
