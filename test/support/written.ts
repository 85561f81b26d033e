/** What checks people's writes, with the shipped catalogue, for tests that need no cluster. */
import type { AdmissionRequest } from "#core/admission.ts";
import { agentMatcher } from "#core/agents.ts";
import { checkWritten, type Written } from "#core/policy/check-written.ts";
import { CATALOGUE } from "./policies.ts";

const IDENTITY = "system:serviceaccount:hoop-system:hoop";
const AGENTS = { groups: ["hoop:agents"], users: [], serviceAccounts: ["ci/bot"], extras: {} };

export function written(request: AdmissionRequest): Promise<Written> {
  const agents = agentMatcher(AGENTS, IDENTITY);
  return checkWritten({ catalogue: CATALOGUE, agents, identity: IDENTITY }, request);
}
