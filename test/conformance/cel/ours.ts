/** Our own answers, in the oracle's words. */
import { compile, evaluate } from "#core/cel/cel.ts";
import { ADMISSION_WITH_PARAMS } from "#core/cel/environment.ts";
import type { Json } from "#core/cel/input.ts";
import type { AccessCheck, AccessDecision } from "#core/cel/library/authorizer.ts";
import { Scope } from "#core/cel/scope.ts";
import { Duration, shownTimestamp, Timestamp } from "#core/cel/values/time.ts";
import { CelMap, isList, Opaque, Optional, TypeValue, Uint, type Value } from "#core/cel/values/value.ts";
import { type NamedExpression, withVariables } from "#core/cel/variables.ts";
import type { Answer } from "./oracle.ts";

function double(value: number): unknown[] {
  if (Number.isNaN(value)) return ["double", "NaN"];
  if (!Number.isFinite(value)) return ["double", value > 0 ? "+Inf" : "-Inf"];
  return ["double", value];
}

function shownObject(value: Value & object): unknown[] {
  if (isList(value)) return ["list", value.map(shown)];
  if (value instanceof CelMap)
    return ["map", [...value.entries()].map(([key, member]) => [shown(key), shown(member)])];
  if (value instanceof Uint) return ["uint", `${value.value}`];
  if (value instanceof Uint8Array) return ["bytes", Buffer.from(value).toString("hex")];
  if (value instanceof Timestamp) return ["timestamp", shownTimestamp(new Timestamp(value.nanos))];
  if (value instanceof Duration) return ["duration", `${value.nanos}`];
  if (value instanceof Optional)
    return value.value === undefined ? ["optional"] : ["optional", shown(value.value)];
  if (value instanceof TypeValue) return ["type", value.name];
  return [value instanceof Opaque ? value.type : "error"];
}

/** A value as a pair of its type and its text or members. */
function shown(value: Value): unknown[] {
  if (value === null) return ["null"];
  if (typeof value === "bigint") return ["int", `${value}`];
  if (typeof value === "number") return double(value);
  if (typeof value === "boolean") return ["bool", value];
  return typeof value === "string" ? ["string", value] : shownObject(value);
}

const ENOUGH = { steps: 1e6, bytes: 1e7 };

/** What the oracle's authorizer says. */
function decided(check: AccessCheck): AccessDecision {
  const { serviceAccount: account } = check;
  const user = account === undefined ? "bob" : `system:serviceaccount:${account.namespace}:${account.name}`;
  const about = `${check.resource ?? ""}${check.path ?? ""}`;
  if (check.verb === "get") return { allowed: true, reason: `allowed ${user} ${about}` };
  if (check.verb === "err") return { allowed: false, reason: "", error: "no answer" };
  const { namespace = "", name = "", subresource = "" } = check;
  return { allowed: false, reason: `denied ${namespace}/${name}/${subresource}` };
}

const REQUESTED = { group: "apps", resource: "deployments", namespace: "shop", name: "web" };

export interface Question {
  readonly expression: string;
  readonly composed?: readonly NamedExpression[];
}

export function answer(
  { expression, composed = [] }: Question,
  variables: Readonly<Record<string, Json>>,
): Answer {
  const extended = withVariables(ADMISSION_WITH_PARAMS, composed);
  if ("error" in extended) return { refused: extended.error.message };
  const compiled = compile(expression, extended.environment);
  if ("error" in compiled) return { refused: compiled.error.message };
  const scope = new Scope(new Map(Object.entries(variables)), REQUESTED);
  for (let rounds = 0; rounds < 20; rounds++) {
    const outcome = evaluate(compiled.program, scope, ENOUGH, { ...ENOUGH });
    if ("unanswered" in outcome) scope.answer(outcome.unanswered, decided(outcome.unanswered));
    else return "error" in outcome ? outcome : { value: shown(outcome.value) };
  }
  return { error: "asks without end" };
}

/** Of an error the stage counts; a value as it is, maps without their order. */
export function gist(said: Answer): string {
  if (said.refused !== undefined) return "refused";
  if (said.error !== undefined) return "error";
  return JSON.stringify(said.value, (_, part) =>
    Array.isArray(part) && part[0] === "map"
      ? ["map", [...part[1]].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))]
      : part,
  );
}
