/** What somebody may do, asked of the API server about themselves. */
import type { Cluster } from "../cluster.ts";

export interface Access {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
  namespace?: string;
}

/** In the order asked. Rejects where it may not be asked at all. */
export async function may(cluster: Cluster, asked: readonly Access[]): Promise<boolean[]> {
  return (await verdicts(cluster, asked)).map(({ allowed }) => allowed);
}

/** As `may`; `denied`: somebody said no, where otherwise nobody said yes. */
export async function verdicts(
  cluster: Cluster,
  asked: readonly Access[],
): Promise<{ allowed: boolean; denied: boolean }[]> {
  const items = asked.map((resourceAttributes) => ({
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes },
  }));
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  const told = await cluster.kubectl(
    ["create", "--validate=false", "--filename=-", `--output=jsonpath=${ANSWER}`],
    { input },
  );
  const answers = told.trim().split("\n");
  return asked.map((_, at) => {
    const [allowed, denied] = answers[at]?.split(" ") ?? [];
    return { allowed: allowed === "true", denied: denied === "true" };
  });
}

const ANSWER = '{.status.allowed} {.status.denied}{"\\n"}';

/** What an agent must not be able to do, as only authorization can see it. */
export const AROUND: readonly (Access & { says: string })[] = [
  { says: "read Secrets", verb: "get", group: "", resource: "secrets" },
  { says: "impersonate users", verb: "impersonate", group: "", resource: "users" },
  { says: "impersonate groups", verb: "impersonate", group: "", resource: "groups" },
  {
    says: "impersonate ServiceAccounts",
    verb: "impersonate",
    group: "",
    resource: "serviceaccounts",
  },
  {
    says: "change webhook registrations",
    verb: "update",
    group: "admissionregistration.k8s.io",
    resource: "validatingwebhookconfigurations",
  },
  {
    says: "make ServiceAccount tokens",
    verb: "create",
    group: "",
    resource: "serviceaccounts",
    subresource: "token",
  },
  {
    says: "approve certificates",
    verb: "update",
    group: "certificates.k8s.io",
    resource: "certificatesigningrequests",
    subresource: "approval",
  },
  { says: "talk to kubelets", verb: "get", group: "", resource: "nodes", subresource: "proxy" },
  {
    says: "write decisions on approvals",
    verb: "patch",
    group: "hoop.dev",
    resource: "approvals",
    subresource: "approval",
  },
];
