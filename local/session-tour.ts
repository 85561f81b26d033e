/** Sessions in the tour: who may have one, what it may do, and the kubeconfig that begins it when it is used. */
import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, parseAllDocuments, stringify } from "yaml";
import { GROUPS } from "./issuer-file.ts";
import type { Layout, Remembered } from "./state-directory.ts";

const COMPONENTS = join(import.meta.dirname, "..", "deploy", "components");
const DOORWAY = join(COMPONENTS, "exchange", "doorway.yaml");
/** What `edit` allows but for the ways to a Secret's value, and to be somebody else. */
const AGENT_WORK = join(COMPONENTS, "agent-rbac", "agent-work.yaml");
const RBAC = "rbac.authorization.k8s.io";
const PROFILE = "deployer";
export const TOUR_NAMESPACE = "demo";
const ACCOUNT = { namespace: "work", name: "deployer" };

/** What has to be there before Hoop is. One JSON List. */
export async function sessionGround(): Promise<string> {
  const texts = await Promise.all([DOORWAY, AGENT_WORK].map((file) => readFile(file, "utf8")));
  const components = texts.flatMap((text) => parseAllDocuments(text).map((one) => one.toJS() as object));
  const bound = (name: string, namespace: string | undefined, role: string, subject: object) => ({
    ...{ apiVersion: `${RBAC}/v1`, kind: namespace === undefined ? "ClusterRoleBinding" : "RoleBinding" },
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: role },
    subjects: [{ kind: "ServiceAccount", ...subject }],
  });
  const meta = (name: string, namespace: string) => ({ metadata: { name, namespace } });
  const items = [
    ...components,
    { apiVersion: "v1", kind: "Namespace", metadata: { name: ACCOUNT.namespace } },
    { apiVersion: "v1", kind: "ServiceAccount", ...meta(ACCOUNT.name, ACCOUNT.namespace) },
    {
      ...{ apiVersion: `${RBAC}/v1`, kind: "ClusterRole", metadata: { name: "tour-deployer" } },
      // With its name a list is one of it alone, as kubectl asks when it waits for its end.
      rules: [
        {
          ...{ apiGroups: [""], resources: ["namespaces"], resourceNames: [TOUR_NAMESPACE] },
          verbs: ["get", "list", "watch", "delete"],
        },
      ],
    },
    bound("tour-deployer", undefined, "tour-deployer", ACCOUNT),
    bound("hoop-sessions", ACCOUNT.namespace, "hoop-sessions", { namespace: "hoop-system", name: "hoop" }),
  ];
  return list(items);
}

/** What is in the tour's namespace for it: rights, and a pod on the node that kwok plays. */
export function sessionNamespace(): string {
  const bound = (name: string, role: string) => ({
    ...{ apiVersion: `${RBAC}/v1`, kind: "RoleBinding", metadata: { name, namespace: TOUR_NAMESPACE } },
    roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: role },
    subjects: [{ kind: "ServiceAccount", ...ACCOUNT }],
  });
  return list([
    bound("deployer-work", "hoop-agent-work"),
    bound("deployer-secrets", "hoop-agent"),
    // Pods need it, and its controller comes by later.
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: TOUR_NAMESPACE } },
    {
      ...{ apiVersion: "v1", kind: "Pod", metadata: { name: "web", namespace: TOUR_NAMESPACE } },
      spec: { nodeName: "node-1", containers: [{ name: "main", image: "app:1" }] },
    },
  ]);
}

/** What Helm notes of its releases, in Secrets of its own, waits for nobody. */
export const RELEASE_RULES = [
  { rule: "secret-create", mode: "Off", when: "object.type == 'helm.sh/release.v1'" },
  { rule: "secret-change", mode: "Off", when: "object.type == 'helm.sh/release.v1'" },
  { rule: "secret-delete", mode: "Off", when: "oldObject.type == 'helm.sh/release.v1'" },
] as const;

/** Written when Hoop is there: it is asked. */
export function sessionProfile({ ports }: Remembered): string {
  const claims = [{ claim: "groups", values: GROUPS }];
  return list([
    // What Helm notes of its releases needs nobody's approval; what it makes of them may.
    {
      ...{ apiVersion: "policy.hoop.dev/v1alpha1", kind: "AgentPolicy", metadata: { name: "helm-releases" } },
      spec: {
        catalogue: RELEASE_RULES,
      },
    },
    {
      ...{ apiVersion: "policy.hoop.dev/v1alpha1", kind: "AgentProfile", metadata: { name: PROFILE } },
      spec: {
        tokens: [{ issuer: `http://127.0.0.1:${ports.issuer}`, claims }],
        session: {
          serviceAccount: ACCOUNT,
          duration: { default: "1h", max: "4h" },
          exec: { stdin: true, tty: true },
        },
      },
    },
  ]);
}

/** Where the tour's tokens are exchanged. */
function exchangeAddress({ ports }: Remembered): string {
  return `https://127.0.0.1:${ports.exchange}/token`;
}

/**
 * As `kubectl hoop login` writes it, but that no session is begun before it is used. Each one is another: a logout with
 * that of an earlier start does not hold for it.
 */
export async function writeSessionKubeconfig(state: Layout, memory: Remembered): Promise<void> {
  const human = parse(await readFile(state.kubeconfig.human, "utf8")) as {
    clusters: { cluster: { server: string } }[];
  };
  const cluster = human.clusters[0]?.cluster;
  const path = `/apis/hoop.dev/v1alpha1/namespaces/${TOUR_NAMESPACE}/sessions/current/proxy`;
  const config = {
    ...{ apiVersion: "v1", kind: "Config", "current-context": "session" },
    contexts: [
      { name: "session", context: { cluster: "session", user: "session", namespace: TOUR_NAMESPACE } },
    ],
    clusters: [{ name: "session", cluster: { ...cluster, server: `${cluster?.server}${path}` } }],
    users: [{ name: "session", user: { exec: execOf(state, memory) } }],
  };
  await writeFile(state.kubeconfig.session, stringify(config), { mode: 0o600 });
}

function execOf(state: Layout, memory: Remembered): object {
  return {
    apiVersion: "client.authentication.k8s.io/v1",
    command: join(state.bin, "kubectl-hoop"),
    args: [
      ...["credential", `--profile=${PROFILE}`, `--namespace=${TOUR_NAMESPACE}`],
      ...[`--exchange=${exchangeAddress(memory)}`, `--exchange-ca=${join(state.certificates, "ca.crt")}`],
      ...[`--token-file=${state.token}`, `--key=${randomUUID()}`],
    ],
    provideClusterInfo: true,
    interactiveMode: "Never",
  };
}

function list(items: object[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}
