/** From an outcome to what kube-apiserver, the agent and the cluster's audit log are told. Pure. */
import type { Approval } from "./approval.ts";
import { approversWords, missingWords } from "./approvers.ts";
import type { Settlement } from "./hold/settle.ts";
import type { Fired, Verdict } from "./policy/verdict.ts";
import { printable } from "./printable.ts";

export type Outcome =
  | Exclude<Verdict, { kind: "hold" | "deny" }>
  | { kind: "deny"; rules: Fired[] }
  | Settlement;

/** An answer without the wire's shape. */
export interface Answer {
  allowed: boolean;
  /** Where not allowed: HTTP status and what to say. 429 makes stock clients ask again by themselves. */
  refusal?: {
    code: 403 | 429 | 500;
    reason: "Forbidden" | "TooManyRequests" | "InternalError";
    message: string;
    /** With 429: when to ask again. */
    retryAfterSeconds?: number;
  };
  warnings: string[];
  /** `NAMESPACE/NAME` of the approval, for the cluster's audit log. */
  approval?: string;
  /** Ledger index of the record of this very request; of one that waits, of its wait. */
  record?: number;
}

export function answerTo(outcome: Outcome): Answer {
  switch (outcome.kind) {
    case "not-applicable":
    case "allow":
      return { allowed: true, warnings: [] };
    case "dry-run":
      return { allowed: true, warnings: [outcome.warning] };
    case "spent":
    case "re-entered":
      return { allowed: true, warnings: [thanks(outcome.approval)], approval: nameOf(outcome.approval) };
    case "deny":
      return forbidden("rules" in outcome ? denial(outcome.rules) : `denied: ${outcome.message}`);
    case "refused":
      return {
        ...forbidden(
          `${printable(outcome.message)}. approval=${nameOf(outcome.approval)}. Do not look for another way.`,
        ),
        approval: nameOf(outcome.approval),
      };
    case "waiting":
      return { ...waiting(outcome.approval, outcome.retryAfterSeconds), approval: nameOf(outcome.approval) };
    case "could-not-tell":
      return {
        allowed: false,
        refusal: {
          code: 500,
          reason: "InternalError",
          message: `could not tell whether this is allowed: ${outcome.why}`,
        },
        warnings: [],
      };
    case "gone":
      return forbidden("the client is gone");
  }
}

function forbidden(message: string): Answer {
  return { allowed: false, refusal: { code: 403, reason: "Forbidden", message }, warnings: [] };
}

function denial(rules: readonly Fired[]): string {
  return `denied for agents: ${rules.map(({ name, message }) => `${message} (rule ${name})`).join("; ")}`;
}

/** Held, not refused: what is waited for, who decides, and the next step, in words an agent can act on. */
function waiting(approval: Approval, retryAfterSeconds: number | undefined): Answer {
  const { metadata, spec, status } = approval;
  const rules = spec.rules.map(({ name }) => name).join(",");
  const { decisions } = status;
  const missing = decisions.length === 0 ? "" : ` (${missingWords(spec.approvers, decisions)})`;
  const message =
    `HELD, not refused. approval=${metadata.name} namespace=${metadata.namespace} rule=${rules} ` +
    `state=${status.phase} expires=${status.expiresAt}. ` +
    `It waits for the decision of ${approversWords(spec.approvers)}${missing}; do not look for another way. ` +
    "Once it is decided, run the same command again: it passes once, unchanged. Wait with: " +
    // Last, and without a full stop: whoever copies to the end of the line copies the command.
    `kubectl wait approval/${metadata.name} -n ${metadata.namespace} --for=condition=Decided --timeout=1h`;
  if (retryAfterSeconds === undefined) return forbidden(message);
  const refusal = { code: 429 as const, reason: "TooManyRequests" as const, message, retryAfterSeconds };
  return { allowed: false, refusal, warnings: [] };
}

function thanks(approval: Approval): string {
  const decisions = approval.status.decisions.map(
    ({ user, comment }) => `${user}${comment === undefined || comment === "" ? "" : ` (${comment})`}`,
  );
  return printable(`hoop: approved by ${decisions.join(", ")}; approval ${nameOf(approval)}`);
}

function nameOf(approval: Approval): string {
  return `${approval.metadata.namespace}/${approval.metadata.name}`;
}
