/** Puts a request before people: makes one Pending approval for its digest, and ends those that it makes moot. */
import { type AdmissionRequest, askerOf, member, text } from "../admission.ts";
import type { AgentMatcher, Owners } from "../agents.ts";
import type { Approval, ApprovalSpec, Target } from "../approval.ts";
import { describeChange, diffTexts } from "../change.ts";
import type { ForwardedPorts } from "../connect.ts";
import { changedReferents, type ReferredWords } from "../digest/refers-to.ts";
import type { Asked } from "../digest.ts";
import type { Fired, HoldTerms } from "../policy/verdict.ts";
import type { Clock, Random, Store } from "../ports.ts";
import { printable } from "../printable.ts";
import { ended, pending, phaseAt } from "../transitions.ts";
import { approvalLine } from "./entries.ts";
import { approvalName } from "./names.ts";
import { byTarget, type Found, type Pointed, putApproval, type StoredApproval, waitsOf } from "./rows.ts";

/** Everything about a held request that its approval depends on. */
export interface Question {
  request: AdmissionRequest;
  asked: Asked;
  /** The objects that it refers to, as they were when `asked` was made. */
  refersTo: readonly ReferredWords[];
  /** The ports that its session may forward. */
  forwarded: ForwardedPorts;
  rules: Fired[];
  terms: HoldTerms;
  /** Where the approval lives. */
  namespace: { name: string; uid: string };
  /** When the request came in, milliseconds since the epoch. */
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
 * Makes the approval; or nothing, where somebody else was faster. In either case look again for what there is.
 * @param latest the digest's pointer row, as it is now.
 * @param voidReason why the approval that it points to does not count; left out: it is over, or there is none.
 * @returns `too many`: as many of this agent's requests wait as may. Requests that come at once may exceed that a little.
 */
export async function ask(
  ports: AskPorts,
  question: Question,
  latest: Pointed,
  voidReason?: string,
): Promise<"asked" | "too many"> {
  const now = ports.clock.now();
  const target = await byTarget(
    ports.store,
    question.namespace.uid,
    wisherOf(question),
    targetText(question),
  );
  const moot = mootApprovals(question, latest.found, target.found, now, voidReason);
  if (await areTooMany(ports, question, moot)) return "too many";
  const superseded = moot.find(({ phase }) => phase === "Superseded")?.found.approval;
  const made = newApproval(ports, question, superseded, now);
  const { name } = made.approval.metadata;
  const changes = [putApproval(made, 0)];
  const lines = [approvalLine(made.approval, "created", now)];
  for (const { found, phase, why } of moot) {
    const over = ended(found.approval, phase, why, now);
    changes.push(putApproval({ ...found, approval: over }, found.revision));
    lines.push(approvalLine(over, phase === "Superseded" ? "superseded" : "void", now));
  }
  const pointers = [latest, target].map(({ key, revision }) => ({ key, value: name, expect: revision }));
  await ports.store.commit({
    puts: [...changes.flatMap(({ puts }) => puts), ...pointers],
    deletes: changes.flatMap(({ deletes }) => deletes),
    lines,
  });
  return "asked";
}

/** Whose wish it is: two sessions of one agent are two. */
function wisherOf({ request }: Question): string {
  const { session } = request;
  return `${askerOf(request).username}${session === undefined ? "" : ` ${session.uid}`}`;
}

async function areTooMany(
  { store, maxPendingPerAgent }: AskPorts,
  { request }: Question,
  moot: readonly Moot[],
): Promise<boolean> {
  const leaving = moot.filter(({ found }) => found.approval.status.phase === "Pending").length;
  const limit = maxPendingPerAgent + leaving;
  const waiting = await store.listPart(waitsOf(askerOf(request).username), { limit });
  return waiting.outcome === "ok" && waiting.rows.length >= limit;
}

function newApproval(
  { random, agents }: AskPorts,
  question: Question,
  superseded: Approval | undefined,
  now: number,
): StoredApproval {
  const { request, asked, namespace, terms } = question;
  const approval = pending(
    { name: approvalName(request, random), namespace: namespace.name, uid: random.uuid() },
    spec(question, agents.owners(request.userInfo), superseded),
    now,
    terms.pendingSeconds,
  );
  return {
    approval,
    intent: asked.intent,
    namespaceUid: namespace.uid,
    approvedSeconds: terms.approvedSeconds,
  };
}

interface Moot {
  found: Found;
  phase: "Superseded" | "Void";
  why: string;
}

/**
 * Open approvals that the new one ends: it was given under rules that are no longer those in force; what its approver saw has
 * changed; or the agent now wants something else of the same target.
 */
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
  const change = describeChange(request, question.forwarded);
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

/** In characters. It is shown above the change: a longer one would push that out of sight. */
const LONGEST_REASON = 1000;

/** The reason that the agent claims, so that people can read it: without invisible characters, and cut. */
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
 * Names what the request is done to. A later request of the same agent for the same target takes the place of this one. Not
 * so two connections to one pod: each has a target of its own.
 */
function targetText({ request, asked }: Question): string {
  const { operation, resource, subresource, namespace, name } = request;
  const own = operation === "CONNECT" ? [asked.digest] : [];
  return JSON.stringify([operation, resource.group, resource.resource, subresource, namespace, name, ...own]);
}
