/** What must be there for agents' writes to come to Hoop: looked at with the caller's rights, changing nothing. */
import { X509Certificate } from "node:crypto";
import type { Code } from "./codes.ts";
import { type Finding, failed, notChecked, type Probe, passed, refused, type Step } from "./step.ts";

const SERVICE = "v1alpha1.hoop.dev";
const ADMISSION = "/apis/admissionregistration.k8s.io/v1";
const OPERATIONS = ["CREATE", "UPDATE", "DELETE", "CONNECT"];

interface ApiService {
  spec: { caBundle?: string };
  status?: { conditions?: { type: string; status: string; reason?: string; message?: string }[] };
}

interface Webhook {
  name: string;
  clientConfig: { caBundle?: string };
  failurePolicy?: string;
  matchConditions?: { expression: string }[];
  rules?: { apiGroups: string[]; apiVersions: string[]; resources: string[]; operations: string[] }[];
}

interface Registration {
  webhooks?: Webhook[];
}

export const INSTALLED: readonly Step[] = [
  step(
    "API server",
    [],
    async ({ cluster }) => {
      const version = await cluster.get<{ gitVersion: string }>("/version");
      return passed(`the API server answers (${version?.gitVersion ?? "version not told"})`);
    },
    "HOOP-001",
  ),
  step(
    "APIService",
    ["API server"],
    async (probe) => {
      const service = await apiService(probe);
      if (service === undefined) return failed("HOOP-002", `there is no APIService ${SERVICE}`);
      const available = service.status?.conditions?.find(({ type }) => type === "Available");
      if (available?.status === "True") return passed(`APIService ${SERVICE} is there and Available`);
      const why =
        available === undefined ? "nothing is known of it yet" : `${available.reason}: ${available.message}`;
      return failed("HOOP-003", `APIService ${SERVICE} is not Available: ${why}`);
    },
    "HOOP-003",
  ),
  step(
    "API",
    ["API server"],
    async ({ cluster, api }) => {
      const found = await cluster.get("/apis/hoop.dev/v1alpha1");
      if (found === undefined) return failed("HOOP-004", "this API server does not serve hoop.dev/v1alpha1");
      await api.list("approvals", undefined, "status.phase=Pending");
      return passed("hoop.dev/v1alpha1 answers through the API server, and shows approvals");
    },
    "HOOP-004",
  ),
  step(
    "registration",
    ["API server"],
    async ({ cluster }) => {
      const found = await cluster.get<Registration>(`${ADMISSION}/validatingwebhookconfigurations/hoop`);
      const webhooks = found?.webhooks ?? [];
      if (webhooks.length === 0) return failed("HOOP-005", "there is no ValidatingWebhookConfiguration hoop");
      return (
        wrongWith(webhooks) ?? passed("every write of agents is sent to Hoop, and refused where that fails")
      );
    },
    "HOOP-005",
  ),
  step("stamps", ["API server"], stamps, "HOOP-009"),
  step("certificates", ["API server"], certificates, "HOOP-006"),
];

function step(
  name: string,
  after: readonly string[],
  look: (probe: Probe) => Promise<Finding>,
  otherwise: Code,
): Step {
  return {
    name,
    after,
    retried: true,
    look: (probe) => look(probe).catch((error: unknown) => refused(error, otherwise)),
  };
}

function apiService({ cluster }: Probe): Promise<ApiService | undefined> {
  return cluster.get<ApiService>(`/apis/apiregistration.k8s.io/v1/apiservices/${SERVICE}`);
}

function wrongWith(webhooks: readonly Webhook[]): Finding | undefined {
  for (const { name, failurePolicy, matchConditions = [], rules = [] } of webhooks) {
    if (failurePolicy !== "Fail")
      return failed(
        "HOOP-007",
        `webhook ${name} has failurePolicy ${failurePolicy}: without Hoop agents do as they like`,
      );
    if (matchConditions.length === 0)
      return failed(
        "HOOP-008",
        `webhook ${name} has no matchConditions: Hoop has not said yet who is an agent`,
      );
    if (matchConditions.length > 1)
      return failed(
        "HOOP-008",
        `webhook ${name} has more matchConditions than Hoop's: what they sort out is not judged`,
      );
    const all = rules.some(
      ({ apiGroups, apiVersions, resources, operations }) =>
        apiGroups.includes("*") &&
        apiVersions.includes("*") &&
        resources.includes("*/*") &&
        OPERATIONS.every((operation) => operations.includes(operation) || operations.includes("*")),
    );
    if (!all) return failed("HOOP-008", `webhook ${name} is not registered for every resource and operation`);
  }
  return undefined;
}

/** By a policy in the API server itself where it has such, else by a webhook. */
async function stamps({ cluster }: Probe): Promise<Finding> {
  const [policy, binding, webhook] = await Promise.all(
    ["mutatingadmissionpolicies", "mutatingadmissionpolicybindings", "mutatingwebhookconfigurations"].map(
      (resource) => cluster.get(`${ADMISSION}/${resource}/hoop`),
    ),
  );
  if (webhook !== undefined) return passed("what agents write is stamped with their name, by the webhook");
  if (policy !== undefined && binding !== undefined)
    return passed("what agents write is stamped with their name, by the API server itself");
  const missing = policy === undefined ? "a MutatingAdmissionPolicy" : "the MutatingAdmissionPolicyBinding";
  return failed(
    "HOOP-009",
    `${missing} hoop is not there, and neither is a MutatingWebhookConfiguration hoop`,
  );
}

async function certificates(probe: Probe): Promise<Finding> {
  const get = (resource: string) => probe.cluster.get<Registration>(`${ADMISSION}/${resource}/hoop`);
  const [service, validating, mutating] = await Promise.all([
    apiService(probe),
    get("validatingwebhookconfigurations"),
    get("mutatingwebhookconfigurations"),
  ]);
  const bundles: [string, string | undefined][] = [
    ...(service === undefined
      ? []
      : [[`APIService ${SERVICE}`, service.spec.caBundle] as [string, string | undefined]]),
    ...[...(validating?.webhooks ?? []), ...(mutating?.webhooks ?? [])].map(
      ({ name, clientConfig }): [string, string | undefined] => [`webhook ${name}`, clientConfig.caBundle],
    ),
  ];
  if (bundles.length === 0) return notChecked("there is nothing that could have a caBundle");
  for (const [where, bundle] of bundles) {
    const wrong = wrongBundle(bundle, probe.context.now());
    if (wrong !== undefined) return failed("HOOP-006", `${where}: ${wrong}`);
  }
  return passed("each registration has a caBundle that is valid now");
}

function wrongBundle(bundle: string | undefined, now: number): string | undefined {
  if (bundle === undefined || bundle === "") return "it has no caBundle; Hoop puts it there when it runs";
  const pems = Buffer.from(bundle, "base64")
    .toString("latin1")
    .match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (pems === null) return "its caBundle holds no certificate";
  try {
    const valid = pems
      .map((pem) => new X509Certificate(pem))
      .some(
        ({ validFromDate, validToDate }) => validFromDate.getTime() <= now && now < validToDate.getTime(),
      );
    return valid ? undefined : "its caBundle has run out";
  } catch {
    return "its caBundle cannot be read";
  }
}
