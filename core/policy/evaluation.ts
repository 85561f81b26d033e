/** One request under judgement: what its expressions are evaluated in and on, and what they came to. */
import { type AdmissionRequest, type JsonObject, targetNamespace } from "../admission.ts";
import { evaluateAsking } from "../cel/asking.ts";
import { evaluate, type Program } from "../cel/cel.ts";
import { viewed } from "../cel/input.ts";
import type { AccessCheck, AccessDecision } from "../cel/library/authorizer.ts";
import type { Purse } from "../cel/meter.ts";
import { Inputs, Scope } from "../cel/scope.ts";
import type { Value } from "../cel/values/value.ts";
import { EXPRESSION, OBSERVED, REQUEST } from "./budget.ts";
import type { CompiledPolicy, Expression } from "./compile.ts";
import { requestedOf } from "./facts.ts";
import type { PolicyLookups, Soon } from "./ports.ts";
import { after } from "./soon.ts";

/** Shared by all that judges one request. */
export interface Evaluation {
  request: AdmissionRequest;
  /** The target's, null for cluster-scoped targets. */
  namespace: JsonObject | null;
  facts: Inputs;
  /** Of all policies that have neither params nor variables. */
  shared: Scope;
  /** What `authorizer.requestResource` asks about. */
  requested: Omit<AccessCheck, "verb">;
  enforced: Purse;
  observed: Purse;
  lookups: PolicyLookups;
  ask: (check: AccessCheck) => Promise<AccessDecision>;
}

export function evaluation(
  request: AdmissionRequest,
  namespace: JsonObject | null,
  facts: Inputs,
  lookups: PolicyLookups,
): Evaluation {
  const asked = new Map<string, Promise<AccessDecision>>();
  const requested = requestedOf(request);
  return {
    request,
    namespace,
    facts,
    shared: new Scope(facts, requested),
    requested,
    enforced: { ...REQUEST },
    observed: { ...OBSERVED },
    lookups,
    ask: (check) => {
      const key = JSON.stringify(Object.entries(check).sort(([a], [b]) => (a < b ? -1 : 1)));
      const known = asked.get(key) ?? lookups.access(request.userInfo, check).catch(unanswered);
      asked.set(key, known);
      return known;
    },
  };
}

const unanswered = (): AccessDecision => ({
  allowed: false,
  reason: "",
  error: "the API server did not answer",
});

/** `failed` says why, and quotes nothing of the request. */
export type Outcome<T> = { value: T } | { failed: string };

function run(program: Program, scope: Scope, purse: Purse, { ask }: Evaluation): Soon<Outcome<Value>> {
  const outcome = evaluate(program, scope, EXPRESSION, purse);
  if ("value" in outcome) return outcome;
  if ("error" in outcome) return { failed: outcome.error };
  return evaluateAsking(program, scope, EXPRESSION, purse, ask).then((asked) =>
    "value" in asked ? asked : { failed: asked.error },
  );
}

const YES: Outcome<boolean> = { value: true };
const NO: Outcome<boolean> = { value: false };

function asBoolean(outcome: Outcome<Value>): Outcome<boolean> {
  if ("failed" in outcome) return outcome;
  if (typeof outcome.value !== "boolean") return { failed: "not a bool" };
  return outcome.value ? YES : NO;
}

/** A policy, or the annotations of an object, in one request. */
export class PolicyRun {
  readonly policy: CompiledPolicy | undefined;
  readonly #evaluation: Evaluation;
  /** Where it has params or variables. */
  #own: Scope | undefined;
  #applies: Soon<Outcome<boolean>> | undefined;

  constructor(evaluation: Evaluation, policy?: CompiledPolicy) {
    this.policy = policy;
    this.#evaluation = evaluation;
  }

  /**
   * Whether the policy is about this request: its matchConstraints, its params and its matchConditions. `isMatched`: that
   * the first of them are met is known.
   */
  applies(purse: Purse, isMatched = false): Soon<Outcome<boolean>> {
    this.#applies ??= this.#meets(purse, isMatched);
    return this.#applies;
  }

  test(expression: Expression, purse: Purse): Soon<Outcome<boolean>> {
    if ("broken" in expression) return { failed: expression.broken };
    const { program } = expression;
    const outcome = run(program, this.#scopeOf(program), purse, this.#evaluation);
    return outcome instanceof Promise ? outcome.then(asBoolean) : asBoolean(outcome);
  }

  /** Whatever an expression comes to, for who wants to see it. Only after {@link applies}, which binds params. */
  value(program: Program, purse: Purse): Soon<Outcome<Value>> {
    return run(program, this.#scopeOf(program), purse, this.#evaluation);
  }

  /** The value of an expression that asks nothing, where it is a text. */
  text(program: Program, purse: Purse): string | undefined {
    const outcome = evaluate(program, this.#scopeOf(program), EXPRESSION, purse);
    return "value" in outcome && typeof outcome.value === "string" ? outcome.value : undefined;
  }

  #scopeOf({ environment: { composed } }: Program): Scope {
    const { facts, requested, shared } = this.#evaluation;
    if (this.#own === undefined && composed.size === 0) return shared;
    this.#own ??= new Scope(facts, requested);
    return this.#own;
  }

  #meets(purse: Purse, isMatched: boolean): Soon<Outcome<boolean>> {
    const { policy } = this;
    const { request, namespace } = this.#evaluation;
    if (policy === undefined) return YES;
    if (!isMatched && !policy.match.matches(request, namespace)) return NO;
    if (policy.params === undefined && policy.conditions.length === 0) return YES;
    return after(this.#bindParams(policy), (bound) =>
      "failed" in bound || !bound.value ? bound : this.#meetsConditions(policy, purse),
    );
  }

  #bindParams({ params }: CompiledPolicy): Soon<Outcome<boolean>> {
    if (params === undefined) return { value: true };
    const { lookups, request, facts, requested } = this.#evaluation;
    const found = lookups.param(params.kind, params.namespace ?? targetNamespace(request), params.name);
    return after(found, (outcome) => {
      if (!outcome.known) return { failed: `its parameters are not known: ${outcome.why}` };
      const { object } = outcome;
      if (object === null)
        return params.required ? { failed: "its parameters do not exist" } : { value: false };
      const own = new Inputs(new Map([["params", () => viewed(object)]]), facts);
      this.#own = new Scope(own, requested);
      return { value: true };
    });
  }

  /** As in Kubernetes: one that is false decides, whatever the others are. */
  #meetsConditions({ conditions }: CompiledPolicy, purse: Purse): Soon<Outcome<boolean>> {
    let failed: string | undefined;
    const from = (i: number): Soon<Outcome<boolean>> => {
      for (let at = i; at < conditions.length; at++) {
        const { name, condition } = conditions[at] as CompiledPolicy["conditions"][number];
        const judged = (outcome: Outcome<boolean>): boolean => {
          if ("failed" in outcome) failed ??= `matchCondition ${name}: ${outcome.failed}`;
          return "value" in outcome && !outcome.value;
        };
        const outcome = this.test(condition, purse);
        if (outcome instanceof Promise)
          return outcome.then((later) => (judged(later) ? { value: false } : from(at + 1)));
        if (judged(outcome)) return { value: false };
      }
      return failed === undefined ? { value: true } : { failed };
    };
    return from(0);
  }
}
