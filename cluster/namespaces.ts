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

interface KnownNamespace {
  uid: string;
  isActive: boolean;
  object: JsonObject;
}

/** Milliseconds. A request that is being judged waits for the answer. */
const PATIENCE = 3_000;

export function namespaceCache(client: Client, log: Log): NamespaceCache {
  const byName = new Map<string, KnownNamespace>();
  const names = new Map<string, string>();

  function put(namespace: Namespace): void {
    const { name, uid } = namespace.metadata;
    const before = byName.get(name)?.uid;
    if (before !== undefined && before !== uid) names.delete(before);
    byName.set(name, { uid, isActive: isActive(namespace), object: asJson(namespace) });
    names.set(uid, name);
  }

  const following = follow<Namespace>(
    client,
    {
      path: "/api/v1/namespaces",
      replace(all) {
        byName.clear();
        names.clear();
        for (const one of all) put(one);
      },
      put,
      remove({ metadata: { name, uid } }) {
        names.delete(uid);
        // Another one may have taken its name by now.
        if (byName.get(name)?.uid === uid) byName.delete(name);
      },
    },
    log,
  );

  /** While the watch is down a namespace may have been recreated, so what is known does not count. */
  function known(name: string): KnownNamespace | undefined {
    return following.live() ? byName.get(name) : undefined;
  }

  function asked(name: string, options: { timeout?: number } = {}): Promise<Namespace> {
    return client.request<Namespace>({ path: path("api", "v1", "namespaces", name), ...options });
  }

  async function askedState(name: string): Promise<NamespaceState> {
    try {
      return isActive(await asked(name)) ? "active" : "terminating";
    } catch (error) {
      if (isNotFound(error)) return "missing";
      throw error;
    }
  }

  return {
    async uid(name) {
      const found = known(name);
      if (found !== undefined) return { known: true, uid: found.uid };
      try {
        return { known: true, uid: (await asked(name)).metadata.uid };
      } catch (error) {
        return { ...notTold(name, error), ...(isNotFound(error) ? { absent: true } : {}) };
      }
    },
    nameOf: (uid) => names.get(uid),
    state: async (name) => (known(name)?.isActive === true ? "active" : askedState(name)),
    object(name) {
      const found = known(name);
      if (found !== undefined) return { known: true, object: found.object };
      return asked(name, { timeout: PATIENCE }).then(
        (namespace) => ({ known: true, object: asJson(namespace) }),
        (error: unknown) => notTold(name, error),
      );
    },
    ready: following.ready,
    stop: following.stop,
  };
}

function notTold(name: string, error: unknown): { known: false; why: string } {
  const why = isNotFound(error) ? "does not exist" : `could not be looked up: ${String(error)}`;
  return { known: false, why: `namespace ${name} ${why}` };
}

/** Without managedFields: nobody asks who wrote which field, and they are often most of it. */
function asJson({ metadata, ...rest }: Namespace): JsonObject {
  const { managedFields: _, ...kept } = metadata as Namespace["metadata"] & { managedFields?: unknown };
  return { ...rest, metadata: kept } as JsonObject;
}

function isActive({ metadata, status }: Namespace): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase !== "Terminating";
}
