/**
 * The one journey that every write of an agent takes. Whoever serves the write (the admission webhook, or
 * secure-secrets) brings a decoded request, and gets the answer to give.
 *
 *   identify  whose request is it, and out of which session?      agents.ts, session/inside.ts
 *   judge     what do the policies say?                           policy/judge.ts
 *   settle    only where they hold it: wait for people            hold/settle.ts
 *   record    in the ledger, together with the approval it spends record.ts
 *   answer    in words for the API server and the agent           answer.ts
 */
import type { AdmissionRequest } from "./admission.ts";
import type { AgentMatcher } from "./agents.ts";
import type { Outcome } from "./answer.ts";
import { type Answer, answerTo } from "./answer.ts";
import { isAsStrict } from "./approvers.ts";
import { CONFINED, confinedWords, isSelfReview } from "./authorize.ts";
import { type HoldPorts, type Patience, settle } from "./hold/settle.ts";
import { momentOf } from "./moment.ts";
import { type JudgePorts, judge } from "./policy/judge.ts";
import type { PolicyPorts } from "./policy/ports.ts";
import type { Fired, Verdict } from "./policy/verdict.ts";
import type { Log, Meter } from "./ports.ts";
import { record } from "./record.ts";
import { inSession } from "./session/extras.ts";
import { insideOf } from "./session/inside.ts";

export interface ReviewPorts extends HoldPorts, JudgePorts {
  policies: PolicyPorts;
  log: Log;
  meter: Meter;
  agents: AgentMatcher;
}

/** What is known about who called us, and how long the call may take. */
export interface Call extends Patience {
  caller: "verified" | "unverified";
}

/** Resolves with the answer; `undefined`: the client is gone. Rejects where nothing could be recorded: then deny. */
export async function review(
  ports: ReviewPorts,
  request: AdmissionRequest,
  call: Call,
): Promise<Answer | undefined> {
  const actor = ports.agents.identify(request.userInfo);
  if (actor.kind === "other") {
    // Counted, because the API server should not have asked.
    ports.meter.admission("not-applicable", 0);
    return answerTo({ kind: "not-applicable" });
  }
  if (!inSession(request.userInfo)) {
    const profiles = ports.agents.confinedBy(request.userInfo);
    if (profiles.length > 0 && !isSelfReview(request.resource.group, request.resource.resource))
      return refused(ports, request, call, { name: CONFINED, message: confinedWords(profiles) });
    return reviewed(atOneMoment(ports), request, call);
  }
  const from = await insideOf(ports, request.userInfo);
  if (from.kind !== "session")
    return refused(ports, request, call, { name: FORGED, message: from.kind === "forged" ? from.why : "" });
  return reviewed(atOneMoment(ports), { ...request, session: from.session }, call);
}

/** The rule that refuses requests which claim to come from a session, but do not. */
const FORGED = "no-such-session";

/** Denied whatever the policies say, and so not judged. Recorded like any other. */
function refused(ports: ReviewPorts, request: AdmissionRequest, call: Call, rule: Fired): Promise<Answer> {
  const denied: Extract<Verdict, { kind: "deny" }> = { kind: "deny", rules: [rule], observed: [] };
  return answered(ports, record(ports, request, call.caller, denied, denied), denied, ports.clock.now());
}

/**
 * The same ports, but the object that the request goes to is looked up only once, for judging and settling together, and once
 * more after a wait.
 */
function atOneMoment(ports: ReviewPorts): ReviewPorts {
  const { target, passed } = momentOf(ports.policies);
  return { ...ports, policies: { ...ports.policies, target }, waited: passed };
}

async function reviewed(
  ports: ReviewPorts,
  request: AdmissionRequest,
  call: Call,
): Promise<Answer | undefined> {
  const began = ports.clock.now();
  let verdict = await judge(ports, request);
  if (verdict.kind !== "hold")
    return answered(ports, record(ports, request, call.caller, verdict, verdict), verdict, began);
  let waited = 0;
  for (;;) {
    const asked = ports.clock.now();
    const outcome = await settled(ports, request, verdict, call);
    if (verdict.kind === "hold") {
      waited += ports.clock.now() - asked;
      ports.meter.hold(outcome.kind, (ports.clock.now() - asked) / 1000);
    }
    if (outcome.kind === "gone") return undefined;
    if (outcome.kind === "spent") {
      // It may have waited long, and rules may have changed: it passes only by the rules of this moment.
      const now = await judge(ports, request);
      if (isStricter(now, verdict)) {
        verdict = now;
        continue;
      }
    }
    const recorded = await record(ports, request, call.caller, verdict, outcome);
    // Somebody else spent or changed the approval first: settle it again.
    if (recorded.outcome === "conflict") continue;
    ports.meter.admission(verdict.kind, (ports.clock.now() - began - waited) / 1000);
    const answer = answerTo(outcome);
    return { ...answer, warnings: [...answer.warnings, ...warningsOf(verdict)], record: recorded.index };
  }
}

/** It is not given the request on purpose: while many are being recorded, what these carried must not stay in memory. */
async function answered(
  ports: ReviewPorts,
  recording: ReturnType<typeof record>,
  verdict: Exclude<Verdict, { kind: "hold" }>,
  began: number,
): Promise<Answer> {
  const recorded = await recording;
  if (recorded.outcome === "conflict") throw new Error("a record that depends on nothing met a conflict");
  ports.meter.admission(verdict.kind, (ports.clock.now() - began) / 1000);
  const answer = answerTo(verdict);
  return { ...answer, warnings: [...answer.warnings, ...warningsOf(verdict)], record: recorded.index };
}

async function settled(
  ports: ReviewPorts,
  request: AdmissionRequest,
  verdict: Verdict,
  call: Call,
): Promise<Outcome> {
  switch (verdict.kind) {
    case "not-applicable":
    case "allow":
    case "deny":
    case "could-not-tell":
      return verdict;
    case "hold":
      return settle(ports, request, verdict, call);
  }
}

function isStricter(now: Verdict, before: Verdict): boolean {
  if (now.kind === "deny" || now.kind === "could-not-tell") return true;
  if (now.kind !== "hold" || before.kind !== "hold") return false;
  const known = new Set(before.rules.map(({ name }) => name));
  return (
    now.rules.some(({ name }) => !known.has(name)) || !isAsStrict(before.terms.approvers, now.terms.approvers)
  );
}

/** The API server passes on 4 KiB of warnings in all. */
const MOST_WARNINGS = 10;

/** Says what rules in the mode Warn would have done. */
function warningsOf(verdict: Verdict): string[] {
  if (!("observed" in verdict)) return [];
  const warned = verdict.observed.filter(({ mode }) => mode === "Warn").slice(0, MOST_WARNINGS);
  return warned.map(({ name, message, action }) => {
    const would = action === "Hold" ? "held" : "denied";
    return `hoop: would be ${would}: ${message} (rule ${name})`;
  });
}
