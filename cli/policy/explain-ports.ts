/** What judging looks up, as the person's kubectl can see it. */
import {
  type AdmissionRequest,
  connectedName,
  isObject,
  type JsonObject,
  targetNamespace,
} from "#core/admission.ts";
import type { Known, PolicyLookups } from "#core/policy/ports.ts";
import { resourceNamed } from "#core/policy/resources.ts";
import { scaledBy } from "#core/policy/scaled.ts";
import type { Cluster } from "../cluster.ts";
import { ApiError, apiError } from "../failure.ts";
import { readJson } from "../json.ts";
import { dependentsIn } from "./explain-dependents.ts";

/** What may not be looked at is not known: Hoop itself may see it. */
export function clusterLookups(cluster: Cluster): PolicyLookups {
  return {
    namespace: async (name) => {
      const found = await looked(() =>
        cluster.get<JsonObject>(`/api/v1/namespaces/${encodeURIComponent(name)}`),
      );
      if (found.known && found.object === null) return { known: false, why: "there is none" };
      return found as Known<JsonObject>;
    },
    serviceAccount: (namespace, name) =>
      looked(() =>
        cluster.get<JsonObject>(
          `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(name)}`,
        ),
      ),
    target: (request) => looked(() => targetOf(cluster, request)),
    dependents: (request) => dependentsIn(cluster, request),
    param: (kind, namespace, name) => looked(() => objectNamed(cluster, kind, namespace, name)),
    access: async (user, check) => {
      const { serviceAccount: account, path, group, resource, subresource, namespace, name, verb } = check;
      const spec = {
        user:
          account === undefined
            ? user.username
            : `system:serviceaccount:${account.namespace}:${account.name}`,
        ...(account === undefined
          ? { groups: user.groups, extra: Object.fromEntries(user.extra) }
          : {
              groups: [
                "system:serviceaccounts",
                `system:serviceaccounts:${account.namespace}`,
                "system:authenticated",
              ],
            }),
        ...(path === undefined
          ? { resourceAttributes: { verb, group, resource, subresource, namespace, name } }
          : { nonResourceAttributes: { verb, path } }),
      };
      const review = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec };
      const input = JSON.stringify(review);
      const told = await cluster.kubectl(["create", "--validate=false", "--filename=-", "--output=json"], {
        input,
      });
      const { status } = readJson(told) as { status?: { allowed?: boolean; reason?: string } };
      return { allowed: status?.allowed === true, reason: status?.reason ?? "" };
    },
  };
}

/** Undefined where it is of a kind that is not built in. */
async function targetOf(cluster: Cluster, request: AdmissionRequest): Promise<JsonObject | undefined> {
  const scaled = scaledBy(request);
  if (scaled !== undefined) {
    const type = scaled.group === "" ? scaled.kind : `${scaled.kind}.${scaled.group}`;
    return objectOf(cluster, type, targetNamespace(request), scaled.name);
  }
  const { group, version, resource } = request.resource;
  const known = resourceNamed(resource, group);
  if (known === undefined) return undefined;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  return objectNamed(
    cluster,
    { apiVersion, kind: known.kind },
    targetNamespace(request),
    connectedName(request),
  );
}

async function looked(get: () => Promise<JsonObject | undefined>): Promise<Known<JsonObject | null>> {
  try {
    return { known: true, object: (await get()) ?? null };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { known: false, why: error.message };
  }
}

/** An object of any kind; undefined where there is none. `namespace` "": it has none. */
export async function objectNamed(
  cluster: Cluster,
  { apiVersion, kind }: { apiVersion: string; kind: string },
  namespace: string,
  name: string,
): Promise<JsonObject | undefined> {
  const [group = "", version = group] = apiVersion.split("/");
  const type = apiVersion.includes("/") ? `${kind}.${version}.${group}` : `${kind}.${version}.`;
  return objectOf(cluster, type, namespace, name, `${kind} in ${apiVersion}`);
}

async function objectOf(
  cluster: Cluster,
  type: string,
  namespace: string,
  name: string,
  called = type,
): Promise<JsonObject | undefined> {
  const where = namespace === "" ? [] : [`--namespace=${namespace}`];
  const how = ["--ignore-not-found", "--output=json", ...where];
  const finished = await cluster.tried(["get", type, name, ...how]);
  if (/doesn't have a resource type/.test(finished.stderr))
    throw new ApiError("NotFound", `this cluster has no kind ${called}`);
  if (finished.code !== 0) throw apiError(finished);
  const text = finished.stdout;
  const object = text.trim() === "" ? undefined : readJson(text);
  return isObject(object as JsonObject) ? (object as JsonObject) : undefined;
}
