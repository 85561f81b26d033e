/** Puts a request before people: one Pending approval for its digest, in place of what it makes moot. */
import type { Delete, Put } from "#kit/storage.ts";
import { type AdmissionRequest, askerOf, member, text } from "../admission.ts";
import type { AgentMatcher, Owners } from "../agents.ts";
import type { Approval, ApprovalSpec, Target } from "../approval.ts";
import { describeChange, diffTexts } from "../change.ts";
import { changedReferents, type ReferredWords } from "../digest/refers-to.ts";
import type { Asked } from "../digest.ts";
import type { Fired, HoldTerms } from "../policy/verdict.ts";
import type { Clock, Random, Store } from "../ports.ts";
import { printable } from "../printable.ts";
import { ended, pending, phaseAt } from "../transitions.ts";
import { approvalLine } from "./entries.ts";
import { approvalName } from "./names.ts";
import { byTarget, type Found, type Pointed, putApproval, waitsOf } from "./rows.ts";

/** Everything about a held request that its approval depends on. */
export interface Question {
  request: AdmissionRequest;
  asked: Asked;
  /** What it refers to, as it was when `asked` was made. */
  refersTo: readonly ReferredWords[];
  rules: Fired[];
  terms: HoldTerms;
  /** Where the approval lives. */
  namespace: { name: string; uid: string };
  /** When it came in, milliseconds since the epoch. */
  since: number;
}

interface AskPorts {
  store: Store;
  clock: Clock;
  random: Random;
  agents: AgentMatcher;
  maxPendingPerAgent: number;
}

/**
 * `latest`: what the digest's pointer row says now. A conflict means that somebody else was faster: look again.
 * `too many`: as much of this agent's waits already as may; several at once may get past that.
 */
export async function ask(
  ports: AskPorts,
  question: Question,
  latest: Pointed,
  voidReason?: string,
): Promise<"asked" | "too many"> {
  const now = ports.clock.now();
  const { request, asked, namespace } = question;
  const agent = askerOf(request).username;
  const wisher = `${agent}${request.session === undefined ? "" : ` ${request.session.uid}`}`;
  const target = await byTarget(ports.store, namespace.uid, wisher, targetText(question));
  const moot = mootApprovals(question, latest.found, target.found, now, voidReason);
  const leaving = moot.filter(({ found }) => found.approval.status.phase === "Pending").length;
  const limit = ports.maxPendingPerAgent + leaving;
  const waiting = await ports.store.listPart(waitsOf(agent), { limit });
  if (waiting.outcome === "ok" && waiting.rows.length >= limit) return "too many";
  const name = approvalName(request, ports.random);
  const before = moot.find(({ phase }) => phase === "Superseded")?.found.approval;
  const approval = pending(
    { name, namespace: namespace.name, uid: ports.random.uuid() },
    spec(question, ports.agents.owners(request.userInfo), before),
    now,
    question.terms.pendingSeconds,
  );
  const stored = {
    approval,
    intent: asked.intent,
    namespaceUid: namespace.uid,
    approvedSeconds: question.terms.approvedSeconds,
  };
  const created = putApproval(stored, 0);
  const puts: Put[] = [
    ...created.puts,
    { key: latest.key, value: name, expect: latest.revision },
    { key: target.key, value: name, expect: target.revision },
  ];
  const deletes: Delete[] = [];
  const lines = [approvalLine(approval, "created", now)];
  for (const { found, phase, why } of moot) {
    const over = ended(found.approval, phase, why, now);
    const change = putApproval({ ...found, approval: over }, found.revision);
    puts.push(...change.puts);
    deletes.push(...change.deletes);
    lines.push(approvalLine(over, phase === "Superseded" ? "superseded" : "void", now));
  }
  await ports.store.commit({ puts, deletes, lines });
  return "asked";
}

interface Moot {
  found: Found;
  phase: "Superseded" | "Void";
  why: string;
}

/** Open approvals that the new one ends: given under other rules, for a ground that has changed, or overtaken. */
function mootApprovals(
  question: Question,
  sameDigest: Found | undefined,
  sameTarget: Found | undefined,
  now: number,
  voidReason: string | undefined,
): Moot[] {
  const moot: Moot[] = [];
  if (sameDigest !== undefined && voidReason !== undefined && isOpen(sameDigest.approval, now))
    moot.push({ found: sameDigest, phase: "Void", why: voidReason });
  if (sameTarget === undefined || !isOpen(sameTarget.approval, now)) return moot;
  if (moot.some(({ found }) => found.approval.metadata.name === sameTarget.approval.metadata.name))
    return moot;
  if (sameTarget.intent === question.asked.intent)
    moot.push({ found: sameTarget, phase: "Void", why: whatChanged(question, sameTarget.approval) });
  else if (sameTarget.approval.status.phase === "Pending")
    moot.push({
      found: sameTarget,
      phase: "Superseded",
      why: "the agent now asks for something else on this target",
    });
  return moot;
}

function whatChanged({ refersTo }: Question, { spec }: Approval): string {
  const changed = changedReferents(spec.change.refersTo ?? [], refersTo);
  return changed === ""
    ? "what the approver saw has changed since"
    : `what it refers to has changed since: ${changed}`;
}

function isOpen(approval: Approval, now: number): boolean {
  const phase = phaseAt(approval, now);
  return phase === "Pending" || phase === "Approved";
}

function spec(question: Question, owners: Owners | undefined, before: Approval | undefined): ApprovalSpec {
  const { request, asked, rules, terms } = question;
  const { username, groups, credentialID } = askerOf(request);
  const annotations = member(member(request.object ?? request.oldObject ?? {}, "metadata"), "annotations");
  const reason = claimed(text(annotations, "hoop.dev/reason"));
  const change = describeChange(request);
  return {
    agent: {
      ...{ username, groups: [...groups] },
      ...(owners === undefined ? {} : { owners: { users: [...owners.users], groups: [...owners.groups] } }),
      ...(credentialID === undefined ? {} : { credentialID }),
      ...(request.session === undefined ? {} : { session: sessionIn(request) }),
    },
    operation: request.operation,
    target: targetOf(request),
    rules,
    ...(reason === "" ? {} : { reason }),
    approvers: terms.approvers.map(({ groups, count }) => ({ groups: [...groups], count })),
    digest: asked.digest,
    change: {
      ...change,
      ...(question.refersTo.length === 0 ? {} : { refersTo: [...question.refersTo] }),
    },
    ...(before === undefined
      ? {}
      : {
          supersedes: {
            name: before.metadata.name,
            diff: differenceOf(before.spec.change.diff, change.diff),
          },
        }),
  };
}

function sessionIn({ session, userInfo }: AdmissionRequest) {
  const { namespace = "", name = "", profile = "" } = session ?? {};
  return { namespace, name, profile, actingAs: userInfo.username };
}

/** Longer than anybody reads, and it stands before the change. */
const LONGEST_REASON = 1000;

/** A reason is for people to read: nothing in it is invisible, and none pushes the rest out of sight. */
function claimed(reason: string): string {
  const safe = printable(reason);
  const more = safe.length - LONGEST_REASON;
  return more <= 0 ? safe : `${safe.slice(0, LONGEST_REASON)}… (${more} more characters)`;
}

function differenceOf(before: string, after: string): string {
  return diffTexts(before, after) || "(what differs is masked)";
}

export function targetOf(request: AdmissionRequest): Target {
  const namespace = request.namespace;
  const uid = text(member(request.oldObject ?? {}, "metadata"), "uid");
  const generated =
    text(member(request.object ?? {}, "metadata"), "generateName") !== "" && request.operation === "CREATE";
  return {
    ...request.resource,
    ...(request.subresource === "" ? {} : { subresource: request.subresource }),
    kind: request.kind.kind,
    ...(namespace === "" || request.resource.resource === "namespaces" ? {} : { namespace }),
    ...(request.name === "" || generated ? {} : { name: request.name }),
    ...(uid === "" ? {} : { uid }),
  };
}

/**
 * What a later request of the same agent would be another wish for. Two connections to one pod are two wishes: each
 * has a target of its own, so that neither takes the place of the other.
 */
function targetText({ request, asked }: Question): string {
  const { operation, resource, subresource, namespace, name } = request;
  const own = operation === "CONNECT" ? [asked.digest] : [];
  return JSON.stringify([operation, resource.group, resource.resource, subresource, namespace, name, ...own]);
}
