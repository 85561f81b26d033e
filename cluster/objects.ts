/** How an object of any kind is now, as far as Hoop may see it. */
import type { JsonObject } from "#core/admission.ts";
import { parseJson } from "#core/json.ts";
import type { Found } from "#core/outcome/look.ts";
import { type Client, isNotFound, KubeError, path } from "./client.ts";

export interface Place {
  group: string;
  version: string;
  resource: string;
  /** "" for what lies in none. */
  namespace: string;
  name: string;
  /** Whether its content is asked for, and not its metadata alone. */
  whole: boolean;
}

interface Metadata {
  uid: string;
  resourceVersion: string;
  creationTimestamp: string;
  deletionTimestamp?: string;
}

type Kept = JsonObject & { metadata: JsonObject & Metadata };

const only = (kind: string) => ({ accept: `application/json;as=${kind};g=meta.k8s.io;v=v1` });

/** Never rejects: what the API server does not tell is unknown. */
export async function objectNow(client: Client, place: Place): Promise<Found> {
  try {
    const found = await read(client, place);
    if (found === undefined) return { kind: "absent" };
    const { uid, resourceVersion, creationTimestamp: created, deletionTimestamp } = found.metadata;
    const object = place.whole ? found : undefined;
    return {
      kind: "present",
      uid,
      resourceVersion,
      created,
      deleting: deletionTimestamp !== undefined,
      object,
    };
  } catch (error) {
    if (isNotFound(error)) return { kind: "absent" };
    const { code, reason } = error instanceof KubeError ? error : { code: 0, reason: "no answer" };
    const why = `the object could not be looked at: ${reason}`;
    return { kind: "unknown", why, transient: code === 0 || code === 429 || code >= 500 };
  }
}

/** Of some kinds Hoop may list what it may not get. */
async function read(client: Client, place: Place): Promise<Kept | undefined> {
  const { group, version, resource, namespace, name, whole } = place;
  const root = group === "" ? ["api", version] : ["apis", group, version];
  const all = path(...root, ...(namespace === "" ? [] : ["namespaces", namespace]), resource);
  try {
    const headers = whole ? {} : only("PartialObjectMetadata");
    return await client.request<Kept>({ path: `${all}${path(name)}`, headers, parse: parseJson });
  } catch (error) {
    if (!(error instanceof KubeError) || error.code !== 403) throw error;
    const headers = whole ? {} : only("PartialObjectMetadataList");
    const query = { fieldSelector: `metadata.name=${name}` };
    const { items } = await client.request<{ items: Kept[] }>({
      path: all,
      query,
      headers,
      parse: parseJson,
    });
    return items[0];
  }
}
