/** What a rule is, and how the most restrictive of several wins. The catalogue and every later source speak this. */
import { type AdmissionRequest, type Operation, targetName } from "../admission.ts";

/** Which requests a rule looks at. A list matches when it holds the value; left out, everything matches. */
export interface Match {
  operations?: readonly Operation[];
  /** API groups; "" is the core group. */
  groups?: readonly string[];
  /** `RESOURCE`, `RESOURCE/SUBRESOURCE`, `RESOURCE/*` (any subresource, or none); `*` for every resource, subresources included. */
  resources: readonly string[];
  namespaces?: readonly string[];
  names?: readonly string[];
  /** What the API server admits itself, or what came through an API of Hoop's, whose answer tells nothing. */
  through?: "admission" | "secure-secrets";
}

/** What a rule may know beside the request. */
export interface RuleContext {
  /** The namespace Hoop is installed in. */
  installationNamespace: string;
  /** The annotations Hoop itself stamps on this agent's objects. */
  stamps: Readonly<Record<string, string>>;
}

export interface Rule {
  name: string;
  action: "hold" | "deny";
  /** Said to the agent and to the approver: why this is risky. */
  why: string;
  match: readonly Match[];
  /** What exactly is risky in this request, `undefined` when nothing is. Left out: every match fires. */
  finds?: (request: AdmissionRequest, context: RuleContext) => string | undefined;
}

export interface Fired {
  name: string;
  message: string;
}

/** Who decides, and for how long things hold. Seconds. */
export interface HoldTerms {
  approvers: { groups: readonly string[]; count: number };
  maxWaitSeconds: number;
  pendingSeconds: number;
  approvedSeconds: number;
}

export type Verdict =
  | { kind: "not-applicable" }
  | { kind: "allow" }
  | { kind: "hold"; rules: Fired[]; terms: HoldTerms }
  | { kind: "deny"; rules: Fired[] }
  /** Not a yes and not a no: denies, with its own reason. */
  | { kind: "could-not-tell"; why: string };

/** deny > hold > allow, with the reason of each rule that fired. A rule that fails could not tell. */
export function judge(
  rules: readonly Rule[],
  request: AdmissionRequest,
  context: RuleContext,
  terms: HoldTerms,
): Verdict {
  const fired: { rule: Rule; message: string }[] = [];
  for (const rule of rules) {
    if (!rule.match.some((match) => matches(match, request))) continue;
    const found = findings(rule, request, context);
    if (found.outcome === "failed") return { kind: "could-not-tell", why: `rule ${rule.name} failed` };
    if (found.outcome === "found") fired.push({ rule, message: found.message });
  }
  for (const action of ["deny", "hold"] as const) {
    const named = fired
      .filter(({ rule }) => rule.action === action)
      .map(({ rule, message }) => ({ name: rule.name, message }));
    if (named.length > 0)
      return action === "deny" ? { kind: "deny", rules: named } : { kind: "hold", rules: named, terms };
  }
  return { kind: "allow" };
}

type Findings = { outcome: "found"; message: string } | { outcome: "nothing" } | { outcome: "failed" };

function findings(rule: Rule, request: AdmissionRequest, context: RuleContext): Findings {
  if (rule.finds === undefined) return { outcome: "found", message: rule.why };
  try {
    const detail = rule.finds(request, context);
    return detail === undefined
      ? { outcome: "nothing" }
      : { outcome: "found", message: `${rule.why}: ${detail}` };
  } catch {
    return { outcome: "failed" };
  }
}

function matches(match: Match, request: AdmissionRequest): boolean {
  const { through = "admission" } = request;
  return (
    (match.through ?? through) === through &&
    holds(match.operations, request.operation) &&
    holds(match.groups, request.resource.group) &&
    match.resources.some((pattern) => matchesResource(pattern, request)) &&
    holds(match.namespaces, request.namespace) &&
    holds(match.names, targetName(request))
  );
}

function holds<T>(allowed: readonly T[] | undefined, value: T): boolean {
  return allowed === undefined || allowed.includes(value);
}

function matchesResource(pattern: string, request: AdmissionRequest): boolean {
  const [resource, subresource = ""] = pattern.split("/");
  if (resource === "*" && subresource === "") return true;
  const sameResource = resource === "*" || resource === request.resource.resource;
  return sameResource && (subresource === "*" || subresource === request.subresource);
}
