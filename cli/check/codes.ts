/** What `kubectl hoop check` can find wrong. A code keeps its meaning for ever; docs/troubleshooting.md explains each. */
export const CODES = {
  "HOOP-001": "the API server does not answer",
  "HOOP-002": "the APIService is missing",
  "HOOP-003": "the APIService is not Available",
  "HOOP-004": "hoop.dev does not answer",
  "HOOP-005": "the webhook registration is missing",
  "HOOP-006": "a caBundle is missing or not valid",
  "HOOP-007": "failurePolicy is not Fail",
  "HOOP-008": "not every write of agents is sent to Hoop",
  "HOOP-009": "what agents write is not stamped",
  "HOOP-010": "this agent's requests are not judged",
  "HOOP-011": "the webhook cannot be called",
  "HOOP-012": "the canary was not held",
  "HOOP-013": "the canary could not be approved",
  "HOOP-014": "the approved canary did not pass",
  "HOOP-015": "the canary left no record",
  "HOOP-016": "this agent can go around Hoop",
  "HOOP-017": "what agents write is stamped twice",
  "HOOP-018": "this API server cannot stamp by policy",
  "HOOP-019": "this agent's writes are not stamped",
  "HOOP-020": "a caBundle is not Hoop's",
  "HOOP-021": "the registrations disagree on who is an agent",
  "HOOP-022": "Hoop's authorization webhook is not asked",
} as const;
export type Code = keyof typeof CODES;

/** Where a code is explained. */
export function pageOf(code: Code): string {
  return `docs/troubleshooting.md#${code.toLowerCase()}`;
}
