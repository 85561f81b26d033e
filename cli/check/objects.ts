/** What of the registered objects `check` looks at. */
import type { Probe } from "./step.ts";

export const SERVICE = "v1alpha1.hoop.dev";
const ADMISSION = "/apis/admissionregistration.k8s.io/v1";

export interface MatchCondition {
  name: string;
  expression: string;
}

export interface ApiService {
  spec: { caBundle?: string };
  status?: { conditions?: { type: string; status: string; reason?: string; message?: string }[] };
}

export interface Webhook {
  name: string;
  clientConfig: { caBundle?: string };
  failurePolicy?: string;
  matchConditions?: MatchCondition[];
  rules?: { apiGroups: string[]; apiVersions: string[]; resources: string[]; operations: string[] }[];
}

interface Registrations {
  validatingwebhookconfigurations: { webhooks?: Webhook[] };
  mutatingwebhookconfigurations: { webhooks?: Webhook[] };
  mutatingadmissionpolicies: { spec?: { matchConditions?: MatchCondition[] } };
  mutatingadmissionpolicybindings: object;
}

/** Each is undefined where there is none. Rejects with an ApiError where it may not be looked at. */
export function apiService({ cluster }: Probe): Promise<ApiService | undefined> {
  return cluster.get<ApiService>(`/apis/apiregistration.k8s.io/v1/apiservices/${SERVICE}`);
}

export function registration<K extends keyof Registrations>(
  { cluster }: Probe,
  resource: K,
): Promise<Registrations[K] | undefined> {
  return cluster.get<Registrations[K]>(`${ADMISSION}/${resource}/hoop`);
}

/** Whether the API server has mutating admission policies at all. */
export async function servesPolicies({ cluster }: Probe): Promise<boolean> {
  const found = await cluster.get<{ resources?: { name: string }[] }>(ADMISSION);
  return found?.resources?.some(({ name }) => name === "mutatingadmissionpolicies") ?? false;
}
