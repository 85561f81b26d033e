/** A session as an agent begins it, and the kubeconfig with which an unmodified kubectl uses it. */
import { readFile, writeFile } from "node:fs/promises";
import { parse, stringify } from "yaml";
import type { Testbed, Who } from "./testbed.ts";

const RBAC = "rbac.authorization.k8s.io";

/** Where sessions act: their ServiceAccounts lie there, and Hoop may act as these. */
const WORK = "work";

export interface SessionSpec {
  profile: string;
  duration?: string;
  reason?: string;
}

/** A profile whose agent may have sessions and nothing else, and what its sessions may do. */
export function profiled(agent: string, session: object = {}, rules: object[] = []): object[] {
  const account = { namespace: WORK, name: agent };
  const meta = (name: string, namespace?: string) => ({
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
  });
  const bound = (name: string, role: object, subject: object, namespace?: string) => ({
    ...{ apiVersion: `${RBAC}/v1`, kind: namespace === undefined ? "ClusterRoleBinding" : "RoleBinding" },
    ...meta(name, namespace),
    ...{ roleRef: { apiGroup: RBAC, ...role }, subjects: [subject] },
  });
  const user = { kind: "User", apiGroup: RBAC, name: agent };
  return [
    { apiVersion: "v1", kind: "Namespace", ...meta(WORK) },
    { apiVersion: "v1", kind: "ServiceAccount", ...meta(agent, WORK) },
    { apiVersion: `${RBAC}/v1`, kind: "ClusterRole", ...meta(`work-of-${agent}`), rules },
    bound(
      `work-of-${agent}`,
      { kind: "ClusterRole", name: `work-of-${agent}` },
      {
        kind: "ServiceAccount",
        ...account,
      },
    ),
    bound(`sessions-of-${agent}`, { kind: "ClusterRole", name: "hoop-session-user" }, user),
    bound(
      "hoop-sessions",
      { kind: "ClusterRole", name: "hoop-sessions" },
      { kind: "ServiceAccount", name: "hoop", namespace: "hoop-system" },
      WORK,
    ),
    {
      ...{ apiVersion: "policy.hoop.dev/v1alpha1", kind: "AgentProfile", ...meta(agent) },
      spec: { users: [agent], session: { serviceAccount: account, ...session } },
    },
  ];
}

export interface Begun {
  name: string;
  /** What follows the API server's address. */
  path: string;
  who: Who;
}

/** Begins one in `demo`; until Hoop knows of the profile it is refused. */
export async function begin(bed: Testbed, agent: Who, spec: SessionSpec): Promise<Begun> {
  const session = {
    ...{ apiVersion: "hoop.dev/v1alpha1", kind: "Session" },
    ...{ metadata: { generateName: "task-", namespace: "demo" }, spec },
  };
  for (let attempt = 0; ; attempt++) {
    const asked = await bed.kubectl(agent, ["create", "-f", "-", "-o", "json"], {
      input: JSON.stringify(session),
    });
    if (asked.code === 0) {
      const { metadata, status } = JSON.parse(asked.stdout) as {
        metadata: { name: string };
        status: { path: string };
      };
      const session = { name: metadata.name, path: status.path };
      return { ...session, who: await through(bed, agent, session) };
    }
    if (attempt > 200) throw new Error(`no session is begun: ${asked.output}`);
  }
}

/** Somebody's own kubeconfig, but for the address. */
export async function through(
  bed: Testbed,
  agent: Who,
  { name, path }: Pick<Begun, "name" | "path">,
): Promise<Who> {
  const file = bed.kubeconfig(agent);
  const config = parse(await readFile(file, "utf8")) as { clusters: { cluster: { server: string } }[] };
  for (const { cluster } of config.clusters) cluster.server += path;
  const kubeconfig = `${file}.${name}`;
  await writeFile(kubeconfig, stringify(config), { mode: 0o600 });
  return { kubeconfig };
}
