/**
 * A person lets the very same request through once more: its approval was used, and the write then failed elsewhere
 * (another webhook, a quota, a conflict), or it ran out. The old approval stays as it is; a new one for the same
 * digest is made, already decided by that person. Every rule for deciding holds for this too, and at its use the
 * request is judged as ever.
 */
import type { UserInfo } from "./admission.ts";
import type { Approval, Phase } from "./approval.ts";
import { namedGroups } from "./approvers.ts";
import { conflict, type DecideOutcome, type DecidePorts, mayNotDecide, notWhatWasSeen } from "./decide.ts";
import { approvalLine } from "./hold/entries.ts";
import { byDigest, type Found, findApproval, type Pointed, putApproval } from "./hold/rows.ts";
import type { Random } from "./ports.ts";
import { type Decision, decided, pending, phaseAt } from "./transitions.ts";

export interface ReapprovePorts extends DecidePorts {
  random: Random;
}

export interface AgainWish {
  comment?: string;
  /** As in deciding: a prefix of the digest that was reviewed, and the resourceVersion it was done on. */
  digest?: string;
  resourceVersion?: string;
}

/** Where the rule asks for several people, how long the others have: as long as for a first decision by default. */
const PENDING_SECONDS = 3600;

/** `decided` carries the new approval: Approved, or Pending where the rule asks for more than one person. */
export async function reapprove(
  ports: ReapprovePorts,
  at: { namespaceUid: string; name: string },
  user: UserInfo,
  wish: AgainWish,
  dryRun: boolean,
): Promise<DecideOutcome> {
  for (;;) {
    const old = await findApproval(ports.store, at.namespaceUid, at.name);
    if (old === undefined) return { kind: "not-found" };
    const latest = await byDigest(ports.store, at.namespaceUid, old.approval.spec.digest);
    const now = ports.clock.now();
    const obstacle =
      mayNotDecide(ports.agents, old.approval, user) ??
      isNotOver(old, latest, now) ??
      notWhatWasSeen(old, wish);
    if (obstacle !== undefined) return obstacle;
    const decision: Decision = {
      user: user.username,
      verdict: "Approve",
      groups: namedGroups(old.approval.spec.approvers, user.groups),
      ...(wish.comment === undefined || wish.comment === "" ? {} : { comment: wish.comment }),
    };
    const asked = askedAgain(old, ports.random, now);
    const approval = decided(asked, decision, now, old.approvedSeconds);
    if (dryRun) return { kind: "decided", approval, revision: old.revision };
    const { puts, deletes } = putApproval({ ...old, approval }, 0);
    // The pointer by target stays: a newer request must find what it supersedes, and this one is older.
    const pointer = { key: latest.key, value: approval.metadata.name, expect: latest.revision };
    const result = await ports.store.commit({
      puts: [...puts, pointer],
      deletes,
      lines: [approvalLine(asked, "created", now), approvalLine(approval, "decided", now, decision)],
    });
    if (result.outcome === "committed") return { kind: "decided", approval, revision: result.revision };
  }
}

/** A denial is final, and what is Superseded or Void is not what the agent wants, or the approver saw, any more. */
const OVER: readonly Phase[] = ["Used", "Expired"];

function isNotOver(old: Found, latest: Pointed, now: number): DecideOutcome | undefined {
  const phase = phaseAt(old.approval, now);
  const { group, resource } = old.approval.spec.target;
  if (group === "hoop.dev" && resource === "sessions")
    return conflict("it was for one session: its agent asks for another one");
  if (phase === "Pending") return conflict("it is Pending: approve it, there is nothing to approve again");
  if (!OVER.includes(phase))
    return conflict(`it is ${phase}; only what is Used or Expired can be approved again`);
  const { name } = old.approval.metadata;
  const newer = latest.found?.approval;
  if (newer === undefined || newer.metadata.name === name) return undefined;
  return conflict(`${newer.metadata.name} came after it for the same request, and is ${phaseAt(newer, now)}`);
}

function askedAgain({ approval: { metadata, spec } }: Found, random: Random, now: number): Approval {
  const name = `${metadata.name.replace(/-[^-]*$/, "")}-${random.suffix(4)}`;
  const uid = random.uuid();
  const again = { ...spec, reapproves: metadata.name };
  return pending({ name, namespace: metadata.namespace, uid }, again, now, PENDING_SECONDS);
}
