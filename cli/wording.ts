/** How the commands word what an approval or a record is about. Not yet fit for a terminal: callers escape it. */
import type { Approval } from "#core/approval.ts";
import { missingWords } from "#core/approvers.ts";
import { phaseAt } from "#core/transitions.ts";

export { approversColumn, approversWords, missingWords } from "#core/approvers.ts";
export { operationWords, targetWords } from "#core/wording.ts";

export function ruleWords(rules: readonly { name: string }[]): string {
  return rules.map(({ name }) => name).join(",");
}

/** What became of it: `Pending`, `Approved by bob: CHG-12`, … */
export function stateWords(approval: Approval, now: number): string {
  const phase = phaseAt(approval, now);
  const { decisions } = approval.status;
  const last = decisions.at(-1);
  switch (phase) {
    case "Pending":
      return last === undefined ? phase : `${phase} (${missingWords(approval.spec.approvers, decisions)})`;
    case "Approved":
      return approvedWords(approval);
    case "Denied":
      return `${phase} by ${last?.user}${commentOf(approval)}`;
    case "Used":
    case "Expired":
    case "Superseded":
    case "Void":
      return phase;
    default:
      // A newer server may know more phases.
      return phase satisfies never;
  }
}

/** Who approved it, whatever became of it then. */
export function approvedWords(approval: Approval): string {
  return `Approved by ${approval.status.decisions.map(({ user }) => user).join(", ")}${commentOf(approval)}`;
}

function commentOf({ status }: Approval): string {
  const comment = status.decisions.at(-1)?.comment ?? "";
  return comment === "" ? "" : `: ${comment}`;
}
