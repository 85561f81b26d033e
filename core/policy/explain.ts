/** Why a request is judged as it is: every rule that is about it, with what each part of its expressions comes to. */
import { type AdmissionRequest, type JsonObject, member, targetNamespace } from "../admission.ts";
import { maskObject } from "../mask.ts";
import { APPROVERS, DENY, REQUIRE_APPROVAL } from "./annotations.ts";
import { REQUEST } from "./budget.ts";
import type { CompiledPolicy, CompiledRule } from "./compile.ts";
import { dependentsOf } from "./ended.ts";
import { POLICY } from "./environment.ts";
import { type Evaluation, evaluation, PolicyRun } from "./evaluation.ts";
import { explainExpression, type Runs, type TermTrace } from "./explain-term.ts";
import { factsOf, type Surroundings } from "./facts.ts";
import { type JudgePorts, judge, type TraceStep } from "./judge.ts";
import { matcher } from "./match.ts";
import type { Known, PolicyPorts } from "./ports.ts";
import type { AgentPolicy, AgentPolicySpec, MatchConstraints, PolicyRule } from "./spec.ts";
import type { Verdict } from "./verdict.ts";

/** A policy as it is written, and as it judges. */
export interface Explainable {
  policy: AgentPolicy;
  compiled: CompiledPolicy;
}

export interface NamedTrace {
  name: string;
  trace: TermTrace;
}

export interface RuleTrace {
  name: string;
  action: PolicyRule["action"];
  mode: TraceStep["mode"];
  severity?: PolicyRule["severity"];
  outcome: TraceStep["outcome"];
  /** Its message, why it fails, or why it is not about the request. */
  detail: string;
  /** The matchConditions of its policy. */
  conditions: NamedTrace[];
  /** Those variables of its policy that its `when` names, and those that these name. */
  variables: NamedTrace[];
  when?: TermTrace;
}

export interface Explanation {
  /** Its messages without secret values. */
  verdict: Verdict;
  rules: RuleTrace[];
  /** Annotations with an expression: `deny@namespace/prod`. */
  annotations: NamedTrace[];
}

export async function explain(
  ports: JudgePorts,
  policies: readonly Explainable[],
  request: AdmissionRequest,
): Promise<Explanation> {
  const steps: Steps = { real: new Map(), masked: new Map() };
  const verdict = await judge(ports, request, (step) => void steps.real.set(step.rule, step));
  const hidden = withoutSecrets(request);
  const hiddenPorts = { ...ports, policies: withoutSecretParams(ports.policies) };
  const maskedVerdict = await judge(hiddenPorts, hidden, (step) => void steps.masked.set(step.rule, step));
  const space = await namespaceOf(ports, request);
  if (!space.known) return { verdict, rules: [], annotations: [] };
  const around = { namespace: space.object, dependents: await dependentsOf(ports.policies, request) };
  const evaluations = {
    real: evaluated(ports, request, around),
    masked: evaluated(hiddenPorts, hidden, around),
  };
  const rules: RuleTrace[] = [];
  for (const source of policies) {
    const runs = await bound(evaluations, source.compiled);
    for (const [index, rule] of source.compiled.rules.entries())
      rules.push(await ruleTrace(source, index, rule, runs, evaluations.real, steps));
  }
  return {
    verdict: withMessagesOf(verdict, maskedVerdict),
    rules,
    annotations: await annotationTraces(evaluations, ports.policies),
  };
}

interface Steps {
  real: Map<string, TraceStep>;
  masked: Map<string, TraceStep>;
}

interface Evaluations {
  real: Evaluation;
  masked: Evaluation;
}

type Around = Pick<Surroundings, "namespace" | "dependents">;

function evaluated(ports: JudgePorts, request: AdmissionRequest, around: Around): Evaluation {
  return evaluation(request, around.namespace, factsOf(request, { ...ports, ...around }), ports.policies);
}

async function namespaceOf(ports: JudgePorts, request: AdmissionRequest): Promise<Known<JsonObject | null>> {
  const home = targetNamespace(request);
  return home === "" ? { known: true, object: null } : ports.policies.namespace(home);
}

/** Asked whether they apply, both have their params. */
async function bound({ real, masked }: Evaluations, policy?: CompiledPolicy): Promise<Runs> {
  const runs = { real: new PolicyRun(real, policy), masked: new PolicyRun(masked, policy) };
  await runs.real.applies({ ...REQUEST });
  await runs.masked.applies({ ...REQUEST });
  return runs;
}

function withoutSecrets(request: AdmissionRequest): AdmissionRequest {
  const masked = (object: JsonObject | null) => (object === null ? null : maskObject(object));
  return { ...request, object: masked(request.object), oldObject: masked(request.oldObject) };
}

function withoutSecretParams(ports: PolicyPorts): PolicyPorts {
  return {
    ...ports,
    brokenAnnotation: () => undefined,
    param: async (kind, namespace, name) => {
      const found = await ports.param(kind, namespace, name);
      return found.known && found.object !== null
        ? { known: true, object: maskObject({ kind: kind.kind, ...found.object }) }
        : found;
    },
  };
}

/** A message that would say something else without secret values says it. */
function withMessagesOf(verdict: Verdict, masked: Verdict): Verdict {
  const messages = new Map<string, string>();
  for (const { name, message } of [
    ...("rules" in masked ? masked.rules : []),
    ...("observed" in masked ? masked.observed : []),
  ])
    messages.set(name, message);
  const safe = <T extends { name: string; message: string }>(fired: readonly T[]): T[] =>
    fired.map((one) => ({ ...one, message: messages.get(one.name) ?? HIDDEN }));
  switch (verdict.kind) {
    case "hold":
    case "deny":
      return { ...verdict, rules: safe(verdict.rules), observed: safe(verdict.observed) };
    case "allow":
      return { ...verdict, observed: safe(verdict.observed) };
    case "could-not-tell":
      return verdict.observed === undefined ? verdict : { ...verdict, observed: safe(verdict.observed) };
    case "not-applicable":
      return verdict;
    default:
      return verdict satisfies never;
  }
}

const HIDDEN = "[masked: message]";

async function ruleTrace(
  { policy: { spec }, compiled }: Explainable,
  index: number,
  rule: CompiledRule,
  runs: Runs,
  { request, namespace }: Evaluation,
  { real, masked }: Steps,
): Promise<RuleTrace> {
  const step = real.get(rule.name);
  const outcome = step?.outcome ?? "not-matched";
  const trace: RuleTrace = {
    name: rule.name,
    action: rule.action,
    mode: step?.mode ?? rule.mode,
    ...(rule.severity === undefined ? {} : { severity: rule.severity }),
    outcome,
    detail: "",
    conditions: [],
    variables: [],
  };
  const isMatched = (one: CompiledPolicy["match"]) =>
    one.mayMatch(request) && one.matches(request, namespace);
  if (!isMatched(compiled.match))
    return { ...trace, detail: `its policy's ${unmatched(spec.matchConstraints, request, namespace)}` };
  if (!isMatched(rule.match)) {
    const { matchConstraints } = spec.rules?.[index] ?? {};
    return { ...trace, detail: `its ${unmatched(matchConstraints, request, namespace)}` };
  }
  const conditions = await conditionTraces(spec, compiled, runs);
  if (outcome === "not-matched")
    return { ...trace, conditions, detail: "a matchCondition of its policy is false" };
  // Why it fails quotes nothing of the request; a message may.
  const detail = (outcome === "failed" ? step : masked.get(rule.name))?.detail ?? "";
  return { ...trace, conditions, detail, ...(await whenTraces(spec, index, rule, runs)) };
}

const CONSTRAINTS = ["resourceRules", "excludeResourceRules", "namespaceSelector", "objectSelector"] as const;

/** `namespaceSelector does not match: shop has no labels`. */
function unmatched(
  constraints: MatchConstraints = {},
  request: AdmissionRequest,
  namespace: JsonObject | null,
): string {
  const part = CONSTRAINTS.find((name) => {
    const { [name]: wanted } = constraints;
    if (wanted === undefined) return false;
    const one = matcher({ [name]: wanted });
    return !(one.mayMatch(request) && one.matches(request, namespace));
  });
  if (part === undefined) return "matchConstraints do not match";
  if (part !== "namespaceSelector") return `${part} ${part.endsWith("s") ? "do" : "does"} not match`;
  if (namespace === null) return `${part} does not match: it is in no namespace`;
  const labels = Object.entries(member(member(namespace, "metadata"), "labels"));
  const own = labels.filter(([name]) => name !== "kubernetes.io/metadata.name");
  const shown = own.map(([name, value]) => `${name}=${value}`).join(", ");
  return `${part} does not match: ${targetNamespace(request)} has ${shown === "" ? "no labels" : shown}`;
}

async function conditionTraces(
  { matchConditions = [] }: AgentPolicySpec,
  { conditions }: CompiledPolicy,
  runs: Runs,
): Promise<NamedTrace[]> {
  const traces: NamedTrace[] = [];
  for (const [at, { name, condition }] of conditions.entries()) {
    const text = matchConditions[at]?.expression;
    if ("program" in condition && text !== undefined)
      traces.push({ name, trace: await explainExpression(text, condition.program.environment, runs) });
  }
  return traces;
}

async function whenTraces(
  { rules = [], variables = [] }: AgentPolicySpec,
  index: number,
  { when }: CompiledRule,
  runs: Runs,
): Promise<Pick<RuleTrace, "when" | "variables">> {
  const text = rules[index]?.when;
  if (text === undefined || when === undefined || "broken" in when) return { variables: [] };
  const { environment } = when.program;
  const traces: NamedTrace[] = [];
  for (const { name, expression } of namedBy(text, variables))
    traces.push({ name, trace: await explainExpression(expression, environment, runs, false) });
  return { variables: traces, when: await explainExpression(text, environment, runs) };
}

type Variable = { name: string; expression: string };

/** The variables that an expression names, and those that these name, in the order they are declared. */
function namedBy(expression: string, variables: readonly Variable[]): Variable[] {
  const texts = [expression];
  const found = new Set<Variable>();
  for (const text of texts)
    for (const [, name] of text.matchAll(/\bvariables\s*\.\s*([A-Za-z_]\w*)/g)) {
      const variable = variables.find((one) => one.name === name);
      if (variable === undefined || found.has(variable)) continue;
      found.add(variable);
      texts.push(variable.expression);
    }
  return variables.filter((variable) => found.has(variable));
}

const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

async function annotationTraces(evaluations: Evaluations, ports: PolicyPorts): Promise<NamedTrace[]> {
  const { request, namespace } = evaluations.real;
  const [, space = "", account = ""] = SERVICE_ACCOUNT.exec(request.userInfo.username) ?? [];
  const found = account === "" ? undefined : await ports.serviceAccount(space, account);
  const isTarget = request.operation === "UPDATE" || request.operation === "DELETE";
  const sources: [label: string, object: JsonObject | null][] = [
    [`namespace/${request.namespace}`, namespace],
    [`serviceaccount/${space}/${account}`, found?.known === true ? found.object : null],
    ["object", isTarget ? request.oldObject : null],
  ];
  const runs = await bound(evaluations);
  const traces: NamedTrace[] = [];
  for (const [label, object] of sources) {
    const annotations = member(member(object ?? {}, "metadata"), "annotations");
    for (const annotation of [DENY, REQUIRE_APPROVAL, APPROVERS]) {
      const text = annotations[annotation];
      if (typeof text !== "string") continue;
      const name = `${annotation.slice(annotation.indexOf("/") + 1)}@${label}`;
      const trace =
        annotation === APPROVERS
          ? { text, value: "", decided: false, parts: [] }
          : await explainExpression(text, POLICY, runs);
      traces.push({ name, trace });
    }
  }
  return traces;
}
