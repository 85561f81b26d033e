/** What the rules of all policies find in one request. */
import type { Purse } from "../cel/meter.ts";
import { maskText } from "../mask/patterns.ts";
import { printable } from "../printable.ts";
import { AT_A_TIME } from "./budget.ts";
import type { CompiledEntry, CompiledPolicy, CompiledRule, Mode } from "./compile.ts";
import { type Evaluation, type Outcome, PolicyRun } from "./evaluation.ts";
import type { Soon } from "./ports.ts";
import type { Candidate, CandidateRule, PolicySet } from "./set.ts";
import { after, all } from "./soon.ts";
import type { ApprovalTerms } from "./spec.ts";

/** What came of one rule, for `kubectl hoop policy explain`. */
export interface TraceStep {
  /** The name in verdicts and records. */
  rule: string;
  outcome: "not-matched" | "quiet" | "fired" | "failed" | "off";
  mode: Mode | "Off";
  /** Its message, or why it failed. */
  detail?: string;
}

/** A rule that fired or failed, with the mode and the terms that it has for this request. */
export interface Finding {
  name: string;
  action: "Hold" | "Deny";
  mode: Mode | "Off";
  /** All of them must be met; empty: the defaults. */
  terms: readonly ApprovalTerms[];
  message: string;
  failed: boolean;
}

interface Round {
  going: Evaluation;
  set: PolicySet;
  runOf: (policy: CompiledPolicy) => PolicyRun;
  trace?: (step: TraceStep) => void;
}

const NOTHING: readonly Finding[] = [];

/** Where it takes long, other requests get their turn between two policies. */
export async function findingsOf(
  going: Evaluation,
  set: PolicySet,
  trace?: (step: TraceStep) => void,
): Promise<readonly Finding[]> {
  const runs = new Map<object, PolicyRun>();
  const runOf = (policy: CompiledPolicy) => {
    // A policy with catalogue entries is needed more than once: for its own rules, and for those that it changes.
    if (policy.entries.length === 0) return new PolicyRun(going, policy);
    let run = runs.get(policy);
    if (run === undefined) {
      run = new PolicyRun(going, policy);
      runs.set(policy, run);
    }
    return run;
  };
  const round: Round = { going, set, runOf, ...(trace === undefined ? {} : { trace }) };
  const found: Soon<readonly Finding[]>[] = [];
  let mark = going.enforced.steps;
  for (const candidate of set.candidates(going.request)) {
    const some = findingsBy(candidate, round);
    if (some !== NOTHING) found.push(some);
    if (going.enforced.steps > mark - AT_A_TIME) continue;
    mark = going.enforced.steps;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return after(all(found), (done) => done.flat());
}

function findingsBy(candidate: Candidate, round: Round): Soon<readonly Finding[]> {
  const { policy, matches, enforces } = candidate;
  const { going } = round;
  if (matches?.(going.request, going.namespace) === false) return notMatched(candidate, round);
  const run = round.runOf(policy);
  const applies = run.applies(enforces ? going.enforced : going.observed, true);
  return applies instanceof Promise
    ? ofRulesLater(candidate, run, applies, round)
    : ofRules(candidate, run, applies, round);
}

// Waiting has a function of its own, here and below, and so has firing. Most of a hundred rules do neither: a closure in the
// function that all of them go through would make V8 allocate what it captures for each of them.
function ofRulesLater(
  candidate: Candidate,
  run: PolicyRun,
  applies: Promise<Outcome<boolean>>,
  round: Round,
): Promise<readonly Finding[]> {
  return applies.then((later) => ofRules(candidate, run, later, round));
}

function notMatched({ rules }: Candidate, { trace }: Round): readonly Finding[] {
  if (trace !== undefined)
    for (const { rule } of rules) trace({ rule: rule.name, outcome: "not-matched", mode: rule.mode });
  return NOTHING;
}

function ofRules(
  candidate: Candidate,
  run: PolicyRun,
  applies: Outcome<boolean>,
  round: Round,
): Soon<readonly Finding[]> {
  if ("value" in applies && !applies.value) return notMatched(candidate, round);
  const failed = "failed" in applies ? applies.failed : undefined;
  let found: Soon<readonly Finding[]>[] | undefined;
  for (const one of candidate.rules) {
    const outcome = outcomeOf(one, failed, run, round.going);
    const some =
      outcome instanceof Promise
        ? ofRuleLater(outcome, one.rule, candidate.policy, round)
        : ofRule(outcome, one.rule, candidate.policy, round);
    if (some === NOTHING) continue;
    found ??= [];
    found.push(some);
  }
  return found === undefined ? NOTHING : after(all(found), (done) => done.flat());
}

function ofRuleLater(
  outcome: Promise<RuleOutcome>,
  rule: CompiledRule,
  policy: CompiledPolicy,
  round: Round,
): Promise<readonly Finding[]> {
  return outcome.then((later) => ofRule(later, rule, policy, round));
}

function ofRule(
  outcome: RuleOutcome,
  rule: CompiledRule,
  policy: CompiledPolicy,
  round: Round,
): Soon<readonly Finding[]> {
  if (outcome.kind === "found") return settled(outcome, rule, policy, round);
  round.trace?.({ rule: rule.name, outcome: outcome.kind, mode: rule.mode });
  return NOTHING;
}

interface Found {
  kind: "found";
  message: string;
  failed: boolean;
}
type RuleOutcome = Found | { kind: "not-matched" } | { kind: "quiet" };

const NOT_MATCHED = { kind: "not-matched" } as const;
const QUIET = { kind: "quiet" } as const;

/** @param failed why nobody can tell whether the policy is about the request; the rule's own match may still say that it is not. */
function outcomeOf(
  { rule, matches }: CandidateRule,
  failed: string | undefined,
  run: PolicyRun,
  { request, namespace, enforced, observed }: Evaluation,
): Soon<RuleOutcome> {
  if (matches?.(request, namespace) === false) return NOT_MATCHED;
  const broken = rule.broken ?? failed;
  if (broken !== undefined) return { kind: "found", failed: true, message: broken };
  const purse = rule.mode === "Enforce" ? enforced : observed;
  const tested: Soon<Outcome<boolean>> =
    rule.when === undefined ? { value: true } : run.test(rule.when, purse);
  if ("value" in tested && !tested.value) return QUIET;
  return fired(tested, rule, run, purse);
}

function fired(
  tested: Soon<Outcome<boolean>>,
  rule: CompiledRule,
  run: PolicyRun,
  purse: Purse,
): Soon<RuleOutcome> {
  return after(tested, (outcome): RuleOutcome => {
    if ("failed" in outcome) return { kind: "found", failed: true, message: outcome.failed };
    if (!outcome.value) return QUIET;
    const own = rule.messageExpression === undefined ? undefined : run.text(rule.messageExpression, purse);
    return { kind: "found", failed: false, message: told(usable(own) ?? rule.message) };
  });
}

/** A message may quote the request, and is shown in answers, approvals and records: masked, and without invisible characters. */
const told = (message: string): string => printable(maskText(message));

/** In bytes. As in Kubernetes, a message that is longer, blank, or of several lines is not used: the rule's own `message` is. */
const LONGEST_MESSAGE = 5 * 1024;

function usable(text: string | undefined): string | undefined {
  const trimmed = text?.trim() ?? "";
  const isUsable = trimmed !== "" && !trimmed.includes("\n") && Buffer.byteLength(trimmed) <= LONGEST_MESSAGE;
  return isUsable ? trimmed : undefined;
}

/** Policies may change the mode and the terms of a catalogue rule by entries: the strictest entry that applies counts. */
function settled(
  { message, failed }: Found,
  rule: CompiledRule,
  policy: CompiledPolicy,
  round: Round,
): Soon<readonly Finding[]> {
  const own = rule.terms === undefined ? [] : [rule.terms];
  const done = (mode: Mode | "Off", terms: readonly ApprovalTerms[]): readonly Finding[] => {
    const outcome = mode === "Off" ? "off" : failed ? "failed" : "fired";
    round.trace?.({ rule: rule.name, outcome, mode, detail: message });
    return [{ name: rule.name, action: rule.action, message, failed, mode, terms }];
  };
  const entries = policy.origin === undefined ? [] : round.set.entries(rule.name);
  if (entries.length === 0) return done(rule.mode, own);
  const applying = entries.map(({ policy: by, entry }) => appliesTo(round, by, entry, rule));
  return after(all(applying), (some) => {
    const untold = some.find((entry) => entry !== undefined && "failed" in entry);
    if (untold !== undefined && "failed" in untold) return cannotTell(rule, untold.failed, round);
    const applied = some.filter((entry) => entry !== undefined && "mode" in entry);
    const strictest = STRICTEST_FIRST.find((mode) => applied.some((entry) => entry.mode === mode));
    if (strictest === undefined) return done(rule.mode, own);
    const counting = applied.filter((entry) => entry.mode === strictest);
    return done(
      strictest,
      counting.flatMap((entry) => entry.terms ?? own),
    );
  });
}

function cannotTell(rule: CompiledRule, why: string, { trace }: Round): readonly Finding[] {
  trace?.({ rule: rule.name, outcome: "failed", mode: "Enforce", detail: why });
  return [{ name: rule.name, action: rule.action, message: why, failed: true, mode: "Enforce", terms: [] }];
}

const STRICTEST_FIRST: readonly (Mode | "Off")[] = ["Enforce", "Warn", "Audit", "Off"];

/**
 * The entry, if it applies. Where nobody can tell, an entry that loosens the rule does not apply, and an entry that tightens it
 * fails.
 */
function appliesTo(
  { going, runOf }: Round,
  policy: CompiledPolicy,
  entry: CompiledEntry,
  rule: CompiledRule,
): Soon<CompiledEntry | { failed: string } | undefined> {
  const { when } = entry;
  const run = runOf(policy);
  const untold = (why: string) =>
    tightens(entry, rule) ? { failed: `what policy ${policy.name} says of it: ${why}` } : undefined;
  return after(run.applies(going.enforced), (about) => {
    if ("failed" in about) return untold(about.failed);
    if (!about.value) return undefined;
    if (when === undefined) return entry;
    return after(run.test(when, going.enforced), (outcome) => {
      if ("failed" in outcome) return untold(outcome.failed);
      return outcome.value ? entry : undefined;
    });
  });
}

function tightens({ mode, terms }: CompiledEntry, rule: CompiledRule): boolean {
  const [of, by] = [rule.mode, mode].map((one) => STRICTEST_FIRST.indexOf(one)) as [number, number];
  return by < of || (mode === "Enforce" && terms !== undefined);
}
