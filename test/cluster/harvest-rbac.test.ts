/**
 * The same harvest where the API server's flags are not ours: nobody asks Hoop for authorization, and agents are bound to
 * the roles that deploy/ has for them, in their namespaces and for approvals.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { NAMESPACES } from "../support/harvest/seeds.ts";
import { itHarvestsNothing, SECRETS_REFUSED } from "../support/harvest/suite.ts";
import { clusterScoped, namespaced } from "../support/objects.ts";
import type { Testbed } from "../support/testbed.ts";

const ROLE = join(import.meta.dirname, "..", "..", "deploy", "components", "agent-rbac", "agent-work.yaml");
const GROUP = "rbac.authorization.k8s.io";

/** Bound to these roles and to nothing else: not to cluster-admin, as in the tour. */
async function boundAgent(bed: Testbed): Promise<string> {
  const role = parse(await readFile(ROLE, "utf8")) as { metadata: { name: string } };
  const rest = (name: string) => ({
    roleRef: { apiGroup: GROUP, kind: "ClusterRole", name },
    subjects: [{ apiGroup: GROUP, kind: "Group", name: "hoop:agents" }],
  });
  await bed.must("human", ["delete", "clusterrolebinding", "tour-agents"]);
  await bed.apply([
    role as never,
    clusterScoped(`${GROUP}/v1`, "ClusterRoleBinding", "harvesters", rest("hoop-agent")),
    ...NAMESPACES.map((namespace) => ({
      ...namespaced(`${GROUP}/v1`, "RoleBinding", "harvesters", rest(role.metadata.name)),
      metadata: { name: "harvesters", namespace },
    })),
  ]);
  return bed.kubeconfig("agent");
}

describe("A harvest of Secrets' values, with RBAC alone", () => {
  itHarvestsNothing({
    testbed: { configured: false },
    agent: boundAgent,
    audited: false,
    heard: SECRETS_REFUSED,
  });
});
