/**
 * The checker of crash runs. It knows Hoop only by its promises and by what it shows: every decision made is honoured,
 * none is spent twice, nothing pending is lost, every answered allow has its record.
 */
import type { AuditEvent, Calm, Evidence, Told } from "./evidence.ts";
import { grouped, type Indexed, indexed, judged, succeeded, wishOf } from "./indexed.ts";

/** A broken promise: which, and what shows it. */
export interface Violation {
  rule: string;
  what: string;
}

type Rule = (seen: Indexed) => string[];

export function violations(evidence: Evidence): Violation[] {
  const seen = indexed(evidence);
  return Object.entries(RULES).flatMap(([rule, look]) => look(seen).map((what) => ({ rule, what })));
}

const RULES: Readonly<Record<string, Rule>> = {
  "an acknowledged decision stands": ({ evidence, approvals }) =>
    evidence.decided
      .filter(({ code }) => succeeded(code))
      .filter(({ approval, user, verdict }) => {
        const { phase, decisions } = approvals.get(approval)?.status ?? { phase: "missing", decisions: [] };
        const fits = verdict === "Approve" ? ["Approved", "Used"] : ["Denied"];
        const listed = decisions.some((one) => one.user === user && one.verdict === verdict);
        return !listed || !fits.includes(phase);
      })
      .map(
        ({ approval, user, verdict }) =>
          `${verdict} of ${approval} by ${user}: now ${JSON.stringify(approvals.get(approval)?.status)}`,
      ),

  "an approval is decided once": ({ evidence }) =>
    moreThanOne(
      grouped(
        evidence.decided.filter(({ code }) => succeeded(code)),
        ({ approval }) => approval,
      ),
      "acknowledged decisions",
    ),

  "nothing that was told of is lost": ({ evidence, told, approvals }) => {
    const names = [
      ...told.flatMap(({ approval }) => approval ?? []),
      ...evidence.decided.map(({ approval }) => approval),
      ...evidence.shown,
    ];
    // Nothing in a crash run lets an approval run out or changes its ground.
    const kept = ["Pending", "Approved", "Denied", "Used"];
    return [...new Set(names)]
      .filter((name) => !kept.includes(approvals.get(name)?.status.phase ?? "missing"))
      .map((name) => `${name} is ${approvals.get(name)?.status.phase ?? "missing"}`);
  },

  "an approval is spent once": ({ spends, passes, audited }) => [
    ...moreThanOne(spends, "records of its use"),
    ...moreThanOne(passes, "answers that let it through"),
    ...moreThanOne(audited, "writes in the audit log"),
  ],

  "what is used was approved, and its use is recorded": ({ evidence, approvals, spends }) => {
    const approved = new Set(
      evidence.decided.flatMap(({ approval, verdict }) => (verdict === "Approve" ? [approval] : [])),
    );
    const isUsed = (name: string) => approvals.get(name)?.status.phase === "Used";
    const used = [...approvals.keys()].filter(isUsed);
    return [
      ...used.filter((name) => !approved.has(name)).map((name) => `${name} is used, nobody approved it`),
      ...used.filter((name) => !spends.has(name)).map((name) => `${name} is used, without a record`),
      ...[...spends.keys()]
        .filter((name) => !isUsed(name))
        .map((name) => `${name}: a record of its use, but it is not used`),
    ];
  },

  "nothing takes effect more often than approvals were spent": ({ effects, approvalsOf, spends }) =>
    [...effects].flatMap(([wish, effect]) => {
      const spent = (approvalsOf.get(wish) ?? []).filter((name) => spends.has(name)).length;
      return effect > spent ? [`${wish}: ${effect} effects of ${spent} spent approvals`] : [];
    }),

  "what was answered as done is done": ({ told, effects }) =>
    [
      ...grouped(
        told.filter(({ outcome }) => outcome === "passed"),
        ({ wish }) => wish,
      ),
    ].flatMap(([wish, passed]) => {
      const effect = effects.get(wish) ?? 0;
      return passed.length > effect ? [`${wish}: ${passed.length} answers, ${effect} effects`] : [];
    }),

  "every answered allow has its record": ({ told, spends }) =>
    told
      .filter(({ outcome, approval }) => outcome === "passed" && !spends.has(approval ?? ""))
      .map(({ wish, approval }) => `${wish} passed by ${approval ?? "no approval"}, without a record`),

  "what an agent may do unasked is recorded before it is answered or takes effect": ({ evidence }) => {
    const there = new Set(evidence.configMaps);
    const allowed = new Set(
      evidence.records.flatMap(({ spec }) =>
        spec.answer === "allowed" ? [`${spec.target?.name} ${spec.dryRun === true}`] : [],
      ),
    );
    const acknowledged = evidence.free.filter(({ code }) => succeeded(code));
    const real = acknowledged.filter(({ dryRun }) => !dryRun).map(({ name }) => name);
    return [
      ...acknowledged
        .filter(({ name, dryRun }) => !allowed.has(`${name} ${dryRun}`))
        .map(({ name }) => `${name} was answered without a record`),
      ...evidence.configMaps
        .filter((name) => !allowed.has(`${name} false`))
        .map((name) => `${name} is there without a record`),
      ...real.filter((name) => !there.has(name)).map((name) => `${name} was answered, and is not there`),
    ];
  },

  "the audit log's annotations name the records": (seen) =>
    seen.evidence.audit.flatMap((event) => {
      const problem = auditProblem(seen, event);
      return problem === undefined ? [] : [`${problem}: ${JSON.stringify(event.annotations)}`];
    }),

  // Else an empty audit log would pass for a good one.
  "the audit log knows what was answered": ({ told, audited, evidence }) => {
    const killed = evidence.kills.flatMap(({ victim, at }) => (victim === "kube-apiserver" ? [at] : []));
    return told
      .filter(({ outcome, approval }) => outcome === "passed" && !audited.has(approval ?? ""))
      .filter(({ ended }) => !killed.some((at) => Math.abs(at - ended) < 2_000))
      .map(({ wish, approval }) => `${wish} passed by ${approval}, which the audit log does not show`);
  },

  "an approval is used up unanswered only where its request was cut": ({ told, spends, passes, approvals }) =>
    [...spends].flatMap(([name, [record]]) => {
      const approval = approvals.get(name);
      if (passes.has(name) || record === undefined || approval === undefined) return [];
      const wish = wishOf(approval);
      const at = Date.parse(record.spec.time);
      const cut = told.some((one) => one.wish === wish && isCutAround(one, at));
      return cut ? [] : [`${name} for ${wish}`];
    }),

  "who asks to the end gets an end": ({ evidence, told }) => {
    const ended = new Set(told.flatMap(({ outcome, wish }) => (isEnd(outcome) ? [wish] : [])));
    return evidence.wishes
      .filter(({ id, toTheEnd }) => toTheEnd && !ended.has(id))
      .map(({ id }) => `${id} was neither carried out nor denied`);
  },

  "approvals are for what was asked": ({ evidence, approvals }) => {
    const wishes = new Set(evidence.wishes.map(({ id }) => id));
    return [...approvals.values()]
      .filter((approval) => !wishes.has(wishOf(approval)))
      .map(({ metadata }) => `${metadata.name} is for nothing that was asked`);
  },

  "asked again in the calm, each request finds its decision": (seen) =>
    seen.evidence.calm.flatMap((calm) =>
      calm.told.flatMap((told) => {
        const wanted = calmProblem(seen, calm, told);
        return wanted === undefined ? [] : [`${JSON.stringify(told)}: wanted ${wanted}`];
      }),
    ),
};

export const isEnd = (outcome: Told["outcome"]) => ["passed", "denied", "gone"].includes(outcome);

function moreThanOne(groups: Map<string, unknown[]>, what: string): string[] {
  return [...groups].flatMap(([name, all]) => (all.length > 1 ? [`${name}: ${all.length} ${what}`] : []));
}

/** A request that nobody was answered for, or with an error, at the time; the API server may be a little behind its client. */
function isCutAround({ outcome, began, ended }: Told, at: number): boolean {
  return (outcome === "cut" || outcome === "failed") && began <= at && at <= ended + 5_000;
}

const OPERATIONS: Readonly<Record<string, string>> = { create: "CREATE", patch: "UPDATE", delete: "DELETE" };

function auditProblem({ recordAt }: Indexed, event: AuditEvent): string | undefined {
  const all = judged(event);
  const wentThrough = succeeded(event.responseStatus?.code);
  if (wentThrough && all.length === 0) return `${event.verb} went through without a record's index`;
  for (const [i, { record, approval }] of all.entries()) {
    const spec = recordAt.get(record)?.spec;
    if (spec === undefined) return `there is no record ${record}`;
    if (spec.approval?.name !== approval) return `record ${record} is of approval ${spec.approval?.name}`;
    if (spec.agent.username !== event.user.username) return `record ${record} is of ${spec.agent.username}`;
    if (spec.operation !== OPERATIONS[event.verb]) return `record ${record} is of a ${spec.operation}`;
    // To be admitted again it was let through before.
    const letThrough = wentThrough || i < all.length - 1;
    if (letThrough && spec.answer !== "allowed") return `record ${record} says ${spec.answer}`;
  }
  return undefined;
}

/** What should have been answered instead, given how the wish's latest approval stood. */
function calmProblem(seen: Indexed, calm: Calm, told: Told): string | undefined {
  const standing = new Map(calm.approvals.map((approval) => [approval.metadata.name, approval]));
  const latest = (seen.approvalsOf.get(told.wish) ?? []).filter((name) => standing.has(name)).at(-1);
  const same = told.approval === latest;
  switch (latest === undefined ? "none" : standing.get(latest)?.status.phase) {
    case "Approved":
      return told.outcome === "passed" && same ? undefined : `a pass by ${latest}, which is Approved`;
    case "Denied":
      return told.outcome === "denied" && same ? undefined : `a denial by ${latest}`;
    case "Pending":
      return told.outcome === "held" && same ? undefined : `held by ${latest}, which is Pending`;
    default:
      return anewProblem(seen, told, latest);
  }
}

/** Used up, or never asked before: held anew, unless it is done, or this is the request that was cut moments ago. */
function anewProblem({ evidence, passes }: Indexed, told: Told, latest: string | undefined) {
  const { kind } = evidence.wishes.find(({ id }) => id === told.wish) ?? {};
  if (told.outcome === "held" && told.approval !== latest) return undefined;
  if (told.outcome === "gone" && kind === "delete") return undefined;
  const reentered = told.outcome === "passed" && told.approval === latest && latest !== undefined;
  if (reentered && kind !== "create" && passes.get(latest)?.length === 1) return undefined;
  return `held by another approval than ${latest}`;
}
