/**
 * audit.k8s.io/v1 Events, a line each, as kube-apiserver's log backend writes them: members in the order of the Go
 * type, `<`, `>` and `&` escaped. Only what agents asked for has words in it: admissions and requests.
 */
import { type JsonObject, list, text } from "../admission.ts";
import { sha256 } from "../log/hash.ts";
import { type About, aboutOf } from "./about.ts";
import { type Exported, type Format, payloadOf } from "./exported.ts";

export const audit: Format = {
  extension: "audit.jsonl",
  begin: () => "",
  line: (one) => {
    const about = aboutOf(one.entry);
    if (about.kind !== "admission" && about.kind !== "request") return undefined;
    return `${JSON.stringify(eventOf(one, about)).replace(/[<>&\u2028\u2029]/g, escaped)}\n`;
  },
  end: () => "",
};

/** As Go's encoding/json does. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** JSON.stringify leaves out what is undefined. */
function eventOf(one: Exported, about: About): object {
  const { entry } = one;
  const payload = payloadOf(one);
  const requested = payload?.["object"] ?? payload?.["requestObject"];
  const responded = payload?.["responseObject"];
  const received = text(entry, "received") || about.time;
  return {
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: responded !== undefined ? "RequestResponse" : requested !== undefined ? "Request" : "Metadata",
    auditID: text(entry, "auditID") || madeId(one.text),
    stage: text(entry, "stage") || "ResponseComplete",
    requestURI: text(entry, "uri") || uriOf(about),
    verb: verbOf(about.operation),
    user: {
      username: about.agent.username,
      ...(about.agent.groups.length === 0 ? {} : { groups: about.agent.groups }),
      ...(about.agent.credentialID === ""
        ? {}
        : { extra: { "authentication.kubernetes.io/credential-id": [about.agent.credentialID] } }),
    },
    sourceIPs: list(entry, "sourceIPs").length === 0 ? undefined : list(entry, "sourceIPs"),
    userAgent: given(text(entry, "userAgent")),
    objectRef: objectRef(about),
    responseStatus: statusOf(entry, about),
    requestObject: requested,
    responseObject: responded,
    requestReceivedTimestamp: received,
    stageTimestamp: text(entry, "completed") || about.time,
    annotations: annotationsOf(one, about),
  };
}

function objectRef({ target, kind }: About): object | undefined {
  if (kind === "request" && target.resource === "") return undefined;
  const { resource, namespace, name, uid, group, version, subresource } = target;
  return {
    resource: given(resource),
    namespace: given(namespace),
    name: given(name),
    uid: given(uid),
    apiGroup: given(group),
    apiVersion: given(version),
    subresource: given(subresource),
  };
}

function given(value: string): string | undefined {
  return value === "" ? undefined : value;
}

const VERBS: Readonly<Record<string, string>> = {
  CREATE: "create",
  UPDATE: "update",
  DELETE: "delete",
  CONNECT: "create",
};

/** Of what admission saw only the kind of operation is known: a patch is an update there. */
function verbOf(operation: string): string {
  return VERBS[operation] ?? operation;
}

function uriOf({ target, operation }: About): string {
  const { group, version, resource, namespace, name, subresource } = target;
  const isOfCollection = operation === "CREATE" && subresource === "";
  const parts = [
    group === "" ? `/api/${version}` : `/apis/${group}/${version}`,
    ...(namespace === "" ? [] : ["namespaces", namespace]),
    resource,
    ...(isOfCollection || name === "" ? [] : [name]),
    ...(subresource === "" ? [] : [subresource]),
  ];
  return parts.join("/");
}

const REFUSALS: Readonly<Record<string, readonly [code: number, reason: string]>> = {
  denied: [403, "Forbidden"],
  held: [429, "TooManyRequests"],
};

/** What was allowed has one only where it is known how it ended. */
function statusOf({ code }: JsonObject, { answer, message }: About): object | undefined {
  if (typeof code === "number")
    return code < 400
      ? { metadata: {}, code }
      : { metadata: {}, status: "Failure", message: given(message), code };
  const refusal = REFUSALS[answer];
  if (refusal === undefined) return undefined;
  const [refused, reason] = refusal;
  return { metadata: {}, status: "Failure", message: given(message), reason, code: refused };
}

function annotationsOf(
  { index }: Exported,
  { verdict, answer, approval, rules, session, kind }: About,
): object {
  return {
    "hoop.dev/answer": given(answer),
    "hoop.dev/approval": approval.name === "" ? undefined : `${approval.namespace}/${approval.name}`,
    "hoop.dev/kind": kind,
    "hoop.dev/record": String(index),
    "hoop.dev/rules": rules.length === 0 ? undefined : rules.join(","),
    "hoop.dev/session": given(session),
    "hoop.dev/verdict": given(verdict),
  };
}

/** The API server gives admission webhooks no audit ID: one that is always the same for the same entry (a UUID, version 8). */
function madeId(entry: string): string {
  const bytes = sha256(Buffer.from(entry)).subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
