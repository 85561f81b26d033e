/** A Kubernetes Event for each moment, beside the object that the agent asked about. */
import type { Approval } from "#core/approval.ts";
import type { Clock, Log } from "#core/ports.ts";
import { printable } from "#core/printable.ts";
import type { Moment, MomentKind } from "./moments.ts";

export interface Reference {
  apiVersion: string;
  kind: string;
  namespace?: string;
  name: string;
  uid?: string;
}

export interface TargetEvent {
  about: Reference;
  related: Reference;
  type: "Normal" | "Warning";
  reason: string;
  action: string;
  message: string;
  /** Milliseconds since the epoch. */
  time: number;
}

export interface EventsOptions {
  /** Posts it; rejects where trying again may help. */
  post(event: TargetEvent): Promise<{ posted: true } | { posted: false; why: string }>;
  clock: Clock;
  log: Log;
}

interface Wording {
  type: TargetEvent["type"];
  reason: string;
  action: string;
  /** What comes after who asked for what. */
  says: (approval: Approval) => string;
}

const WORDINGS: Readonly<Record<MomentKind, Wording>> = {
  pending: { type: "Normal", reason: "ApprovalPending", action: "Hold", says: pending },
  approved: {
    type: "Normal",
    reason: "Approved",
    action: "Approve",
    says: (a) => `Approved by ${deciders(a)}`,
  },
  denied: { type: "Warning", reason: "Denied", action: "Deny", says: (a) => `Denied by ${deciders(a)}` },
  expired: {
    type: "Warning",
    reason: "ApprovalExpired",
    action: "Expire",
    says: (a) => `Nobody decided ${reference(a)} in time`,
  },
  superseded: {
    type: "Normal",
    reason: "ApprovalSuperseded",
    action: "Supersede",
    says: (a) => `A newer request of the same agent took the place of ${reference(a)}`,
  },
  void: {
    type: "Warning",
    reason: "ApprovalVoid",
    action: "Void",
    says: (a) => `What ${reference(a)} was asked for has changed since`,
  },
};

/** An Event holds a kilobyte: no single text of an agent may push the rest out. */
const LONGEST_TEXT = 160;

/** Returns the way to tell a moment. An Event that the API server refuses is logged and left. */
export function eventNotice(options: EventsOptions): (moment: Moment) => Promise<void> {
  return async ({ kind, approval }) => {
    const { type, reason, action, says } = WORDINGS[kind];
    const about = target(approval);
    const message = `${asked(approval)}. ${says(approval)}.`;
    const time = options.clock.now();
    const outcome = await options.post({
      about,
      related: self(approval),
      type,
      reason,
      action,
      message,
      time,
    });
    if (outcome.posted) return;
    const { namespace, name } = approval.metadata;
    options.log.warn({ namespace, name, kind, why: outcome.why }, "no Event could be posted");
  };
}

/** The object asked about; the approval itself where that has no name yet. */
function target(approval: Approval): Reference {
  const { group, version, resource, kind, namespace, name, uid } = approval.spec.target;
  if (name === undefined || name === "") return self(approval);
  // The kind of a CONNECT is that of its options, which are no object.
  const isPod = approval.spec.operation === "CONNECT" && group === "" && resource === "pods";
  return {
    apiVersion: group === "" ? version : `${group}/${version}`,
    kind: isPod ? "Pod" : kind,
    ...(namespace && { namespace }),
    name,
    ...(uid && { uid }),
  };
}

function self({ apiVersion, kind, metadata }: Approval): Reference {
  return { apiVersion, kind, namespace: metadata.namespace, name: metadata.name, uid: metadata.uid };
}

function asked({ spec }: Approval): string {
  const { resource, subresource, name } = spec.target;
  const what = [resource, subresource].filter(Boolean).join("/");
  const who = shown(spec.agent.username);
  const { wants } = spec.change;
  // The target is what the Event stands beside.
  if (wants !== undefined) return `${who} asked to ${shown(wants.replaceAll(/\n */g, " "))}`;
  return `${who} asked for ${spec.operation} of ${what} ${shown(name ?? "(name not given yet)")}`;
}

function pending(approval: Approval): string {
  const { name, namespace } = approval.metadata;
  const rules = approval.spec.rules.map((rule) => rule.name).join(", ");
  return (
    `It waits for ${reference(approval)} (rule ${shown(rules)}): ` +
    `kubectl hoop show ${name} -n ${namespace}, then kubectl hoop approve or deny ${name} -n ${namespace}`
  );
}

function deciders(approval: Approval): string {
  const decisions = approval.status.decisions.map(({ user, comment }) =>
    comment === undefined ? shown(user) : `${shown(user)} (${shown(comment)})`,
  );
  return `${decisions.join(", ")}: ${reference(approval)}`;
}

function reference({ metadata }: Approval): string {
  return `approval ${metadata.name} in namespace ${metadata.namespace}`;
}

function shown(text: string): string {
  const safe = printable(text);
  return safe.length <= LONGEST_TEXT ? safe : `${safe.slice(0, LONGEST_TEXT)}…`;
}
