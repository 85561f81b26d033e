/** How that is which a request refers to: of Secrets and ConfigMaps alone the version, never the content. */
import type { Granted, RbacRule, Reference, State } from "#core/digest/refers-to.ts";
import type { Referent } from "#core/ports.ts";
import { type Client, isNotFound, path } from "./client.ts";

const RBAC = ["apis", "rbac.authorization.k8s.io", "v1"];
const METADATA_ONLY = { accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" };
/** Whoever has more roles than this is too powerful to be shown whole, and takes too long to be looked up. */
const MOST_ROLES = 100;

interface Found {
  metadata: { uid: string; resourceVersion: string };
}

interface RoleRef {
  kind: string;
  name: string;
}

interface Binding {
  metadata: { name: string; namespace?: string };
  roleRef: RoleRef;
  subjects?: { kind: string; name: string; namespace?: string }[] | null;
}

/** Rejects never: what the API server does not tell is not known. */
export async function referent(client: Client, reference: Reference): Promise<Referent> {
  try {
    return { known: true, state: await stateOf(client, reference) };
  } catch (error) {
    if (isNotFound(error)) return { known: true, state: { kind: "absent" } };
    const { kind, name } = reference;
    return { known: false, why: `${kind} ${name} could not be looked up: ${String(error)}` };
  }
}

async function stateOf(client: Client, { kind, namespace, name, everywhere }: Reference): Promise<State> {
  switch (kind) {
    case "Secret":
      return versionOf(client, path("api", "v1", "namespaces", namespace, "secrets", name));
    case "ConfigMap":
      return versionOf(client, path("api", "v1", "namespaces", namespace, "configmaps", name));
    case "Role":
    case "ClusterRole": {
      const { uid, rules } = await roleAt(client, namespace, { kind, name });
      return { kind: "rules", uid, rules };
    }
    case "ServiceAccount":
      return { kind: "granted", granted: await grantedTo(client, namespace, name, everywhere) };
  }
}

async function versionOf(client: Client, at: string): Promise<State> {
  const { metadata } = await client.request<Found>({ path: at, headers: METADATA_ONLY });
  return { kind: "version", uid: metadata.uid, resourceVersion: metadata.resourceVersion };
}

async function roleAt(
  client: Client,
  namespace: string,
  { kind, name }: RoleRef,
): Promise<{ uid: string; rules: RbacRule[] }> {
  const where = kind === "Role" ? ["namespaces", namespace, "roles"] : ["clusterroles"];
  const { metadata, rules } = await client.request<Found & { rules?: RbacRule[] | null }>({
    path: path(...RBAC, ...where, name),
  });
  return { uid: metadata.uid, rules: rules ?? [] };
}

/** What RBAC gives to the ServiceAccount by its name or its namespace; what it gives to all alike is no power of its own. */
async function grantedTo(
  client: Client,
  namespace: string,
  name: string,
  everywhere = false,
): Promise<Granted[]> {
  const bindings = async (...where: string[]) => {
    const { items } = await client.request<{ items: Binding[] }>({ path: path(...RBAC, ...where) });
    return items
      .filter(({ subjects }) => subjects?.some((subject) => isMeant(subject, namespace, name)))
      .map(({ roleRef, metadata }) => ({ within: metadata.namespace ?? "", roleRef }));
  };
  const inNamespaces = everywhere ? ["rolebindings"] : ["namespaces", namespace, "rolebindings"];
  const found = (await Promise.all([bindings("clusterrolebindings"), bindings(...inNamespaces)])).flat();
  const each = new Map(found.map((one) => [`${one.within} ${one.roleRef.kind} ${one.roleRef.name}`, one]));
  if (each.size > MOST_ROLES) throw new Error(`it has more than ${MOST_ROLES} roles`);
  return Promise.all(
    [...each.values()].map(async ({ within, roleRef }) => ({
      role: `${roleRef.kind} ${roleRef.name}`,
      namespace: within,
      rules: await rulesOf(client, within, roleRef),
    })),
  );
}

/** A binding to a role that is not there gives nothing. */
async function rulesOf(client: Client, namespace: string, roleRef: RoleRef): Promise<RbacRule[]> {
  try {
    return (await roleAt(client, namespace, roleRef)).rules;
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

function isMeant(
  subject: { kind: string; name: string; namespace?: string },
  namespace: string,
  name: string,
): boolean {
  switch (subject.kind) {
    case "ServiceAccount":
      return subject.name === name && subject.namespace === namespace;
    case "User":
      return subject.name === `system:serviceaccount:${namespace}:${name}`;
    case "Group":
      return subject.name === `system:serviceaccounts:${namespace}`;
    default:
      return false;
  }
}
