/**
 * The life of an approval:
 *
 *     Pending ──approve──▶ Approved ──spend──▶ Used
 *        │ ├─deny──▶ Denied     ├─ time ─▶ Expired
 *        │ ├─ time ─▶ Expired   └─ ground changed ─▶ Void
 *        └─ a newer request for the same target ─▶ Superseded
 *
 * Each function returns the approval after the step and leaves the one it was given as it is.
 */
import type { Approval, ApprovalSpec, Condition, Phase } from "./approval.ts";
import { isAgreed, missingWords } from "./approvers.ts";
import { seconds } from "./times.ts";

const GROUP_VERSION = "hoop.dev/v1alpha1";

export function pending(
  metadata: { name: string; namespace: string; uid: string },
  spec: ApprovalSpec,
  now: number,
  pendingSeconds: number,
): Approval {
  return {
    apiVersion: GROUP_VERSION,
    kind: "Approval",
    metadata: { ...metadata, creationTimestamp: seconds(now) },
    spec,
    status: {
      phase: "Pending",
      expiresAt: seconds(now + pendingSeconds * 1000),
      decisions: [],
      conditions: [condition("Decided", "False", "Pending", "waits for a person", now)],
    },
  };
}

/** The phase as of now: what has run out is Expired, whether or not that was written yet. */
export function phaseAt(approval: Approval, now: number): Phase {
  const { phase, expiresAt } = approval.status;
  const open = phase === "Pending" || phase === "Approved";
  return open && Date.parse(expiresAt) <= now ? "Expired" : phase;
}

export interface Decision {
  user: string;
  verdict: "Approve" | "Deny";
  comment?: string;
  /** Of this person's groups those that the approval's requirements name. */
  groups: readonly string[];
}

/** One person's word. Approved when every requirement is met; one Deny ends it. */
export function decided(
  approval: Approval,
  decision: Decision,
  now: number,
  approvedSeconds: number,
): Approval {
  const { approvers } = approval.spec;
  const groups = [...decision.groups];
  const decisions = [...approval.status.decisions, { ...decision, groups, time: seconds(now) }];
  if (decision.verdict === "Approve" && !isAgreed(approvers, decisions))
    return stillPending(approval, decisions, now);
  const yes = decision.verdict === "Approve";
  const by = yes ? decisions.map(({ user }) => user).join(", ") : decision.user;
  const message = `${yes ? "approved" : "denied"} by ${by}${decision.comment ? `: ${decision.comment}` : ""}`;
  return {
    ...approval,
    status: {
      ...approval.status,
      phase: yes ? "Approved" : "Denied",
      expiresAt: yes ? seconds(now + approvedSeconds * 1000) : approval.status.expiresAt,
      decisions,
      conditions: withConditions(approval.status.conditions, [
        condition("Decided", "True", yes ? "Approved" : "Denied", message, now),
        condition("Approved", yes ? "True" : "False", yes ? "Approved" : "Denied", message, now),
      ]),
    },
  };
}

/** The condition's message tells how far it is; its status has not changed, and so neither has its time. */
function stillPending(approval: Approval, decisions: Approval["status"]["decisions"], now: number): Approval {
  const { conditions } = approval.status;
  const since = conditions.find(({ type }) => type === "Decided")?.lastTransitionTime ?? seconds(now);
  const message = missingWords(approval.spec.approvers, decisions);
  const waits = { ...condition("Decided", "False", "Pending", message, now), lastTransitionTime: since };
  return {
    ...approval,
    status: { ...approval.status, decisions, conditions: withConditions(conditions, [waits]) },
  };
}

export function used(approval: Approval, credentialID: string, now: number): Approval {
  return {
    ...approval,
    status: {
      ...approval.status,
      phase: "Used",
      used: { time: new Date(now).toISOString(), credentialID },
      conditions: withConditions(approval.status.conditions, [
        condition("Used", "True", "Used", "used by the request it was given for", now),
      ]),
    },
  };
}

export function ended(
  approval: Approval,
  phase: "Expired" | "Superseded" | "Void",
  message: string,
  now: number,
): Approval {
  const conditions =
    approval.status.phase === "Pending" ? (["Decided", "Approved"] as const) : (["Used"] as const);
  return {
    ...approval,
    status: {
      ...approval.status,
      phase,
      conditions: withConditions(
        approval.status.conditions,
        conditions.map((type) => condition(type, "False", phase, message, now)),
      ),
    },
  };
}

function condition(
  type: string,
  status: "True" | "False",
  reason: string,
  message: string,
  now: number,
): Condition {
  return { type, status, reason, message, lastTransitionTime: seconds(now) };
}

function withConditions(old: readonly Condition[], changed: readonly Condition[]): Condition[] {
  const types = new Set(changed.map(({ type }) => type));
  return [...old.filter(({ type }) => !types.has(type)), ...changed];
}
