/** What an existing approval means for a request with its very digest. Pure. */
import type { AdmissionRequest } from "../admission.ts";
import type { Approval } from "../approval.ts";
import { approversWords, isAsStrict } from "../approvers.ts";
import type { Fired, HoldTerms } from "../policy/verdict.ts";
import { phaseAt } from "../transitions.ts";

export type Claim =
  /** Approved and unspent: this request may use it up. */
  | { kind: "spend" }
  /** Spent moments ago by this same request: kube-apiserver admits a call again after a conflict. */
  | { kind: "re-enter" }
  | { kind: "wait" }
  | { kind: "refused"; message: string }
  /** It is over, one way or another: ask anew. */
  | { kind: "ask" }
  /** It was given under other rules: it must end, then ask anew. */
  | { kind: "void"; why: string };

const REENTRY_MILLISECONDS = 10_000;

export interface Claimant {
  credential: string;
  reentry: Reentry;
  /** When this request came in, milliseconds since the epoch. */
  since: number;
  rules: readonly Fired[];
  terms: HoldTerms;
}

export function claim(approval: Approval, by: Claimant, now: number): Claim {
  switch (phaseAt(approval, now)) {
    case "Pending":
    case "Approved": {
      const why = stricterNow(approval, by);
      if (why !== undefined) return { kind: "void", why };
      return approval.status.phase === "Approved" ? { kind: "spend" } : { kind: "wait" };
    }
    case "Denied":
      return Date.parse(approval.status.expiresAt) > now
        ? { kind: "refused", message: refusal(approval) }
        : { kind: "ask" };
    case "Used":
      return mayReenter(approval, by, now) ? { kind: "re-enter" } : { kind: "ask" };
    case "Expired":
    case "Superseded":
    case "Void":
      return { kind: "ask" };
  }
}

/**
 * When the same request may be admitted again after its approval was spent: kube-apiserver admits a change again after
 * a conflict, and a client may have sent it twice at once. `in-flight`: only what was asked before the spend. A later
 * create of the same name would have a second effect, should the object have been deleted in between.
 */
export function reentryOf(request: AdmissionRequest): Reentry {
  switch (request.operation) {
    case "CONNECT":
      return "never";
    case "CREATE":
      return generatesName(request) || request.subresource !== "" ? "never" : "in-flight";
    case "UPDATE":
    case "DELETE":
      return "moments";
  }
}

export type Reentry = "never" | "in-flight" | "moments";

function generatesName(request: AdmissionRequest): boolean {
  const metadata = request.object?.["metadata"];
  const generate =
    typeof metadata === "object" &&
    metadata !== null &&
    "generateName" in metadata &&
    metadata["generateName"] !== "";
  return generate || request.name === "";
}

function mayReenter(approval: Approval, by: Claimant, now: number): boolean {
  const { used } = approval.status;
  if (used === undefined || by.credential === "" || used.credentialID !== by.credential) return false;
  const spent = Date.parse(used.time);
  switch (by.reentry) {
    case "never":
      return false;
    case "in-flight":
      return by.since <= spent;
    case "moments":
      return now - spent <= REENTRY_MILLISECONDS;
  }
}

function stricterNow(approval: Approval, by: Claimant): string | undefined {
  const known = new Set(approval.spec.rules.map(({ name }) => name));
  const added = by.rules.filter(({ name }) => !known.has(name));
  if (added.length > 0) return `rule ${added.map(({ name }) => name).join(", ")} now applies too`;
  const { approvers } = by.terms;
  return isAsStrict(approval.spec.approvers, approvers)
    ? undefined
    : `it now takes ${approversWords(approvers)}`;
}

function refusal(approval: Approval): string {
  const last = approval.status.decisions.at(-1);
  return `denied by ${last?.user ?? "a person"}${last?.comment ? `: ${last.comment}` : ""}`;
}
