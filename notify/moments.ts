/** When people are told something: once for each approval that is asked for, once for its decision. */
import type { Approval, Phase } from "#core/approval.ts";
import { decodeApproval } from "#core/hold/rows.ts";
import type { Change } from "#kit/storage.ts";

export type MomentKind = "pending" | "approved" | "denied" | "expired" | "superseded" | "void";

export interface Moment {
  kind: MomentKind;
  approval: Approval;
  /** When it happened, RFC 3339. */
  time: string;
}

/** Used is absent: that is the decision being carried out, told in the records. */
const KINDS: ReadonlyMap<Phase, MomentKind> = new Map([
  ["Pending", "pending"],
  ["Approved", "approved"],
  ["Denied", "denied"],
  ["Expired", "expired"],
  ["Superseded", "superseded"],
  ["Void", "void"],
]);

/**
 * What is to be told about this step of an approval, `previous` being null for a new one. What follows a decision
 * (its use, or that it ran out unused) is no moment, and neither is the first of several approvers.
 */
export function momentOf(previous: Approval | null, current: Approval): Moment | undefined {
  if (previous !== null && previous.status.phase !== "Pending") return undefined;
  if (previous?.status.phase === current.status.phase) return undefined;
  const kind = KINDS.get(current.status.phase);
  return kind === undefined ? undefined : { kind, approval: current, time: timeOf(kind, current) };
}

/** The moment in a change of an approval's row. */
export function momentIn(change: Change): Moment | undefined {
  if (change.type === "delete") return undefined;
  const previous = change.previous === null ? null : decodeApproval(change.previous).approval;
  return momentOf(previous, decodeApproval(change.value).approval);
}

function timeOf(kind: MomentKind, { metadata, status }: Approval): string {
  if (kind === "pending") return metadata.creationTimestamp;
  const condition = status.conditions.find(({ type }) => type === "Decided");
  return condition?.lastTransitionTime ?? status.decisions.at(-1)?.time ?? metadata.creationTimestamp;
}
