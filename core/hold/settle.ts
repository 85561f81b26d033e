/**
 * Settles a held request: finds or creates its approval, waits for the decision as long as this call may, and says
 * what to answer. Writes it proposes (a spend) are committed by `record`, together with the ledger line.
 */
import type { Delete, Put } from "#kit/storage.ts";
import { type AdmissionRequest, credentialOf } from "../admission.ts";
import type { AgentMatcher } from "../agents.ts";
import type { Approval } from "../approval.ts";
import { tooLargeToShow } from "../change.ts";
import type { Asked } from "../digest.ts";
import type { Verdict } from "../policy/verdict.ts";
import type { Clock, Random, Store } from "../ports.ts";
import { used } from "../transitions.ts";
import { ask, type Question } from "./ask.ts";
import { type Claim, claim, reentryOf } from "./claim.ts";
import { dryRunOfHeld } from "./dry-run.ts";
import { type GroundPorts, groundOf, homeOf } from "./ground.ts";
import { approvalKey, byDigest, type Found, findApproval, putApproval } from "./rows.ts";
import type { Streaks, Wait } from "./streaks.ts";
import type { Waiters } from "./waiters.ts";

export interface HoldPorts extends GroundPorts {
  store: Store;
  clock: Clock;
  random: Random;
  waiters: Waiters;
  streaks: Streaks;
  agents: AgentMatcher;
  maxPendingPerAgent: number;
  /** Called after a wait: whatever was looked up for the request before is out of date. */
  waited?: () => void;
}

/** How long this one call may take. */
export interface Patience {
  /** Milliseconds since the epoch; nothing is spent and nobody waits after it. */
  until: number;
  /** Aborts when the client is gone. */
  gone: AbortSignal;
  /** The length of the request as text, where it is known: it stays in memory while it waits. */
  bytes?: number;
  /** Called when it begins to wait for people, and so needs no turn until it is woken. */
  rests?: () => void;
}

export type Settlement =
  | { kind: "spent"; approval: Approval; asked: Asked; puts: Put[]; deletes: Delete[] }
  | { kind: "re-entered"; approval: Approval; asked: Asked }
  | { kind: "refused"; approval: Approval; asked: Asked; message: string }
  /** Not decided yet. The client shall ask again by itself after so many seconds; `undefined`: it has waited long enough. */
  | { kind: "waiting"; approval: Approval; asked: Asked; retryAfterSeconds: number | undefined; wait: Wait }
  | { kind: "dry-run"; warning: string }
  | { kind: "deny"; message: string }
  | { kind: "could-not-tell"; why: string }
  /** The client hung up; there is nobody to answer. The approval stays. */
  | { kind: "gone" };

/** How often a stock client (client-go) asks again by itself. */
const STOCK_ATTEMPTS = 10;

type Hold = Extract<Verdict, { kind: "hold" }>;
type Waiting = Extract<Settlement, { kind: "waiting" }>;
/** A settlement without its `wait`, which `settle` adds. */
type Ended = Exclude<Settlement, Waiting> | Omit<Waiting, "wait">;

export async function settle(
  ports: HoldPorts,
  request: AdmissionRequest,
  verdict: Hold,
  patience: Patience,
): Promise<Settlement> {
  if (request.operation === "DELETE" && request.name === "")
    return { kind: "deny", message: "deleting a whole collection cannot be held: delete by name" };
  const why = tooLargeToShow(request);
  if (why !== undefined)
    return {
      kind: "deny",
      message:
        `people would have to approve this (${verdict.rules.map(({ name }) => name).join(", ")}), and it is too large ` +
        `to be shown to them: ${why}; split it, or ask a person to do it`,
    };
  if (request.dryRun) return dryRunOfHeld(request, verdict);
  const home = await homeOf(ports, request);
  if (!home.known) return { kind: "could-not-tell", why: home.why };
  const ground = await groundOf(ports, request);
  if (ground.kind !== "ground") return ground;
  const question: Question = {
    request,
    ...ground.on,
    rules: verdict.rules,
    terms: verdict.terms,
    namespace: { name: home.name, uid: home.uid },
    since: ports.clock.now(),
  };
  return waitInStreak(ports, question, patience);
}

async function waitInStreak(ports: HoldPorts, question: Question, patience: Patience): Promise<Settlement> {
  const key = `${question.asked.digest} ${credentialOf(question.request.userInfo)}`;
  const wait = ports.streaks.begin(key, ports.clock.now());
  const budgetEnd = wait.first + question.terms.maxWaitSeconds * 1000;
  let retryAfterSeconds: number | undefined;
  try {
    const settlement = await decideOrWait(ports, question, patience, Math.min(patience.until, budgetEnd));
    if (settlement.kind !== "waiting") return settlement;
    if (ports.clock.now() < budgetEnd) retryAfterSeconds = settlement.retryAfterSeconds;
    return { ...settlement, retryAfterSeconds, wait };
  } finally {
    ports.streaks.end(key, ports.clock.now(), retryAfterSeconds);
  }
}

async function decideOrWait(
  ports: HoldPorts,
  asked: Question,
  patience: Patience,
  waitUntil: number,
): Promise<Ended> {
  let seat: ReturnType<Waiters["takeSeat"]>;
  let question = asked;
  try {
    for (;;) {
      const stands = await standing(ports, question);
      if (stands === undefined) return tooMany(ports.maxPendingPerAgent);
      const { found, claim: step } = stands;
      if (step.kind !== "wait") return outcome(ports, question, found, step, patience);
      // Each waiting call takes a seat of the API server's. Calls without one are told to ask again, in intervals that let a
      // stock client's attempts last as long as the wait may.
      seat ??= ports.waiters.takeSeat(patience.bytes);
      if (seat === undefined)
        return waiting(found, question, spreadOverAttempts(question.terms.maxWaitSeconds));
      patience.rests?.();
      const answer = await waitHere(ports, question, found, waitUntil, patience.gone);
      if (answer !== undefined) return answer;
      // What it stands on may have changed while it waited.
      ports.waited?.();
      const ground = await groundOf(ports, question.request);
      if (ground.kind !== "ground") return ground;
      question = { ...question, ...ground.on };
    }
  } finally {
    seat?.giveBack();
  }
}

type Standing = Exclude<Claim, { kind: "ask" | "void" }>;

function tooMany(limit: number): Ended {
  return {
    kind: "deny",
    message:
      `${limit} of your requests wait for people already, and no more may: wait for decisions, ` +
      "or let those run out that are not wanted any more (kubectl get approvals.hoop.dev -A)",
  };
}

/**
 * The approval that stands for this request, made where there is none, and what it means. Undefined: too many of
 * this agent's wait already.
 */
async function standing(
  ports: HoldPorts,
  question: Question,
): Promise<{ found: Found; claim: Standing } | undefined> {
  for (;;) {
    const latest = await byDigest(ports.store, question.namespace.uid, question.asked.digest);
    const { found } = latest;
    const step =
      found === undefined ? undefined : claim(found.approval, claimant(question), ports.clock.now());
    if (found !== undefined && step !== undefined && step.kind !== "ask" && step.kind !== "void")
      return { found, claim: step };
    const asked = await ask(ports, question, latest, step?.kind === "void" ? step.why : undefined);
    if (asked === "too many") return undefined;
  }
}

/** A Retry-After by which a stock client's attempts last as long as it may wait. */
function spreadOverAttempts(maxWaitSeconds: number): number {
  return Math.max(1, Math.ceil(maxWaitSeconds / STOCK_ATTEMPTS));
}

/** What to answer after waiting here, or instead of it; `undefined`: something has changed, look again. */
async function waitHere(
  ports: HoldPorts,
  question: Question,
  found: Found,
  until: number,
  gone: AbortSignal,
): Promise<Ended | undefined> {
  // A stopping server is not back within a second.
  if (ports.waiters.closed)
    return waiting(found, question, spreadOverAttempts(question.terms.maxWaitSeconds));
  switch (await waitForChange(ports, found, until, gone)) {
    case "gone":
      return { kind: "gone" };
    case "time":
      return waiting(found, question, 1);
    case "changed":
      return overtaken(ports, question, found);
  }
}

/**
 * Whoever waited for what a later request of the same agent took the place of is refused. Were it to ask anew, it
 * would take that one's place in turn, and two requests at once would end each other's approvals without end.
 */
async function overtaken(
  { store }: HoldPorts,
  { asked }: Question,
  { namespaceUid, approval: { metadata } }: Found,
): Promise<Ended | undefined> {
  const approval = (await findApproval(store, namespaceUid, metadata.name))?.approval;
  const { phase } = approval?.status ?? {};
  if (approval === undefined || (phase !== "Superseded" && phase !== "Void")) return undefined;
  const why = approval.status.conditions.find(({ reason }) => reason === phase)?.message ?? phase;
  const message = `this request was overtaken: ${why}. Run it again only if it is still wanted`;
  return { kind: "refused", approval, asked, message };
}

function claimant({ request, rules, terms, since }: Question) {
  return {
    credential: credentialOf(request.userInfo),
    reentry: reentryOf(request),
    since,
    rules,
    terms,
  };
}

function outcome(
  ports: HoldPorts,
  question: Question,
  found: Found,
  step: Exclude<Standing, { kind: "wait" }>,
  patience: Patience,
): Ended {
  const { approval } = found;
  const { asked } = question;
  const now = ports.clock.now();
  switch (step.kind) {
    case "refused":
      return { kind: "refused", approval, asked, message: step.message };
    case "re-enter":
      return { kind: "re-entered", approval, asked };
    case "spend": {
      if (patience.gone.aborted) return { kind: "gone" };
      // Too late for this call to be answered in time: the client asks again and spends then.
      if (now >= patience.until) return waiting(found, question, 1);
      const spent = used(approval, credentialOf(question.request.userInfo), now);
      return {
        kind: "spent",
        approval: spent,
        asked,
        ...putApproval({ ...found, approval: spent }, found.revision),
      };
    }
  }
}

function waiting(found: Found, { asked }: Question, retryAfterSeconds: number): Ended {
  return { kind: "waiting", approval: found.approval, asked, retryAfterSeconds };
}

/** Waits until the approval's row is no longer as it was read, or the time is over, or the client is gone. */
async function waitForChange(
  ports: HoldPorts,
  found: Found,
  until: number,
  gone: AbortSignal,
): Promise<"changed" | "time" | "gone"> {
  const key = approvalKey(found.namespaceUid, found.approval.metadata.name);
  const waiter = ports.waiters.join(key);
  try {
    // It may have changed between the read and the join.
    const row = await ports.store.get(key);
    if (row?.revision !== found.revision) return "changed";
    const expires = Date.parse(found.approval.status.expiresAt);
    const remaining = Math.min(until, expires) - ports.clock.now();
    if (remaining > 0) await ports.clock.sleep(remaining, AbortSignal.any([waiter.woken, gone]));
    if (gone.aborted) return "gone";
    if (waiter.woken.aborted) return "changed";
    return ports.clock.now() >= expires ? "changed" : "time";
  } finally {
    waiter.leave();
  }
}
