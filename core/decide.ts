/** A person decides an approval. */

import type { UserInfo } from "./admission.ts";
import type { AgentMatcher } from "./agents.ts";
import type { Approval } from "./approval.ts";
import { approversWords, mayCount, namedGroups } from "./approvers.ts";
import { approvalLine } from "./hold/entries.ts";
import { type Found, findApproval, putApproval } from "./hold/rows.ts";
import type { Clock, Store } from "./ports.ts";
import { type Decision, decided, phaseAt } from "./transitions.ts";

export interface DecidePorts {
  store: Store;
  clock: Clock;
  agents: AgentMatcher;
}

export interface Wish {
  verdict: Decision["verdict"];
  comment?: string;
  /** A prefix of the digest of what was reviewed: another one must not be decided by it. */
  digest?: string;
  /** The resourceVersion the decision was made on, where the client gives one. */
  resourceVersion?: string;
}

export type DecideOutcome =
  | { kind: "decided"; approval: Approval; revision: number }
  | { kind: "not-found" }
  | { kind: "forbidden"; why: string }
  /** Final decisions do not change; and what was reviewed must be what is decided. */
  | { kind: "conflict"; why: string };

/** `user` is who asks, as authenticated; whether RBAC lets it write approvals/approval was checked before. */
export async function decide(
  ports: DecidePorts,
  at: { namespaceUid: string; name: string },
  user: UserInfo,
  wish: Wish,
  dryRun: boolean,
): Promise<DecideOutcome> {
  for (;;) {
    const found = await findApproval(ports.store, at.namespaceUid, at.name);
    if (found === undefined) return { kind: "not-found" };
    const now = ports.clock.now();
    const obstacle = mayNotDecide(ports.agents, found.approval, user) ?? isTooLate(found, wish, user, now);
    if (obstacle !== undefined) return obstacle;
    const decision: Decision = {
      user: user.username,
      verdict: wish.verdict,
      groups: namedGroups(found.approval.spec.approvers, user.groups),
      ...(wish.comment === undefined || wish.comment === "" ? {} : { comment: wish.comment }),
    };
    const approval = decided(found.approval, decision, now, found.approvedSeconds);
    if (dryRun) return { kind: "decided", approval, revision: found.revision };
    const result = await ports.store.commit({
      ...putApproval({ ...found, approval }, found.revision),
      lines: [approvalLine(approval, "decided", now, decision)],
    });
    if (result.outcome === "committed") return { kind: "decided", approval, revision: result.revision };
  }
}

/** Undefined: this person may. What RBAC says was asked before. */
export function mayNotDecide(
  agents: AgentMatcher,
  approval: Approval,
  user: UserInfo,
): DecideOutcome | undefined {
  if (agents.identify(user).kind === "agent") return forbidden("an agent does not decide approvals");
  if (user.username === approval.spec.agent.username)
    return forbidden("nobody decides a request of their own");
  if (isOwner(agents, approval, user))
    return forbidden("the owners of an agent do not decide what it asks for");
  const { approvers } = approval.spec;
  if (!mayCount(approvers, user.groups))
    return forbidden(`it takes ${approversWords(approvers)}, and you are in none of these groups`);
  return undefined;
}

/** By what the profiles said when it was asked, and by what they say now as far as the approval tells who asked. */
function isOwner(agents: AgentMatcher, { spec: { agent } }: Approval, user: UserInfo): boolean {
  const asked = { username: agent.username, uid: "", groups: agent.groups, extra: new Map() };
  return [agent.owners, agents.owners(asked)].some(
    (owners) =>
      owners !== undefined &&
      (owners.users.includes(user.username) || owners.groups.some((group) => user.groups.includes(group))),
  );
}

function isTooLate(found: Found, wish: Wish, user: UserInfo, now: number): DecideOutcome | undefined {
  const { approval } = found;
  const phase = phaseAt(approval, now);
  if (phase !== "Pending") {
    const last = approval.status.decisions.at(-1);
    return conflict(
      `the approval is ${phase} already${last === undefined ? "" : `, decided by ${last.user}`}`,
    );
  }
  const other = notWhatWasSeen(found, wish);
  if (other !== undefined) return other;
  if (approval.status.decisions.some((decision) => decision.user === user.username))
    return conflict("you have approved it already; it waits for somebody else");
  return undefined;
}

/** Undefined: what is decided is what was reviewed. */
export function notWhatWasSeen(
  { approval, revision }: Found,
  wish: Pick<Wish, "digest" | "resourceVersion">,
): DecideOutcome | undefined {
  if (wish.resourceVersion !== undefined && wish.resourceVersion !== String(revision))
    return conflict(
      "the object has been modified; please apply your changes to the latest version and try again",
    );
  if (wish.digest !== undefined && !approval.spec.digest.startsWith(wish.digest))
    return conflict("what was reviewed is not what this approval is for: the digests differ");
  return undefined;
}

function forbidden(why: string): DecideOutcome {
  return { kind: "forbidden", why };
}

export function conflict(why: string): DecideOutcome {
  return { kind: "conflict", why };
}
