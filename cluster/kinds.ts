/** Where the API server serves a kind. */
import { type Client, isNotFound } from "./client.ts";

export interface ServedKind {
  /** `/api/v1` or `/apis/GROUP/VERSION`. */
  root: string;
  resource: string;
  namespaced: boolean;
}

interface Discovered {
  resources?: { name: string; kind: string; namespaced: boolean }[];
}

/** `undefined`: it is not served. Rejects with a KubeError where that cannot be told. */
export async function servedKind(
  client: Client,
  { apiVersion, kind }: { apiVersion: string; kind: string },
  signal: AbortSignal,
): Promise<ServedKind | undefined> {
  // Written by whoever writes policies: nothing but a group and a version may become of it.
  if (!/^([a-z0-9.-]+\/)?[a-z0-9]+$/.test(apiVersion)) return undefined;
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  try {
    const { resources = [] } = await client.request<Discovered>({ path: root, signal });
    const found = resources.find((resource) => resource.kind === kind && !resource.name.includes("/"));
    return found === undefined ? undefined : { root, resource: found.name, namespaced: found.namespaced };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
