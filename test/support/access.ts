/** What agents may not even ask for, as an authorizer is asked: by the rule that denies it, and what is left alone. */
import type { AccessRequest } from "#core/authorize.ts";

export type Attributes = NonNullable<AccessRequest["resource"]>;

const CERTIFICATES = "certificates.k8s.io";
const ADMISSION = "admissionregistration.k8s.io";
const VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/** `GROUP/RESOURCE/SUBRESOURCE` of namespace `demo`. */
export function asked(verb: string, resource: string, given: Partial<Attributes> = {}): Attributes {
  const [group = "", name = "", subresource = ""] = resource.split("/");
  return { verb, group, resource: name, subresource, namespace: "demo", name: "x", ...given };
}

export const DENIED: Record<string, Attributes[]> = {
  secrets: [
    ...VERBS.filter((verb) => verb !== "create" && verb !== "delete").map((verb) => asked(verb, "/secrets")),
    asked("*", "/secrets"),
    asked("get", "/*"),
    asked("get", "*/*"),
    asked("list", "/secrets", { namespace: "", name: "" }),
    asked("unsafe-delete-ignore-read-errors", "/secrets"),
    asked("get", "/secrets/anything"),
  ],
  "hoop-namespace": [
    asked("get", "/pods", { namespace: "hoop-system" }),
    asked("get", "/pods/log", { namespace: "hoop-system" }),
    asked("get", "/namespaces", { namespace: "hoop-system", name: "hoop-system" }),
    asked("watch", "example.com/approvals", { namespace: "hoop-system" }),
    asked("list", "hoop.dev/*", { namespace: "hoop-system" }),
  ],
  impersonation: [
    asked("impersonate", "/users"),
    asked("impersonate", "/groups"),
    asked("impersonate", "/serviceaccounts"),
    asked("impersonate", "authentication.k8s.io/uids"),
    asked("impersonate", "authentication.k8s.io/userextras/scopes"),
    asked("impersonate:user-info", "/users"),
    asked("impersonate-on:user-info:create", "/pods"),
    asked("*", "/users"),
  ],
  "admission-registrations": [
    ...["create", "update", "patch", "delete", "deletecollection"].flatMap((verb) => [
      asked(verb, `${ADMISSION}/validatingwebhookconfigurations`),
      asked(verb, `${ADMISSION}/mutatingadmissionpolicybindings`),
      asked(verb, `${ADMISSION}/whatever-comes-next/status`),
    ]),
  ],
  "token-request": [
    asked("create", "/serviceaccounts/token"),
    asked("create", "/serviceaccounts/*"),
    asked("patch", "/serviceaccounts/token"),
  ],
  "csr-approval": [
    asked("update", `${CERTIFICATES}/certificatesigningrequests/approval`),
    asked("patch", `${CERTIFICATES}/certificatesigningrequests/status`),
    asked("approve", `${CERTIFICATES}/signers`),
    asked("sign", `${CERTIFICATES}/signers`),
    asked("attest", `${CERTIFICATES}/signers`),
  ],
  "node-proxy": VERBS.map((verb) => asked(verb, "/nodes/proxy")),
  "approval-decision": ["get", "create", "update", "patch"].map((verb) =>
    asked(verb, "hoop.dev/approvals/approval"),
  ),
};

export const PASSED: Attributes[] = [
  asked("create", "/secrets"),
  asked("delete", "/secrets"),
  asked("get", "example.com/secrets"),
  asked("get", "/serviceaccounts"),
  asked("create", "/serviceaccounts"),
  asked("get", `${ADMISSION}/validatingwebhookconfigurations`),
  asked("list", `${ADMISSION}/validatingadmissionpolicies`),
  asked("create", `${CERTIFICATES}/certificatesigningrequests`),
  asked("get", `${CERTIFICATES}/certificatesigningrequests/status`),
  asked("get", "/nodes"),
  asked("list", "hoop.dev/approvals", { namespace: "hoop-system" }),
  asked("watch", "hoop.dev/records", { namespace: "hoop-system" }),
  asked("get", "hoop.dev/approvals"),
  asked("create", "/pods", { namespace: "hoop-system" }),
  asked("delete", "/namespaces", { namespace: "hoop-system", name: "hoop-system" }),
  asked("list", "/pods", { namespace: "", name: "" }),
];

export const shown = ({ verb, group, resource, subresource, namespace }: Attributes) =>
  `${verb} ${group}/${resource}/${subresource} in "${namespace}"`;
