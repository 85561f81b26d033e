/** What goes with what a request deletes, as the person's kubectl can see it. */
import {
  type AdmissionRequest,
  type JsonObject,
  list,
  member,
  targetNamespace,
  text,
} from "#core/admission.ts";
import {
  bindingAnnotations,
  DEPENDENT_KINDS,
  type Dependent,
  Owners,
  TOO_MANY,
} from "#core/policy/dependents.ts";
import type { Known } from "#core/policy/ports.ts";
import type { Cluster } from "../cluster.ts";
import { ApiError } from "../failure.ts";

/** Asked of the whole cluster where the owner is in no namespace. */
export async function dependentsIn(
  cluster: Cluster,
  request: AdmissionRequest,
): Promise<Known<readonly Dependent[]>> {
  const owners = new Owners();
  try {
    for (const [apiVersion, kind, resource] of DEPENDENT_KINDS)
      for (const item of await itemsOf(cluster, apiVersion, resource, targetNamespace(request)))
        owners.put(ownedOf(member(item, "metadata"), apiVersion, kind));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { known: false, why: error.message };
  }
  const metadata = member(request.oldObject ?? {}, "metadata");
  const found = owners.dependentsOf(text(metadata, "uid"), request.kind.kind);
  return found === undefined ? TOO_MANY : { known: true, object: found };
}

async function itemsOf(
  cluster: Cluster,
  apiVersion: string,
  resource: string,
  namespace: string,
): Promise<JsonObject[]> {
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const where = namespace === "" || resource === "persistentvolumes" ? "" : `/namespaces/${namespace}`;
  const found = await cluster.get<JsonObject>(`${root}${where}/${resource}`);
  return list(found ?? {}, "items") as JsonObject[];
}

function ownedOf(metadata: JsonObject, apiVersion: string, kind: string) {
  return {
    ...{ apiVersion, kind, namespace: text(metadata, "namespace"), name: text(metadata, "name") },
    uid: text(metadata, "uid"),
    owners: list(metadata, "ownerReferences").map((owner) => text(owner, "uid")),
    annotations: bindingAnnotations(metadata),
  };
}
