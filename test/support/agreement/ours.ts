/** What Hoop says of the same requests: policies compiled and judged as they are in the request flow. */
import type { AdmissionRequest, JsonObject } from "#core/admission.ts";
import type { AccessDecision } from "#core/cel/library/authorizer.ts";
import { type CompiledPolicy, compilePolicy } from "#core/policy/compile.ts";
import { type JudgePorts, judge, type TraceStep } from "#core/policy/judge.ts";
import type { Known, PolicyLookups } from "#core/policy/ports.ts";
import { policySet } from "#core/policy/set.ts";
import type { AgentPolicySpec } from "#core/policy/spec.ts";
import type { Verdict } from "#core/policy/verdict.ts";
import { decodeAdmission } from "#webhook/decode.ts";
import type { Cluster } from "./cluster.ts";

const NO_CATALOGUE = { bundles: [], rules: new Map() };
const TERMS = {
  approvers: [{ groups: [], count: 1 }],
  maxWaitSeconds: 0,
  pendingSeconds: 60,
  approvedSeconds: 60,
};

/** Whatever the API server has, read once. */
export function lookupsIn(cluster: Cluster): PolicyLookups {
  const known = new Map<string, Promise<Known<JsonObject | null>>>();
  const at = (path: string): Promise<Known<JsonObject | null>> => {
    const found = known.get(path) ?? cluster.read(path).then((object) => ({ known: true, object }));
    known.set(path, found);
    return found;
  };
  return {
    async namespace(name) {
      const found = await at(`/api/v1/namespaces/${name}`);
      if (!found.known || found.object === null) return { known: false, why: "not found" };
      return { known: true, object: found.object };
    },
    serviceAccount: (namespace, name) => at(`/api/v1/namespaces/${namespace}/serviceaccounts/${name}`),
    target: () => ({ known: true, object: null }),
    dependents: () => ({ known: true, object: [] }),
    param({ apiVersion, kind }, namespace, name) {
      // A namespaced kind, and no namespace to look in.
      if (namespace === "") return { known: false, why: "params are in a namespace, the target is not" };
      return at(`/apis/${apiVersion}/namespaces/${namespace}/${kind.toLowerCase()}s/${name}`);
    },
    access: async (): Promise<AccessDecision> => ({ allowed: false, reason: "", error: "not asked here" }),
  };
}

/** The policy, or undefined where it does not compile. */
export function compiled(name: string, spec: AgentPolicySpec): CompiledPolicy | undefined {
  const { policy, problems } = compilePolicy({ metadata: { name }, spec });
  return problems.length > 0 ? undefined : policy;
}

export type Judge = (review: string, policies: readonly CompiledPolicy[]) => Promise<Judged>;

export interface Judged {
  verdict: Verdict;
  /** By the rules' names. */
  steps: ReadonlyMap<string, TraceStep>;
}

export function judgeWith(lookups: PolicyLookups): Judge {
  const requests = new Map<string, AdmissionRequest>();
  return async (review, policies) => {
    const request = requests.get(review) ?? decodeAdmission(review);
    requests.set(review, request);
    const set = policySet(NO_CATALOGUE, policies);
    const ports: JudgePorts = {
      policies: { ...lookups, current: () => set, brokenAnnotation: () => undefined },
      terms: TERMS,
      installationNamespace: "hoop-system",
    };
    const steps = new Map<string, TraceStep>();
    const verdict = await judge(ports, request, (step) => void steps.set(step.rule, step));
    return { verdict, steps };
  };
}
