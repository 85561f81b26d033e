/** Ways to read Secrets, or to be somebody else. */
import { asks, CHANGES, type Check, READS } from "./check.ts";

const RBAC = "rbac.authorization.k8s.io";
const AUTHENTICATION = "authentication.k8s.io";
const CERTIFICATES = "certificates.k8s.io";
const IN_CLUSTER = { cluster: true } as const;

export const IDENTITY_CHECKS: readonly Check[] = [
  {
    id: "secrets-read",
    severity: "critical",
    title: "reads Secrets",
    detail:
      "Reads never reach admission. A list or watch answers with all values, a metadata-only read with those in the " +
      "last-applied annotation, and a JSON patch that moves or tests a value tells it in its error, before admission is asked.",
    ways: [1, 2, 7],
    control: "AC-3",
    asks: () => asks("", ["secrets"], [...READS, "patch"]),
  },
  {
    id: "secrets-answers",
    severity: "critical",
    judged: "low",
    title: "writes Secrets, and is answered with their values",
    detail: "The answer to an update, and to a deletecollection even as a dry run, is the stored Secret.",
    ways: [3, 4, 5],
    control: "AC-3",
    asks: () => asks("", ["secrets"], ["update", "deletecollection"]),
  },
  {
    id: "secrets-delete",
    severity: "high",
    judged: "info",
    title: "deletes Secrets, which may answer with their values",
    detail:
      "A delete that waits for a finalizer, its own (foreground, orphan) included, is answered with the Secret.",
    ways: [6],
    control: "AC-3",
    asks: () => asks("", ["secrets"], ["delete"]),
  },
  {
    id: "secrets-create",
    severity: "high",
    judged: "info",
    title: "creates Secrets",
    detail:
      "A Secret of type service-account-token is filled with a token by a controller; one of type bootstrap-token is a login.",
    ways: [26],
    control: "IA-5",
    asks: () => asks("", ["secrets"], ["create"]),
  },
  {
    id: "token-request",
    severity: "critical",
    judged: "low",
    title: "makes ServiceAccount tokens",
    detail:
      "The answer is a token, also that of a dry run: with it the agent is that ServiceAccount, and no agent any more.",
    ways: [25],
    control: "IA-5",
    asks: () => asks("", ["serviceaccounts/token"], ["create"]),
  },
  {
    id: "impersonate",
    severity: "critical",
    title: "acts as somebody else",
    detail:
      "Every later layer sees only the other identity: admission, the authorization webhook, Hoop's own API.",
    ways: [15],
    control: "AC-6",
    asks: () => [
      ...asks("", ["users", "groups"], ["impersonate"], IN_CLUSTER),
      ...asks("", ["serviceaccounts"], ["impersonate"]),
      ...asks(AUTHENTICATION, ["users", "groups"], ["impersonate:user-info"], IN_CLUSTER),
      ...asks(AUTHENTICATION, ["serviceaccounts"], ["impersonate:serviceaccount"]),
      ...asks(
        AUTHENTICATION,
        ["nodes"],
        ["impersonate:arbitrary-node", "impersonate:associated-node"],
        IN_CLUSTER,
      ),
    ],
  },
  {
    id: "rbac-escalate",
    severity: "critical",
    judged: "info",
    title: "gives itself rights it does not have",
    detail: "With the verbs escalate and bind RBAC no longer asks whether the giver has what is given.",
    ways: [28],
    control: "AC-6",
    asks: () => [
      ...asks(RBAC, ["clusterroles"], ["escalate", "bind"], IN_CLUSTER),
      ...asks(RBAC, ["roles"], ["escalate", "bind"]),
    ],
  },
  {
    id: "rbac-write",
    severity: "medium",
    judged: "info",
    title: "changes roles and bindings",
    detail: "What it may do itself it can give to an identity that is no agent.",
    ways: [28, 29],
    control: "AC-6",
    asks: () => [
      ...asks(RBAC, ["clusterroles", "clusterrolebindings"], CHANGES, IN_CLUSTER),
      ...asks(RBAC, ["roles", "rolebindings"], CHANGES),
    ],
  },
  {
    id: "csr-approval",
    severity: "critical",
    judged: "low",
    title: "approves or signs certificates",
    detail: "A certificate is an identity, of any name and group.",
    ways: [27],
    control: "IA-5",
    asks: () => [
      ...asks(
        CERTIFICATES,
        ["certificatesigningrequests/approval", "certificatesigningrequests/status"],
        ["update", "patch"],
        IN_CLUSTER,
      ),
      ...asks(CERTIFICATES, ["signers"], ["approve", "sign", "attest"], IN_CLUSTER),
    ],
  },
  {
    id: "csr-create",
    severity: "medium",
    judged: "info",
    title: "asks for certificates",
    detail:
      "Some signers approve by themselves; for the others a person's approval is enough to make an identity.",
    ways: [27],
    control: "IA-5",
    asks: () => asks(CERTIFICATES, ["certificatesigningrequests"], ["create"], IN_CLUSTER),
  },
  {
    id: "pod-certificates",
    severity: "medium",
    title: "asks for certificates in the name of pods",
    detail: "What signs these takes them for what a kubelet asks.",
    ways: [27],
    control: "IA-5",
    asks: () => asks(CERTIFICATES, ["podcertificaterequests"], ["create"]),
  },
  {
    id: "identity-configmaps",
    severity: "high",
    judged: "info",
    title: "changes ConfigMaps that say who is who",
    detail:
      "Cloud logins, the front proxy's authority and the cluster's names are kept in ConfigMaps of kube-system.",
    ways: [34],
    control: "IA-5",
    asks: () =>
      asks("", ["configmaps"], ["update", "patch", "delete"], {
        namespaces: ["kube-system"],
        names: ["aws-auth", "extension-apiserver-authentication"],
      }),
  },
  {
    id: "approval-decision",
    severity: "critical",
    judged: "low",
    title: "may write decisions on approvals",
    detail: "Hoop itself refuses agents here; RBAC should not rely on that.",
    ways: [58],
    control: "AC-5",
    asks: () => asks("hoop.dev", ["approvals/approval"], ["create", "update", "patch"]),
  },
];
