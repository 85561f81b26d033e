/** What an audit event says, as entries of the ledger. Pure. */
import {
  credentialOf,
  type InSession,
  isObject,
  type JsonObject,
  member,
  text,
  type UserInfo,
} from "../admission.ts";
import type { AgentMatcher } from "../agents.ts";
import { canonical } from "../canonical.ts";
import type { AdmissionEntry, Entry, OutcomeEntry, RequestEntry } from "../ledger/entry.ts";
import { maskText } from "../mask.ts";
import { implicitSession } from "../session/extras.ts";
import { micros } from "../times.ts";
import type { AuditEvent } from "./event.ts";
import { maskedBodies, maskedMessage, maskedUri } from "./mask.ts";

/** The agent whose request it is, by itself or by whoever acts as it; undefined: it is none of our business. */
export function agentOf(agents: AgentMatcher, { user, impersonated }: AuditEvent): UserInfo | undefined {
  const isAgent = (one: UserInfo) => agents.identify(one).kind === "agent";
  return [user, ...(impersonated === undefined ? [] : [impersonated])].find(isAgent);
}

/** Who asked: by itself, or in a session as its ServiceAccount. */
export interface Who {
  user: UserInfo;
  session: InSession | undefined;
}

export function requestEntry(
  event: AuditEvent,
  who: Who,
  now: number,
  of: number | undefined,
): { entry: RequestEntry; payload: JsonObject } {
  const { auditID, stage, verb, received, completed, target, code, sourceIPs } = event;
  const entry: RequestEntry = {
    schema: "hoop.dev/request/v1",
    kind: "request",
    time: micros(now),
    ...told(who),
    ...{ auditID, stage, verb, uri: maskedUri(event.uri), received, completed },
    ...(target === undefined ? {} : { target: { ...target } }),
    ...(of === undefined ? {} : { of }),
    ...(code === undefined ? {} : { code }),
    ...said(event),
    ...(event.userAgent === "" ? {} : { userAgent: maskText(event.userAgent) }),
    ...(sourceIPs.length === 0 ? {} : { sourceIPs }),
    ...(event.truncated ? { truncated: true } : {}),
  };
  return { entry, payload: of === undefined ? maskedBodies(event) : {} };
}

function told({ user, session }: Who): Pick<RequestEntry, "agent" | "session" | "actingAs"> {
  if (session !== undefined)
    return {
      session: `${session.namespace}/${session.name}`,
      actingAs: user.username,
      agent: { ...session.agent, groups: [...session.agent.groups] },
    };
  const credentialID = credentialOf(user);
  const agent = { username: user.username, groups: [...user.groups] };
  return credentialID === ""
    ? { agent }
    : { session: implicitSession(credentialID), agent: { ...agent, credentialID } };
}

function said(event: AuditEvent): { reason?: string; message?: string } {
  const message = maskedMessage(event);
  return {
    ...(event.reason === "" ? {} : { reason: event.reason }),
    ...(message === undefined ? {} : { message }),
  };
}

/** An admission entry by its index. */
export interface Numbered {
  index: number;
  entry: AdmissionEntry;
}

/** Whether it may be what an event names: let through, of an agent that the event is of. */
export function isOpenOf(event: AuditEvent, entry: Entry): entry is AdmissionEntry {
  if (entry.kind !== "admission" || !("effect" in entry) || entry.effect !== "open") return false;
  const { username } = entry.agent;
  const names = entry.actingAs === undefined ? [username] : [username, entry.actingAs];
  return names.includes(event.user.username) || names.includes(event.impersonated?.username ?? "");
}

type Result = OutcomeEntry["result"];

/** A server error may have come after the write was done; a deletion of many ends with the first that fails, after others. */
function resultOf({ stage, code, verb }: Pick<AuditEvent, "stage" | "code" | "verb">): Result {
  if (stage === "Panic" || code === undefined || code >= 500) return "cannot-tell";
  if (verb === "deletecollection" && code >= 300) return "cannot-tell";
  return code === 101 || (code >= 200 && code < 300) ? "took-effect" : "refused";
}

/** What came of each admission that the event names; all of these are let through. */
export function outcomesOf(event: AuditEvent, admissions: readonly Numbered[], now: number): OutcomeEntry[] {
  const result = resultOf(event);
  const last = new Map(admissions.map((one) => [sameWrite(one), one.index]));
  const object = last.size === 1 ? objectIn(event) : {};
  return admissions.map((one) => {
    const final = last.get(sameWrite(one)) ?? one.index;
    const common = {
      schema: "hoop.dev/outcome/v1" as const,
      kind: "outcome" as const,
      time: micros(now),
      of: one.index,
      source: "audit" as const,
      auditID: event.auditID,
    };
    if (final !== one.index)
      return {
        ...common,
        result: "refused",
        reason: "Conflict",
        message: `asked again: see record ${final}`,
      };
    return {
      ...common,
      result,
      ...(event.code === undefined ? {} : { code: event.code }),
      ...(result === "took-effect" ? object : said(event)),
    };
  });
}

/** A call that meets a conflict is admitted again, and again; in a deletecollection each object is, once. */
function sameWrite({ entry: { operation, target } }: Numbered): string {
  return canonical([operation, { ...target }]);
}

function objectIn({ responseObject }: AuditEvent): Pick<OutcomeEntry, "object"> {
  if (!isObject(responseObject)) return {};
  const metadata = member(responseObject, "metadata");
  const [uid, resourceVersion] = [text(metadata, "uid"), text(metadata, "resourceVersion")];
  return uid === "" ? {} : { object: { uid, ...(resourceVersion === "" ? {} : { resourceVersion }) } };
}
