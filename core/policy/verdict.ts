/** What judging comes to, whichever source says so. deny > hold > allow; could-not-tell denies. */

/** A rule that fired. `name`: RULE of the catalogue, POLICY/RULE of an AgentPolicy, ANNOTATION@SOURCE of an annotation. */
export interface Fired {
  name: string;
  message: string;
}

/** A rule that fired and is only tried: it is recorded, and with Warn the client is told. */
export interface Observed extends Fired {
  action: "Hold" | "Deny";
  mode: "Warn" | "Audit";
}

/** So many different people, each in one of these groups. No groups: whoever may decide approvals. */
export interface Requirement {
  groups: readonly string[];
  count: number;
}

/** Who decides, and for how long things hold. */
export interface HoldTerms {
  /** Each is to be met; one person may count for several. Never empty. */
  approvers: readonly Requirement[];
  maxWaitSeconds: number;
  pendingSeconds: number;
  approvedSeconds: number;
}

export type Verdict =
  | { kind: "not-applicable" }
  | { kind: "allow"; observed: readonly Observed[] }
  | { kind: "hold"; rules: Fired[]; terms: HoldTerms; observed: readonly Observed[] }
  | { kind: "deny"; rules: Fired[]; observed: readonly Observed[] }
  /**
   * Not a yes and not a no: denies, with its own reason. `failed`: the rules that did, with why; left out, none did.
   * `observed`: left out where it did not come to rules.
   */
  | { kind: "could-not-tell"; why: string; failed?: readonly Fired[]; observed?: readonly Observed[] };
