/**
 * Compiles an AgentPolicy into what judges requests. A rule with a mistake in it is kept, marked as broken: it denies
 * whatever it matches. The other rules work as usual, and each mistake is told.
 */
import { type CompileError, compile, type Program } from "../cel/cel.ts";
import type { PolicyEnvironment } from "../cel/environment.ts";
import { withVariables } from "../cel/variables.ts";
import { ESTIMATED_STEPS } from "./budget.ts";
import { POLICY, POLICY_WITH_PARAMS, withoutAuthorizer } from "./environment.ts";
import { type Matcher, matcher } from "./match.ts";
import { type Reach, reachOf } from "./reach.ts";
import { type Problem, shapeProblems } from "./read.ts";
import type { AgentPolicy, AgentPolicySpec, ApprovalTerms, CatalogueEntry, PolicyRule } from "./spec.ts";

export type { Problem };

/** A compiled expression, or why there is none. */
export type Expression = { program: Program } | { broken: string };

export type Mode = "Enforce" | "Warn" | "Audit";

export interface CompiledRule {
  /** The name in verdicts and records. */
  name: string;
  action: "Hold" | "Deny";
  mode: Mode;
  match: Matcher;
  /** Left out: the rule fires on every match. */
  when?: Expression;
  message: string;
  messageExpression?: Program;
  terms?: ApprovalTerms;
  severity?: PolicyRule["severity"];
  /** Why the rule cannot be judged by. */
  broken?: string;
}

export interface CompiledEntry {
  rule: string;
  when?: Expression;
  mode: Mode | "Off";
  terms?: ApprovalTerms;
}

export interface Params {
  kind: { apiVersion: string; kind: string };
  name: string;
  /** Left out: the namespace of the request's target. */
  namespace?: string;
  /** Where the params are missing: true: the policy denies, for it cannot tell. false: it does not apply. */
  required: boolean;
}

export interface CompiledPolicy {
  name: string;
  /** Set for policies of the shipped catalogue; left out: the policy is the cluster's own. */
  origin?: Origin;
  match: Matcher;
  conditions: readonly { name: string; condition: Expression }[];
  params?: Params;
  rules: readonly CompiledRule[];
  entries: readonly CompiledEntry[];
  /** Left out: nothing else decides whom it is about. */
  reach?: Reach;
}

export interface Origin {
  switchable: boolean;
}

export interface Compilation {
  policy: CompiledPolicy;
  problems: Problem[];
}

/** Never throws. `origin` says that it is of the shipped catalogue. */
export function compilePolicy(policy: AgentPolicy, origin?: Origin): Compilation {
  const steps = compiling(policy, origin);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** After so many milliseconds of compiling, other work gets its turn. */
const TURN = 5;

/**
 * Compiles one policy after the other as {@link compilePolicy} does, but lets other work in between.
 * @param now milliseconds, of any clock.
 */
export function compilerInTurns(
  now = () => performance.now(),
): (policy: AgentPolicy) => Promise<Compilation> {
  let until = Number.NEGATIVE_INFINITY;
  return async (policy) => {
    const steps = compiling(policy);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      if (now() < until) continue;
      await new Promise((resolve) => setImmediate(resolve));
      until = now() + TURN;
    }
  };
}

/** Yields before each expression, so that the caller may pause there. */
function* compiling(
  { metadata: { name }, spec }: AgentPolicy,
  origin?: Origin,
): Generator<void, Compilation, void> {
  const misshapen = shapeProblems(spec);
  if (misshapen.length > 0) return { policy: unreadable(name, misshapen), problems: misshapen };
  const problems: Problem[] = [];
  const match = matcher(spec.matchConstraints, "spec.matchConstraints");
  problems.push(...match.problems);
  const params = paramsOf(spec, problems);
  const environment = yield* environmentOf(spec, problems);
  const context: Context = {
    environment,
    problems,
    broken: match.problems.length > 0 ? "its policy's matchConstraints are not valid" : params.broken,
    prefix: origin === undefined ? `${name}/` : "",
  };
  const conditions = yield* each(spec.matchConditions, ({ name: called, expression }, i) => ({
    name: called,
    condition: expressionOf(context, expression, `spec.matchConditions[${i}].expression`),
  }));
  noteTwice(spec.matchConditions, "spec.matchConditions", problems);
  noteTwice(spec.rules, "spec.rules", problems);
  const rules = yield* each(spec.rules, (rule, i) => ruleOf(context, rule, `spec.rules[${i}]`));
  const entries = yield* each(spec.catalogue, (entry, i) => entryOf(context, entry, `spec.catalogue[${i}]`));
  const policy: CompiledPolicy = {
    name,
    ...(origin === undefined ? {} : { origin }),
    match,
    conditions,
    ...(params.params === undefined ? {} : { params: params.params }),
    rules,
    reach: reachOf(spec, [match, ...rules.map((rule) => rule.match)]),
    entries,
  };
  return { policy, problems };
}

function* each<T, U>(all: readonly T[] = [], make: (one: T, at: number) => U): Generator<void, U[], void> {
  const made: U[] = [];
  for (const [at, one] of all.entries()) {
    yield;
    made.push(make(one, at));
  }
  return made;
}

interface Context {
  environment: PolicyEnvironment;
  problems: Problem[];
  broken: string | undefined;
  prefix: string;
}

/** A policy whose shape is wrong. Nobody knows what it was meant to match, so it denies everything. */
function unreadable(name: string, problems: readonly Problem[]): CompiledPolicy {
  const broken = `the policy is not valid at ${problems[0]?.path}`;
  const rule: CompiledRule = {
    name,
    action: "Deny",
    mode: "Enforce",
    match: matcher(undefined),
    message: broken,
    broken,
  };
  return { name, match: matcher(undefined), conditions: [], rules: [rule], entries: [] };
}

function paramsOf(
  { paramKind, paramRef }: AgentPolicySpec,
  problems: Problem[],
): { params?: Params; broken?: string } {
  if (paramKind === undefined && paramRef === undefined) return {};
  if (paramKind === undefined || paramRef === undefined) {
    const path = paramKind === undefined ? "spec.paramKind" : "spec.paramRef";
    problems.push({ path, message: "paramKind and paramRef go together" });
    return { broken: "its policy's paramKind and paramRef go together" };
  }
  const { name, namespace, parameterNotFoundAction } = paramRef;
  return {
    params: {
      kind: paramKind,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      required: parameterNotFoundAction !== "Allow",
    },
  };
}

/** The variables that compile. What names one that does not will not compile either. */
function* environmentOf(
  { paramKind, variables = [] }: AgentPolicySpec,
  problems: Problem[],
): Generator<void, PolicyEnvironment, void> {
  let environment = paramKind === undefined ? POLICY : POLICY_WITH_PARAMS;
  for (const [i, variable] of variables.entries()) {
    yield;
    const extended = withVariables(environment, [variable]);
    if ("error" in extended)
      problems.push({ path: `spec.variables[${i}].${extended.part}`, ...extended.error });
    else environment = extended.environment;
  }
  return environment;
}

/** Compiles an expression of type bool. */
export function boolean(text: string, environment: PolicyEnvironment): Expression & { error?: CompileError } {
  const outcome = affordable(text, environment, "bool");
  if ("program" in outcome) return outcome;
  const { message, line, column } = outcome.error;
  return { broken: `${message} (line ${line}, column ${column})`, error: outcome.error };
}

function affordable(text: string, environment: PolicyEnvironment, type: "bool" | "string") {
  const outcome = compile(text, environment, type);
  if ("error" in outcome || outcome.program.cost <= ESTIMATED_STEPS) return outcome;
  return { error: { message: "too expensive: loops within loops", line: 1, column: 1 } };
}

function expressionOf({ environment, problems }: Context, text: string, path: string): Expression {
  const { error, ...expression } = boolean(text, environment);
  if (error !== undefined) problems.push({ path, ...error });
  return expression;
}

function ruleOf(context: Context, rule: PolicyRule, path: string): CompiledRule {
  const match = matcher(rule.matchConstraints, `${path}.matchConstraints`);
  context.problems.push(...match.problems);
  const when = rule.when === undefined ? undefined : expressionOf(context, rule.when, `${path}.when`);
  const message = messageOf(context, rule, path);
  const broken =
    context.broken ??
    (match.problems.length > 0 ? "its matchConstraints are not valid" : undefined) ??
    message.broken ??
    (when !== undefined && "broken" in when ? when.broken : undefined);
  return {
    name: `${context.prefix}${rule.name}`,
    action: rule.action,
    mode: rule.mode ?? "Enforce",
    match,
    ...(when === undefined ? {} : { when }),
    message: textOf(rule),
    ...(message.program === undefined ? {} : { messageExpression: message.program }),
    ...(rule.approval === undefined ? {} : { terms: rule.approval }),
    ...(rule.severity === undefined ? {} : { severity: rule.severity }),
    ...(broken === undefined ? {} : { broken }),
  };
}

function messageOf(
  { environment, problems }: Context,
  { messageExpression }: PolicyRule,
  path: string,
): { program?: Program; broken?: string } {
  if (messageExpression === undefined) return {};
  const outcome = affordable(messageExpression, withoutAuthorizer(environment), "string");
  if ("program" in outcome) return { program: outcome.program };
  problems.push({ path: `${path}.messageExpression`, ...outcome.error });
  return { broken: "its messageExpression does not compile" };
}

/** The message of a rule; where it has none, its condition. */
function textOf({ message = "", when }: PolicyRule): string {
  const own = message.trim();
  if (own !== "") return own;
  return when === undefined
    ? "every such request"
    : `true of this request: ${when.trim().replace(/\s+/g, " ")}`;
}

function entryOf(
  context: Context,
  { rule, when, mode, approval }: CatalogueEntry,
  path: string,
): CompiledEntry {
  return {
    rule,
    ...(when === undefined ? {} : { when: expressionOf(context, when, `${path}.when`) }),
    mode: mode ?? "Enforce",
    ...(approval === undefined ? {} : { terms: approval }),
  };
}

function noteTwice(named: readonly { name: string }[] = [], path: string, problems: Problem[]): void {
  const known = new Set<string>();
  for (const [i, { name }] of named.entries()) {
    if (known.has(name)) problems.push({ path: `${path}[${i}].name`, message: "two of this name" });
    known.add(name);
  }
}
