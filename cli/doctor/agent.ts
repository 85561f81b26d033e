/** Who is examined, as the command line names them; and what can be tried with an agent's own credential. */
import { randomBytes } from "node:crypto";
import type { Finding, NotChecked } from "#core/doctor/finding.ts";
import { type Agent, memberOf, namedAgent } from "#core/doctor/identities.ts";
import type { Cluster } from "../cluster.ts";
import { CommandError } from "../failure.ts";
import { readJson } from "../json.ts";

/** `NAMESPACE/NAME` is a ServiceAccount. Undefined where nobody is named. */
export function agentOf(name: string | undefined, groups: readonly string[]): Agent[] | undefined {
  if (name !== undefined) {
    const [, namespace, account] = /^([^/:]+)\/([^/:]+)$/.exec(name) ?? [];
    const user = namespace === undefined ? name : `system:serviceaccount:${namespace}:${account}`;
    return [namedAgent(user, groups)];
  }
  return groups.length === 0 ? undefined : groups.map(memberOf);
}

interface Whoami {
  status?: { userInfo?: { username?: string; groups?: string[] } };
}

/** Who the API server takes this credential for. */
export async function whoIs(cluster: Cluster): Promise<Agent> {
  const review = readJson(await cluster.kubectl(["auth", "whoami", "--output=json"])) as Whoami;
  const { username = "", groups = [] } = review.status?.userInfo ?? {};
  return namedAgent(username, groups);
}

/** A dry run of a write that is always held; in the agent's name, and without any effect. */
export async function dryRun(
  cluster: Cluster,
  { name: agent }: Agent,
  namespace: string,
): Promise<{ finding: Finding } | { notChecked: NotChecked } | undefined> {
  const name = `hoop-doctor-${randomBytes(4).toString("hex")}`;
  const role = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name, namespace },
    rules: [],
  };
  let said = "";
  const notice = (text: string) => {
    said += text;
  };
  const what = "a dry run of creating a Role";
  try {
    const input = JSON.stringify(role);
    const args = ["create", "--filename=-", "--dry-run=server", "--output=name"];
    const { code, stderr } = await cluster.tried(args, { input, notice });
    if (code !== 0) return { notChecked: { what: `${what} as ${agent}`, why: stderr, could: true } };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { notChecked: { what: `${what} as ${agent}`, why: error.message, could: true } };
  }
  if (said.includes("would wait for a human")) return undefined;
  return {
    finding: {
      id: "writes-not-judged",
      severity: "critical",
      title: "writes without being judged",
      detail: `${what} in namespace ${namespace} passed without a word of Hoop's; such a write is always held.`,
      ways: [38, 41],
      control: "AC-25",
      agents: [agent],
      openings: [],
      objects: ["ValidatingWebhookConfiguration/hoop"],
      fix: [{ says: "see why", command: "kubectl hoop check" }],
    },
  };
}
