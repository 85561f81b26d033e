/** What must be there for agents' writes to come to Hoop: looked at with the caller's rights, changing nothing. */
import { certificates } from "./certificates.ts";
import type { Code } from "./codes.ts";
import { apiService, registration, SERVICE, type Webhook } from "./objects.ts";
import { stamps } from "./stamps.ts";
import { type Finding, failed, type Probe, passed, refused, type Step } from "./step.ts";

const OPERATIONS = ["CREATE", "UPDATE", "DELETE", "CONNECT"];

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
    async (probe) => {
      const found = await registration(probe, "validatingwebhookconfigurations");
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
