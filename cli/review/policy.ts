/** The cluster's RBAC, with the caller's rights. */
import type { Binding, Policy, Role } from "#core/doctor/rbac.ts";
import type { Cluster } from "../cluster.ts";
import { ApiError } from "../failure.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";

/** Where some of it may not be read, why: a part of it would tell less than the agent may do. */
export async function readPolicy(cluster: Cluster): Promise<{ policy: Policy } | { why: string }> {
  const listed = async <T>(resource: string): Promise<readonly T[]> =>
    (await cluster.get<{ items?: readonly T[] }>(`${RBAC}/${resource}`))?.items ?? [];
  try {
    const [roles, clusterRoles, roleBindings, clusterRoleBindings] = await Promise.all([
      listed<Role>("roles"),
      listed<Role>("clusterroles"),
      listed<Binding>("rolebindings"),
      listed<Binding>("clusterrolebindings"),
    ]);
    return { policy: { roles, clusterRoles, roleBindings, clusterRoleBindings } };
  } catch (error) {
    if (error instanceof ApiError && error.reason === "Forbidden") return { why: error.message };
    throw error;
  }
}
