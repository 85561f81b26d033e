/** Who stamps what agents write: a policy in the API server itself where it has such, else a webhook. */
import { type MatchCondition, registration, servesPolicies } from "./objects.ts";
import { type Finding, failed, type Probe, passed, warning } from "./step.ts";

export async function stamps(probe: Probe): Promise<Finding> {
  const [policy, binding, webhook] = await Promise.all([
    registration(probe, "mutatingadmissionpolicies"),
    registration(probe, "mutatingadmissionpolicybindings"),
    registration(probe, "mutatingwebhookconfigurations"),
  ]);
  const byPolicy = policy !== undefined && binding !== undefined;
  if (webhook === undefined && !byPolicy) return nobody(probe, policy !== undefined);
  const validating = await registration(probe, "validatingwebhookconfigurations");
  const expressions = [
    ...[...(validating?.webhooks ?? []), ...(webhook?.webhooks ?? [])].map((one) => agentsIn(one)),
    ...(byPolicy ? [agentsIn(policy.spec ?? {})] : []),
  ];
  // One without it is another finding.
  if (new Set(expressions.filter((one) => one !== undefined)).size > 1)
    return failed(
      "HOOP-021",
      "the matchCondition agents is not the same in the webhook that judges and in what stamps",
    );
  if (webhook === undefined)
    return passed("what agents write is stamped with their name, by the API server itself");
  if (!byPolicy) return passed("what agents write is stamped with their name, by the webhook");
  return warning(
    "HOOP-017",
    "both the MutatingAdmissionPolicy and the MutatingWebhookConfiguration hoop are there: one call more for each write",
  );
}

async function nobody(probe: Probe, hasPolicy: boolean): Promise<Finding> {
  if (!(await servesPolicies(probe)))
    return failed(
      "HOOP-018",
      "this API server serves no MutatingAdmissionPolicy v1, and there is no MutatingWebhookConfiguration hoop",
    );
  const missing = hasPolicy ? "the MutatingAdmissionPolicyBinding" : "a MutatingAdmissionPolicy";
  return failed(
    "HOOP-009",
    `${missing} hoop is not there, and neither is a MutatingWebhookConfiguration hoop`,
  );
}

function agentsIn({ matchConditions = [] }: { matchConditions?: MatchCondition[] }): string | undefined {
  return matchConditions.find(({ name }) => name === "agents")?.expression;
}
