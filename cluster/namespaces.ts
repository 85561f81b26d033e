/** The namespaces of the cluster, name to uid and back and as they are, kept current by a watch. */
import type { JsonObject } from "#core/admission.ts";
import type { Known, Soon } from "#core/policy/ports.ts";
import type { Log, Lookup } from "#core/ports.ts";
import { type Client, isNotFound, path } from "./client.ts";
import { follow, type Listed } from "./list-watch.ts";

/** Whether something may be created in it. */
export type NamespaceState = "active" | "terminating" | "missing";

export interface NamespaceCache {
  /** The uid of the namespace as it exists now. "No such namespace" is only said after asking the API server. */
  uid(name: string): Promise<Lookup>;
  /** The name of the namespace with this uid, if it exists. */
  nameOf(uid: string): string | undefined;
  /**
   * How the namespace is now. Only "active" is said without asking the API server: one that is gone or going may have
   * been made anew. Rejects with a KubeError where the API server could not tell.
   */
  state(name: string): Promise<NamespaceState>;
  /** The Namespace as it is now, without its managedFields; at once where it is known. */
  object(name: string): Soon<Known<JsonObject>>;
  /** Resolves when the first list is in. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

type Namespace = Listed & {
  metadata: { deletionTimestamp?: string };
  status?: { phase?: string };
};

/** A request under way waits for it. */
const PATIENCE = 3_000;

export function namespaceCache(client: Client, log: Log): NamespaceCache {
  const uids = new Map<string, string>();
  const names = new Map<string, string>();
  const active = new Set<string>();
  const objects = new Map<string, JsonObject>();

  function put(namespace: Namespace): void {
    const { metadata } = namespace;
    const before = uids.get(metadata.name);
    if (before !== undefined && before !== metadata.uid) names.delete(before);
    uids.set(metadata.name, metadata.uid);
    names.set(metadata.uid, metadata.name);
    objects.set(metadata.name, asJson(namespace));
    if (isActive(namespace)) active.add(metadata.name);
    else active.delete(metadata.name);
  }

  const following = follow<Namespace>(
    client,
    {
      path: "/api/v1/namespaces",
      replace(all) {
        uids.clear();
        names.clear();
        active.clear();
        objects.clear();
        for (const one of all) put(one);
      },
      put,
      remove({ metadata }) {
        names.delete(metadata.uid);
        if (uids.get(metadata.name) !== metadata.uid) return;
        uids.delete(metadata.name);
        objects.delete(metadata.name);
        active.delete(metadata.name);
      },
    },
    log,
  );

  async function ask(name: string): Promise<Lookup> {
    try {
      const { metadata } = await client.request<Listed>({ path: path("api", "v1", "namespaces", name) });
      return { known: true, uid: metadata.uid };
    } catch (error) {
      if (isNotFound(error)) return { known: false, why: `namespace ${name} does not exist`, absent: true };
      return { known: false, why: `namespace ${name} could not be looked up: ${String(error)}` };
    }
  }

  async function askObject(name: string): Promise<Known<JsonObject>> {
    try {
      const found = await client.request<Namespace>({
        path: path("api", "v1", "namespaces", name),
        timeout: PATIENCE,
      });
      return { known: true, object: asJson(found) };
    } catch (error) {
      if (isNotFound(error)) return { known: false, why: `namespace ${name} does not exist` };
      return { known: false, why: `namespace ${name} could not be looked up: ${String(error)}` };
    }
  }

  async function askState(name: string): Promise<NamespaceState> {
    try {
      const found = await client.request<Namespace>({ path: path("api", "v1", "namespaces", name) });
      return isActive(found) ? "active" : "terminating";
    } catch (error) {
      if (isNotFound(error)) return "missing";
      throw error;
    }
  }

  return {
    async uid(name) {
      // While the watch is down a namespace may have been recreated, so what is known does not count.
      const uid = following.live() ? uids.get(name) : undefined;
      return uid === undefined ? ask(name) : { known: true, uid };
    },
    nameOf: (uid) => names.get(uid),
    state: async (name) => (following.live() && active.has(name) ? "active" : askState(name)),
    object(name) {
      const object = following.live() ? objects.get(name) : undefined;
      return object === undefined ? askObject(name) : { known: true, object };
    },
    ready: following.ready,
    stop: following.stop,
  };
}

/** What came from the API server is JSON; who wrote which field is of no interest, and often most of it. */
function asJson({ metadata, ...rest }: Namespace): JsonObject {
  const { managedFields: _, ...kept } = metadata as Namespace["metadata"] & { managedFields?: unknown };
  return { ...rest, metadata: kept } as JsonObject;
}

function isActive({ metadata, status }: Namespace): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase !== "Terminating";
}
