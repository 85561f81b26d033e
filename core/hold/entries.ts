/** The ledger lines an approval's life leaves. */

import type { Approval } from "../approval.ts";
import type { ApprovalEntry } from "../ledger/entry.ts";
import { lineOf } from "../ledger/line.ts";
import { micros } from "../times.ts";
import type { Decision } from "../transitions.ts";

export function approvalLine(
  approval: Approval,
  event: ApprovalEntry["event"],
  now: number,
  decision?: Decision,
): string {
  const { spec, metadata, status } = approval;
  const entry: ApprovalEntry = {
    schema: "hoop.dev/approval/v1",
    kind: "approval",
    time: micros(now),
    event,
    approval: { namespace: metadata.namespace, name: metadata.name },
    ...sessionOf(approval),
    agent: agentOf(approval),
    operation: spec.operation,
    target: spec.target,
    digest: spec.digest,
    ...(decision === undefined ? {} : { decision: { ...decision } }),
    phase: status.phase,
    ...(spec.reapproves === undefined ? {} : { reapproves: spec.reapproves }),
  };
  return lineOf(entry);
}

function sessionOf({ spec: { agent } }: Approval): Pick<ApprovalEntry, "session"> {
  return agent.session === undefined ? {} : { session: `${agent.session.namespace}/${agent.session.name}` };
}

/** As entries have it. */
function agentOf({ spec: { agent } }: Approval): ApprovalEntry["agent"] {
  const { session: _, ...who } = agent;
  return who;
}
