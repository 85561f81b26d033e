/**
 * What a request of an agent comes to: every policy and annotation that is about it, the most restrictive of them.
 * Whatever fails denies.
 */
import { type AdmissionRequest, targetNamespace } from "../admission.ts";
import { type Announced, announcements } from "./announced.ts";
import { dependentsOf, looksAtTarget } from "./ended.ts";
import { evaluation } from "./evaluation.ts";
import type { PodSpecPaths } from "./facts/workload.ts";
import { factsOf } from "./facts.ts";
import { type Finding, findingsOf, type TraceStep } from "./findings.ts";
import type { PolicyPorts } from "./ports.ts";
import { termsOver, together } from "./terms.ts";
import type { Fired, HoldTerms, Observed, Requirement, Verdict } from "./verdict.ts";

export type { TraceStep };

export interface JudgePorts {
  policies: PolicyPorts;
  /** Where a rule says nothing else. */
  terms: HoldTerms;
  installationNamespace: string;
  /** Where pod specs lie; left out, in the built-in kinds. */
  workloads?: PodSpecPaths;
}

/**
 * Judges a request; that its user is an agent, others have found out. The order in which policies were given does not
 * matter. Never rejects.
 */
export async function judge(
  ports: JudgePorts,
  request: AdmissionRequest,
  trace?: (step: TraceStep) => void,
): Promise<Verdict> {
  try {
    return await judged(ports, request, trace);
  } catch {
    // Only a port can fail so; what it says may quote what was asked.
    return { kind: "could-not-tell", why: "what the policies ask about could not be looked up" };
  }
}

async function judged(
  ports: JudgePorts,
  request: AdmissionRequest,
  trace?: (step: TraceStep) => void,
): Promise<Verdict> {
  const policies = looksAtTarget(request) ? lookingOnce(ports.policies) : ports.policies;
  const home = targetNamespace(request);
  const found = home === "" ? undefined : policies.namespace(home);
  const space = found instanceof Promise ? await found : found;
  if (space?.known === false) return { kind: "could-not-tell", why: `namespace ${home}: ${space.why}` };
  const namespace = space?.object ?? null;
  const taken = dependentsOf(policies, request);
  const dependents = taken instanceof Promise ? await taken : taken;
  const facts = factsOf(request, { ...ports, namespace, dependents });
  const going = evaluation(request, namespace, facts, policies);
  const said = announcements(going, policies, dependents);
  const { findings, approvers } = said instanceof Promise ? await said : said;
  const announced = findings.map(always);
  for (const { name, mode, message, failed } of announced)
    trace?.({ rule: name, outcome: failed ? "failed" : "fired", mode, detail: message });
  const others = await findingsOf(going, policies.current(), trace);
  return verdictOf([...announced, ...others], approvers, ports.terms);
}

/** For one request: its target is the same for all that ask for it. */
function lookingOnce(policies: PolicyPorts): PolicyPorts {
  let target: ReturnType<PolicyPorts["target"]> | undefined;
  return {
    ...policies,
    target: (request) => {
      target ??= policies.target(request);
      return target;
    },
  };
}

const always = ({ name, action, message, failed }: Announced): Finding => ({
  name,
  action,
  message,
  failed,
  mode: "Enforce",
  terms: [],
});

const MOST_TOLD = 5;

function verdictOf(
  findings: readonly Finding[],
  approvers: readonly Requirement[],
  defaults: HoldTerms,
): Verdict {
  const observed = findings.filter(({ mode }) => mode === "Warn" || mode === "Audit").map(observedOf);
  const enforced = findings.filter(({ mode }) => mode === "Enforce");
  const firing = (action: Finding["action"]) =>
    enforced.filter((finding) => !finding.failed && finding.action === action);
  const denying = firing("Deny");
  if (denying.length > 0) return { kind: "deny", rules: denying.map(firedOf), observed };
  const failed = enforced.filter((finding) => finding.failed);
  if (failed.length > 0)
    return { kind: "could-not-tell", why: whyNot(failed), failed: failed.map(firedOf), observed };
  const holding = firing("Hold");
  const terms = holding.flatMap((finding) =>
    finding.terms.length === 0 ? [defaults] : finding.terms.map((own) => termsOver(defaults, own)),
  );
  const [first, ...more] = terms;
  if (first === undefined) return { kind: "allow", observed };
  return {
    kind: "hold",
    rules: holding.map(firedOf),
    terms: together([first, ...more], approvers),
    observed,
  };
}

const firedOf = ({ name, message }: Finding): Fired => ({ name, message });

function observedOf({ name, message, action, mode, failed }: Finding): Observed {
  const told = failed ? `could not tell: ${message}` : message;
  return { name, message: told, action, mode: mode === "Warn" ? "Warn" : "Audit" };
}

function whyNot(failed: readonly Finding[]): string {
  const told = failed.slice(0, MOST_TOLD).map(({ name, message }) => `rule ${name} failed: ${message}`);
  const rest = failed.length - told.length;
  return [...told, ...(rest > 0 ? [`and ${rest} more`] : [])].join("; ");
}
