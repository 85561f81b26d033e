/** Puts a request before people: one Pending approval for its digest, in place of what it makes moot. */
import type { Delete, Put } from "#kit/storage.ts";
import { type AdmissionRequest, credentialOf, member, text } from "../admission.ts";
import type { Approval, ApprovalSpec, Target } from "../approval.ts";
import { describeChange, diffTexts } from "../change.ts";
import type { Asked } from "../digest.ts";
import type { Clock, Random, Store } from "../ports.ts";
import type { Fired, HoldTerms } from "../rules/rule.ts";
import { ended, pending, phaseAt } from "../transitions.ts";
import { approvalLine } from "./entries.ts";
import { approvalName } from "./names.ts";
import { byTarget, type Found, type Pointed, putApproval } from "./rows.ts";

/** Everything about a held request that its approval depends on. */
export interface Question {
  request: AdmissionRequest;
  asked: Asked;
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
}

/** `latest`: what the digest's pointer row says now. A conflict means that somebody else was faster: look again. */
export async function ask(
  ports: AskPorts,
  question: Question,
  latest: Pointed,
  voidReason?: string,
): Promise<void> {
  const now = ports.clock.now();
  const { request, asked, namespace } = question;
  const target = await byTarget(ports.store, namespace.uid, request.userInfo.username, targetText(question));
  const moot = mootApprovals(question, latest.found, target.found, now, voidReason);
  const name = approvalName(request, ports.random);
  const before = moot.find(({ phase }) => phase === "Superseded")?.found.approval;
  const approval = pending(
    { name, namespace: namespace.name, uid: ports.random.uuid() },
    spec(question, before),
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
    moot.push({ found: sameTarget, phase: "Void", why: "what the approver saw has changed since" });
  else if (sameTarget.approval.status.phase === "Pending")
    moot.push({
      found: sameTarget,
      phase: "Superseded",
      why: "the agent now asks for something else on this target",
    });
  return moot;
}

function isOpen(approval: Approval, now: number): boolean {
  const phase = phaseAt(approval, now);
  return phase === "Pending" || phase === "Approved";
}

function spec(question: Question, before: Approval | undefined): ApprovalSpec {
  const { request, asked, rules, terms } = question;
  const credentialID = credentialOf(request.userInfo);
  const annotations = member(member(request.object ?? request.oldObject ?? {}, "metadata"), "annotations");
  const reason = text(annotations, "hoop.dev/reason");
  const change = describeChange(request);
  return {
    agent: {
      username: request.userInfo.username,
      groups: [...request.userInfo.groups],
      ...(credentialID === "" ? {} : { credentialID }),
    },
    operation: request.operation,
    target: targetOf(request),
    rules,
    ...(reason === "" ? {} : { reason }),
    approvers: { groups: [...terms.approvers.groups], count: terms.approvers.count },
    digest: asked.digest,
    change,
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
