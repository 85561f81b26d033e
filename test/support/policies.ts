/** The shipped catalogue for tests that judge without a cluster, alone or with more rules. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import { type Catalogue, readCatalogue } from "#core/policy/catalogue.ts";
import { type CompiledPolicy, compilePolicy } from "#core/policy/compile.ts";
import { judge } from "#core/policy/judge.ts";
import type { PolicyPorts } from "#core/policy/ports.ts";
import { policySet } from "#core/policy/set.ts";
import type { AgentPolicySpec, PolicyRule } from "#core/policy/spec.ts";
import type { HoldTerms, Verdict } from "#core/policy/verdict.ts";

const SHIPPED = join(import.meta.dirname, "..", "..", "deploy", "policies");

/** The shipped catalogue, and a bundle of these rules. */
export function catalogueWith(...rules: PolicyRule[]): Catalogue {
  const files = readdirSync(SHIPPED)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => ({ name, text: readFileSync(join(SHIPPED, name), "utf8") }));
  const more = { metadata: { name: "more" }, spec: { rules } };
  return readCatalogue([...files, { name: "more", text: JSON.stringify(more) }]);
}

export const CATALOGUE = catalogueWith();
export const NO_CATALOGUE = readCatalogue([]);

/**
 * What judging needs, where every namespace exists and nothing says anything. `given` takes the place of any part of
 * it.
 */
export function policyPorts(
  catalogue: Catalogue = CATALOGUE,
  policies: readonly CompiledPolicy[] = [],
  given: Partial<PolicyPorts> = {},
): PolicyPorts {
  const set = policySet(catalogue, policies);
  return {
    current: () => set,
    namespace: (name) => ({ known: true, object: namespaceObject(name) }),
    serviceAccount: () => ({ known: true, object: null }),
    target: () => ({ known: true, object: null }),
    dependents: () => ({ known: true, object: [] }),
    param: () => ({ known: true, object: null }),
    access: async () => ({ allowed: false, reason: "" }),
    brokenAnnotation: () => {},
    ...given,
  };
}

export function namespaceObject(name: string, metadata: JsonObject = {}): JsonObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, uid: `uid-${name}`, ...metadata } };
}

/** A policy, whatever is wrong with it. */
export function policy(spec: AgentPolicySpec, name = "p"): CompiledPolicy {
  return compilePolicy({ metadata: { name }, spec }).policy;
}

/** A policy of one rule that holds, but for what is given. */
export function ruleOf(rule: Partial<PolicyRule>, name = "p"): CompiledPolicy {
  return policy({ rules: [{ name: "r", action: "Hold", message: "m", ...rule }] }, name);
}

/** How a request is judged by these policies alone. */
export function judgedBy(
  policies: readonly CompiledPolicy[],
  asked: AdmissionRequest,
  given: Partial<PolicyPorts> & { catalogue?: Catalogue; terms?: HoldTerms } = {},
): Promise<Verdict> {
  const { catalogue = NO_CATALOGUE, terms = DEFAULTS, ...ports } = given;
  return judge(
    { policies: policyPorts(catalogue, policies, ports), terms, installationNamespace: "hoop-system" },
    asked,
  );
}

const DEFAULTS: HoldTerms = {
  approvers: [{ groups: [], count: 1 }],
  maxWaitSeconds: 100,
  pendingSeconds: 3600,
  approvedSeconds: 600,
};

/** `allow`, `hold p/r`, `deny a/r,b/r`, or `could-not-tell: WHY`; then what is only tried: `+Warn c/r`. */
export function shown(verdict: Verdict): string {
  const told =
    "rules" in verdict ? `${verdict.kind} ${verdict.rules.map(({ name }) => name).join(",")}` : verdict.kind;
  const why = verdict.kind === "could-not-tell" ? `: ${verdict.why}` : "";
  const observed = "observed" in verdict ? verdict.observed.map(({ name, mode }) => ` +${mode} ${name}`) : [];
  return `${told}${why}${observed.join("")}`;
}
