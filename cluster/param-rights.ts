/** Whether Hoop may read what a policy takes as `params`: told to whoever writes the policy, while it is written. */
import type { Client } from "./client.ts";
import { servedKind } from "./kinds.ts";
import type { ParamReference } from "./param.ts";

/** Nobody's write waits longer for it. */
const PATIENCE = 2_000;
/** What {@link followParam} asks, by one name. */
const VERBS = ["get", "list", "watch"] as const;

/** What will come of it where Hoop may not, in words, with the path it is about; none where it may, or nobody can tell in time. */
export async function paramWarnings(client: Client, reference: ParamReference): Promise<string[]> {
  const { apiVersion, kind, namespace, name } = reference;
  const signal = AbortSignal.timeout(PATIENCE);
  try {
    const served = await servedKind(client, reference, signal);
    if (served === undefined)
      return [`spec.paramKind: the cluster serves no ${kind} in ${apiVersion}: until it does, ${UNTIL}`];
    const group = apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "";
    const { resource, namespaced } = served;
    const where = namespaced ? namespace : undefined;
    const asked = VERBS.map(async (verb) => {
      const attributes = {
        verb,
        group,
        resource,
        name,
        ...(where === undefined ? {} : { namespace: where }),
      };
      return (await isAllowed(client, attributes, signal)) ? [] : [verb];
    });
    const missing = (await Promise.all(asked)).flat();
    if (missing.length === 0) return [];
    const place = where === undefined ? "" : ` in ${where}`;
    const what = `${resource}${group === "" ? "" : `.${group}`} ${name}${place}`;
    return [
      `spec.paramRef: Hoop may not read ${what}: until it may, ${UNTIL}; grant ${missing.join(", ")} to its ServiceAccount`,
    ];
  } catch {
    return [];
  }
}

const UNTIL = "what this policy is about is refused to agents";

async function isAllowed(client: Client, resourceAttributes: object, signal: AbortSignal): Promise<boolean> {
  const { status } = await client.request<{ status?: { allowed?: boolean } }>({
    ...{ method: "POST", path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" },
    body: {
      ...{ apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview" },
      spec: { resourceAttributes },
    },
    signal,
  });
  return status?.allowed === true;
}
