/** Ways to a Secret's value that RBAC alone can open, each with a request that takes it. */
import type { PolicyRule } from "#core/doctor/rbac.ts";
import type { Caller } from "./raw.ts";

/** The Secret demo/db. What comes out may be plain or base64. */
export const VALUE = "correct-horse-battery-staple";
export const SEEDED = [VALUE, Buffer.from(VALUE).toString("base64")];

export interface Way {
  /** The check of doctor's that must name it. */
  check: string;
  rules: readonly PolicyRule[];
  /** Bound in namespace demo alone (default), or in the whole cluster. */
  cluster?: boolean;
  /** Taking it once opens another way, which stays. */
  stays?: true;
  /** Default: the user. */
  subject?: { kind: "User" | "Group"; name: string };
  /** Everything that came back. */
  take(agent: Caller, others: { anonymous: Caller; withToken(token: string): Caller }): Promise<string>;
}

const SECRETS = "/api/v1/namespaces/demo/secrets";
const DB = `${SECRETS}/db`;
const RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/demo";
const read = async (caller: Caller, path = DB, headers: Record<string, string> = {}) =>
  (await caller({ path, headers })).text;
const patched = async (caller: Caller, type: string, body: object, path = DB) =>
  (await caller({ method: "PATCH", path, type, body })).text;
const secrets = (...verbs: string[]): PolicyRule => ({ apiGroups: [""], resources: ["secrets"], verbs });
const bindingTo = (role: string) => ({
  metadata: { name: "taken" },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role },
  subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "agent" }],
});

/** Open whatever admission says. */
export const PAST_ADMISSION: Readonly<Record<string, Way>> = {
  "a get of one Secret by its name": {
    check: "secrets-read",
    rules: [{ ...secrets("get"), resourceNames: ["other", "db"] }],
    take: (agent) => read(agent),
  },
  "a list in one namespace, among other rights": {
    check: "secrets-read",
    rules: [
      { apiGroups: ["", "apps"], resources: ["pods", "secrets", "deployments"], verbs: ["create", "list"] },
    ],
    take: (agent) => read(agent, SECRETS),
  },
  "a list of the one name a rule allows": {
    check: "secrets-read",
    rules: [{ ...secrets("list"), resourceNames: ["db"] }],
    take: (agent) => read(agent, `${SECRETS}?fieldSelector=metadata.name%3Ddb`),
  },
  "a watch of everything": {
    check: "secrets-read",
    cluster: true,
    rules: [secrets("watch")],
    take: (agent) => read(agent, "/api/v1/secrets?watch=true&timeoutSeconds=1"),
  },
  "a JSON patch that fails, and says why": {
    check: "secrets-read",
    rules: [secrets("patch")],
    take: (agent) =>
      patched(agent, "application/json-patch+json", [
        { op: "copy", from: "/data/password", path: "/metadata/labels" },
      ]),
  },
  "a wildcard in one namespace": {
    check: "secrets-read",
    rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }],
    take: (agent) => read(agent),
  },
  "what everybody who is logged in may": {
    check: "secrets-read",
    rules: [secrets("get")],
    subject: { kind: "Group", name: "system:authenticated" },
    take: (agent) => read(agent),
  },
  "what anybody may, without a credential": {
    check: "secrets-read",
    rules: [secrets("get")],
    subject: { kind: "Group", name: "system:unauthenticated" },
    take: (_, { anonymous }) => read(anonymous),
  },
  "what agents may as a group": {
    check: "secrets-read",
    cluster: true,
    rules: [{ apiGroups: ["*"], resources: ["secrets", "configmaps"], verbs: ["get"] }],
    subject: { kind: "Group", name: "hoop:agents" },
    take: (agent) => read(agent),
  },
  "impersonation of a user and a group": {
    check: "impersonate",
    cluster: true,
    rules: [
      { apiGroups: [""], resources: ["users"], verbs: ["impersonate"], resourceNames: ["boss"] },
      { apiGroups: [""], resources: ["groups"], verbs: ["impersonate"], resourceNames: ["system:masters"] },
    ],
    take: (agent) => read(agent, DB, { "impersonate-user": "boss", "impersonate-group": "system:masters" }),
  },
  "impersonation of a ServiceAccount": {
    check: "impersonate",
    rules: [{ apiGroups: [""], resources: ["serviceaccounts"], verbs: ["impersonate"] }],
    take: (agent) => read(agent, DB, { "impersonate-user": "system:serviceaccount:demo:reader" }),
  },
  "impersonation of a ServiceAccount, constrained to a verb": {
    check: "impersonate",
    rules: [
      {
        apiGroups: ["authentication.k8s.io"],
        resources: ["serviceaccounts"],
        verbs: ["impersonate:serviceaccount"],
        resourceNames: ["reader"],
      },
      { apiGroups: [""], resources: ["secrets"], verbs: ["impersonate-on:serviceaccount:get"] },
    ],
    take: (agent) => read(agent, DB, { "impersonate-user": "system:serviceaccount:demo:reader" }),
  },
};

/** Open only where admission does not judge. */
export const PAST_RBAC: Readonly<Record<string, Way>> = {
  "the answer to a deletecollection that is only tried": {
    check: "secrets-answers",
    rules: [secrets("deletecollection")],
    take: async (agent) => (await agent({ method: "DELETE", path: `${SECRETS}?dryRun=All` })).text,
  },
  "the answer to a delete that waits": {
    check: "secrets-delete",
    rules: [secrets("delete")],
    take: async (agent) =>
      (await agent({ method: "DELETE", path: `${DB}?dryRun=All&propagationPolicy=Foreground` })).text,
  },
  "the answer to a server-side apply that is only tried": {
    check: "secrets-read",
    rules: [secrets("patch")],
    take: (agent) =>
      patched(
        agent,
        "application/apply-patch+yaml",
        { apiVersion: "v1", kind: "Secret", metadata: { name: "db" } },
        `${DB}?dryRun=All&fieldManager=agent`,
      ),
  },
  "a token of somebody who may": {
    check: "token-request",
    rules: [
      { apiGroups: [""], resources: ["serviceaccounts/token"], verbs: ["create"], resourceNames: ["reader"] },
    ],
    take: async (agent, { withToken }) => {
      const path = "/api/v1/namespaces/demo/serviceaccounts/reader/token";
      const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} };
      const { text } = await agent({ method: "POST", path, body });
      const { status } = JSON.parse(text) as { status?: { token?: string } };
      return read(withToken(status?.token ?? ""));
    },
  },
  "a binding to a role that is not its own": {
    check: "rbac-escalate",
    rules: [
      { apiGroups: ["rbac.authorization.k8s.io"], resources: ["rolebindings"], verbs: ["create"] },
      {
        apiGroups: ["rbac.authorization.k8s.io"],
        resources: ["roles"],
        verbs: ["bind"],
        resourceNames: ["reader"],
      },
    ],
    take: async (agent) => {
      const { text } = await agent({
        method: "POST",
        path: `${RBAC}/rolebindings`,
        body: bindingTo("reader"),
      });
      return `${text}${await read(agent)}`;
    },
  },
  "a role that grows": {
    check: "rbac-escalate",
    stays: true,
    rules: [
      {
        apiGroups: ["rbac.authorization.k8s.io"],
        resources: ["roles"],
        verbs: ["patch", "escalate"],
        resourceNames: ["way"],
      },
    ],
    take: async (agent) => {
      const add = [{ op: "add", path: "/rules/-", value: secrets("get") }];
      await patched(agent, "application/json-patch+json", add, `${RBAC}/roles/way`);
      return read(agent);
    },
  },
};
