/** What is said on the ServiceAccounts of the cluster, kept current by a watch. */
import type { JsonObject } from "#core/admission.ts";
import type { Known, Soon } from "#core/policy/ports.ts";
import type { Log } from "#core/ports.ts";
import { type Client, isNotFound, path } from "./client.ts";
import { follow, type Listed } from "./list-watch.ts";

export interface ServiceAccounts {
  /** `metadata` of the ServiceAccount as it is now, at once where it is known; null where there is none. */
  object(namespace: string, name: string): Soon<Known<JsonObject | null>>;
  /** Resolves when the first list is in. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

type ServiceAccount = Listed & {
  metadata: { namespace: string; labels?: object; annotations?: Record<string, string> };
};

/** A request under way waits for it. */
const PATIENCE = 3_000;
const METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

export function serviceAccounts(client: Client, log: Log): ServiceAccounts {
  const known = new Map<string, JsonObject>();
  const key = (namespace: string, name: string) => `${namespace}/${name}`;
  const put = (account: ServiceAccount) =>
    known.set(key(account.metadata.namespace, account.metadata.name), asJson(account));
  const following = follow<ServiceAccount>(
    client,
    {
      path: "/api/v1/serviceaccounts",
      metadataOnly: true,
      replace(all) {
        known.clear();
        for (const account of all) put(account);
      },
      put,
      remove: ({ metadata }) => known.delete(key(metadata.namespace, metadata.name)),
    },
    log,
  );

  /** One that is not known may have been made a moment ago. */
  async function ask(namespace: string, name: string): Promise<Known<JsonObject | null>> {
    try {
      const account = await client.request<ServiceAccount>({
        path: path("api", "v1", "namespaces", namespace, "serviceaccounts", name),
        headers: { Accept: METADATA },
        timeout: PATIENCE,
      });
      return { known: true, object: asJson(account) };
    } catch (error) {
      if (isNotFound(error)) return { known: true, object: null };
      return {
        known: false,
        why: `serviceaccount ${namespace}/${name} could not be looked up: ${String(error)}`,
      };
    }
  }

  return {
    object(namespace, name) {
      const object = following.live() ? known.get(key(namespace, name)) : undefined;
      return object === undefined ? ask(namespace, name) : { known: true, object };
    },
    ready: following.ready,
    stop: following.stop,
  };
}

/** What kubectl applied last, and who wrote which field, says nothing that counts. */
function asJson({ metadata }: ServiceAccount): JsonObject {
  const { name, namespace, uid, labels = {}, annotations = {} } = metadata;
  const { "kubectl.kubernetes.io/last-applied-configuration": _, ...kept } = annotations;
  return { metadata: { ...{ name, namespace, uid }, labels: { ...labels }, annotations: kept } };
}
