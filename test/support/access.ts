/** What agents may not even ask for, as an authorizer is asked: by the rule that denies it, and what is left alone. */
import fc from "fast-check";
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
    asked("impersonate-on:user-info:list", "/secrets"),
    asked("deletecollection", "/secrets", { name: "" }),
    asked("get", "/secrets", { namespace: "hoop-system" }),
  ],
  "unsafe-delete": [
    asked("unsafe-delete-ignore-read-errors", "/configmaps"),
    asked("unsafe-delete-ignore-read-errors", "example.com/widgets"),
    asked("unsafe-delete-ignore-read-errors", "/namespaces", { namespace: "hoop-system" }),
  ],
  "hoop-namespace": [
    asked("get", "/pods", { namespace: "hoop-system" }),
    asked("get", "/pods/log", { namespace: "hoop-system" }),
    asked("create", "/pods", { namespace: "hoop-system", name: "" }),
    asked("create", "/secrets", { namespace: "hoop-system", name: "" }),
    asked("create", "/pods/exec", { namespace: "hoop-system" }),
    asked("deletecollection", "apps/statefulsets", { namespace: "hoop-system", name: "" }),
    asked("delete", "/namespaces", { namespace: "hoop-system", name: "hoop-system" }),
    asked("update", "/namespaces/finalize", { namespace: "hoop-system", name: "hoop-system" }),
    asked("get", "hoop.dev/secure-secrets", { namespace: "hoop-system" }),
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
    ...["users", "groups", "uids", "userextras/scopes", "userextras/*"].map((of) =>
      asked("impersonate:user-info", `authentication.k8s.io/${of}`, { namespace: "" }),
    ),
    asked("impersonate:serviceaccount", "authentication.k8s.io/serviceaccounts"),
    asked("impersonate:serviceaccount", "authentication.k8s.io/serviceaccounts", {
      namespace: "hoop-system",
    }),
    asked("impersonate:arbitrary-node", "authentication.k8s.io/nodes", { namespace: "" }),
    asked("impersonate:associated-node", "authentication.k8s.io/nodes", { namespace: "", name: "*" }),
    ...["user-info", "serviceaccount", "arbitrary-node", "associated-node"].flatMap((mode) =>
      [...VERBS, "*"].map((verb) => asked(`impersonate-on:${mode}:${verb}`, "apps/deployments")),
    ),
    asked("*", "/users"),
  ],
  "admission-registrations": [
    ...["create", "update", "patch", "delete", "deletecollection"].flatMap((verb) => [
      asked(verb, `${ADMISSION}/validatingwebhookconfigurations`),
      asked(verb, `${ADMISSION}/mutatingadmissionpolicybindings`),
      asked(verb, `${ADMISSION}/whatever-comes-next/status`),
    ]),
  ],
  "hoop-policies": [
    ...["create", "update", "patch", "delete", "deletecollection"].flatMap((verb) => [
      asked(verb, "policy.hoop.dev/agentpolicies", { namespace: "" }),
      asked(verb, "policy.hoop.dev/agentprofiles/status", { namespace: "" }),
    ]),
    asked("create", "*/deployments/scale", { group: "policy.hoop.dev" }),
  ],
  "hoop-apis": [
    ...["update", "patch", "delete"].flatMap((verb) => [
      asked(verb, "apiextensions.k8s.io/customresourcedefinitions", {
        name: "agentpolicies.policy.hoop.dev",
      }),
      asked(verb, "apiextensions.k8s.io/customresourcedefinitions/status", { name: "x.hoop.dev" }),
      asked(verb, "apiregistration.k8s.io/apiservices", { name: "v1alpha1.hoop.dev" }),
      asked(verb, "apiregistration.k8s.io/apiservices/status", { name: "v1alpha1.policy.hoop.dev" }),
    ]),
    asked("deletecollection", "apiextensions.k8s.io/customresourcedefinitions", { name: "" }),
    asked("deletecollection", "apiregistration.k8s.io/apiservices", { name: "" }),
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
    asked("create", `${CERTIFICATES}/podcertificaterequests`),
    asked("update", `${CERTIFICATES}/podcertificaterequests/status`),
  ],
  "node-proxy": [
    ...VERBS.map((verb) => asked(verb, "/nodes/proxy")),
    ...["log", "pods", "checkpoint", "configz", "exec", "run", "statusz", "whatever-comes-next", "*"].flatMap(
      (subresource) => [asked("get", `/nodes/${subresource}`), asked("create", `/nodes/${subresource}`)],
    ),
  ],
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
  asked("create", "hoop.dev/sessions", { namespace: "hoop-system" }),
  asked("list", "/pods", { namespace: "", name: "" }),
  ...["status", "metrics", "stats", "healthz"].map((subresource) => asked("get", `/nodes/${subresource}`)),
  asked("list", "policy.hoop.dev/agentpolicies", { namespace: "" }),
  asked("get", "apiextensions.k8s.io/customresourcedefinitions", { name: "x.policy.hoop.dev" }),
  asked("patch", "apiextensions.k8s.io/customresourcedefinitions", { name: "widgets.nothoop.dev" }),
  asked("create", "apiextensions.k8s.io/customresourcedefinitions", { name: "" }),
  asked("update", "apiregistration.k8s.io/apiservices", { name: "v1beta1.metrics.k8s.io" }),
  ...["get", "create", "update", "patch"].map((verb) => asked(verb, "hoop.dev/secure-secrets")),
  asked("create", "hoop.dev/secure-secrets/reveal"),
  // Who gives away more than it has is judged by admission.
  asked("escalate", "rbac.authorization.k8s.io/clusterroles"),
  asked("bind", "rbac.authorization.k8s.io/clusterroles"),
];

/** Requests about no resource. */
export const DENIED_PATHS = [
  "/logs",
  "/logs/kube-apiserver/audit.log",
  "/debug/flags/v",
  "/debug/pprof/heap",
  "*",
];
export const PASSED_PATHS = ["/healthz", "/metrics", "/version", "/openapi/v3", "/apis", "/api"];

export const shown = ({ verb, group, resource, subresource, namespace }: Attributes) =>
  `${verb} ${group}/${resource}/${subresource} in "${namespace}"`;

/** One of these words, or any. */
export const oneOf = (...known: string[]) =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...known) },
    { weight: 1, arbitrary: fc.string({ maxLength: 8 }) },
  );
/** Of whatever may be asked, much of what prohibitions are about. */
export const ANY_ATTRIBUTES: fc.Arbitrary<Attributes> = fc.record({
  verb: oneOf(
    ...[
      "get",
      "list",
      "watch",
      "create",
      "update",
      "patch",
      "delete",
      "deletecollection",
      "*",
      "approve",
      "sign",
    ],
    ...[
      "attest",
      "impersonate",
      "impersonate:user-info",
      "impersonate:arbitrary-node",
      "impersonate-on:user-info:get",
    ],
    ...["unsafe-delete-ignore-read-errors", "escalate", "bind", "use", ""],
  ),
  group: oneOf(
    ...[
      "",
      "*",
      "apps",
      "hoop.dev",
      "policy.hoop.dev",
      "admissionregistration.k8s.io",
      "certificates.k8s.io",
    ],
    ...["authentication.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "example.com"],
  ),
  resource: oneOf(
    ...[
      "secrets",
      "*",
      "serviceaccounts",
      "nodes",
      "approvals",
      "pods",
      "users",
      "signers",
      "secure-secrets",
    ],
    ...["certificatesigningrequests", "podcertificaterequests", "customresourcedefinitions", "apiservices"],
    ...["validatingwebhookconfigurations", "namespaces", "records", ""],
  ),
  subresource: oneOf("", "token", "proxy", "log", "status", "metrics", "approval", "*", "exec", "finalize"),
  namespace: oneOf("", "hoop-system", "demo", "*"),
  name: oneOf(
    "",
    "x",
    "*",
    "v1alpha1.hoop.dev",
    "agentpolicies.policy.hoop.dev",
    "hoop-system",
    "nothoop.dev",
  ),
});
