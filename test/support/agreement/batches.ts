/** Whole policies in the API server: bound in batches, since the warnings of one write hold no more than some of them. */
import { type Cluster, GROUP, things, type Written } from "./cluster.ts";
import { bindingSpec, type Candidate, validatingSpec } from "./policies.ts";

const API = "/apis/admissionregistration.k8s.io/v1";
const POLICIES = `${API}/validatingadmissionpolicies`;
const BINDINGS = `${API}/validatingadmissionpolicybindings`;

/** What a policy says of a write: nothing, that it is denied and why, or that it could not tell. */
export type Said = { kind: "quiet" } | { kind: "denied"; message: string } | { kind: "failed" };

const policy = (name: string, spec: object): object => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicy",
  metadata: { name },
  spec,
});

const binding = (name: string, batch: string, spec: object): object => ({
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicyBinding",
  metadata: { name },
  spec: {
    policyName: name,
    validationActions: ["Warn"],
    matchResources: { objectSelector: { matchLabels: { batch } } },
    ...spec,
  },
});

/** Whether the API server stores it. */
export async function isAccepted(cluster: Cluster, candidate: Candidate): Promise<boolean> {
  const { code } = await cluster.tried(`${POLICIES}?dryRun=All`, policy("tried", validatingSpec(candidate)));
  return code < 300;
}

/** All warnings of a write are 4,096 characters, each of an error some 250 at most. */
export const PER_BATCH = 12;

/** `more`: what bindings say beside. */
export async function install(
  cluster: Cluster,
  batch: string,
  candidates: readonly Candidate[],
  more: object = {},
): Promise<void> {
  for (const [n, candidate] of candidates.entries()) {
    const name = `${batch}-${n}`;
    await cluster.make(POLICIES, policy(name, validatingSpec(candidate)));
    await cluster.make(BINDINGS, binding(name, batch, { ...bindingSpec(candidate), ...more }));
  }
}

const ALWAYS: object = {
  failurePolicy: "Fail",
  matchConstraints: {
    resourceRules: [
      { apiGroups: [GROUP], apiVersions: ["v1"], operations: ["CREATE"], resources: ["things"] },
    ],
  },
  validations: [{ expression: "false", message: "in force" }],
};

/**
 * Policies, and bindings, reach the API server's plugin in the order in which they were made: once this one, made now,
 * is in force, all are. Each call with another name.
 */
export async function untilInForce(cluster: Cluster, name: string): Promise<void> {
  await cluster.make(POLICIES, policy(name, ALWAYS));
  await cluster.make(BINDINGS, binding(name, name, {}));
  const probe = {
    apiVersion: `${GROUP}/v1`,
    kind: "Thing",
    metadata: { name: "probe", labels: { batch: name } },
  };
  for (let attempt = 0; ; attempt++) {
    const written = await cluster.write({ method: "POST", path: things("default"), body: probe });
    if (saidBy(written, name).kind === "denied") return;
    if (attempt > 1_000) throw new Error("the policies are not in force");
  }
}

const WARNING = /^Validation failed for ValidatingAdmissionPolicy '([^']+)' with binding '[^']+': (.*)$/s;
/** An expression that fails is told in these words, cut off where all warnings together are too long. */
const FAILURE = /^\[?expression '/;

export function saidBy({ warnings }: Written, name: string): Said {
  for (const warning of warnings) {
    const [, policy, message = ""] = WARNING.exec(warning) ?? [];
    if (policy !== name) continue;
    return FAILURE.test(message) ? { kind: "failed" } : { kind: "denied", message };
  }
  return { kind: "quiet" };
}
