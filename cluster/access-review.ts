/** Asks the API server whether somebody may do something. */
import type { UserInfo } from "#core/admission.ts";
import type { AccessCheck, AccessDecision } from "#core/cel/library/authorizer.ts";
import type { Client } from "./client.ts";
import { withRetries } from "./retry.ts";

/** SubjectAccessReviewSpec of authorization.k8s.io/v1, with either kind of attributes. */
export interface AccessReviewSpec {
  user: string;
  uid?: string;
  groups?: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
  resourceAttributes?: {
    verb: string;
    group?: string;
    version?: string;
    resource?: string;
    subresource?: string;
    namespace?: string;
    name?: string;
    /** `rawSelector`, or `requirements` taken apart. */
    fieldSelector?: object;
    labelSelector?: object;
  };
  nonResourceAttributes?: { verb: string; path: string };
}

export interface AccessReview {
  allowed: boolean;
  /** Denied outright by an authorizer; false together with `allowed` where nobody had an opinion. */
  denied: boolean;
  /** The authorizer's words, "" where it gave none. */
  reason: string;
}

/** Rejects with a KubeError where the API server could not tell. */
export async function subjectAccessReview(client: Client, spec: AccessReviewSpec): Promise<AccessReview> {
  const review = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec,
  };
  const { status } = await withRetries(() =>
    client.request<{ status?: Partial<AccessReview> }>({
      method: "POST",
      path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
      body: review,
    }),
  );
  const denied = status?.denied ?? false;
  return { allowed: !denied && status?.allowed === true, denied, reason: status?.reason ?? "" };
}

/** A request under way waits for it. */
const PATIENCE = 3_000;

/** What a policy asks with `authorizer`. Never rejects. */
export async function accessDecision(
  client: Client,
  user: UserInfo,
  check: AccessCheck,
): Promise<AccessDecision> {
  const body = {
    ...{ apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview" },
    spec: { ...whose(user, check), ...whatOf(check) } satisfies AccessReviewSpec,
  };
  try {
    const { status } = await client.request<{
      status?: Partial<AccessReview> & { evaluationError?: string };
    }>({
      ...{ method: "POST", path: "/apis/authorization.k8s.io/v1/subjectaccessreviews" },
      ...{ body, timeout: PATIENCE },
    });
    const { allowed = false, denied = false, reason = "", evaluationError = "" } = status ?? {};
    const isAllowed = allowed && !denied;
    // As in Kubernetes, one authorizer's failure counts only where no other has allowed it.
    return {
      allowed: isAllowed,
      reason,
      ...(evaluationError === "" || isAllowed ? {} : { error: evaluationError }),
    };
  } catch (error) {
    return { allowed: false, reason: "", error: String(error) };
  }
}

function whose(
  { username, uid, groups, extra }: UserInfo,
  { serviceAccount }: AccessCheck,
): AccessReviewSpec {
  if (serviceAccount === undefined) return { user: username, uid, groups, extra: Object.fromEntries(extra) };
  const { namespace, name } = serviceAccount;
  return {
    user: `system:serviceaccount:${namespace}:${name}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`],
  };
}

function whatOf(check: AccessCheck): Pick<AccessReviewSpec, "resourceAttributes" | "nonResourceAttributes"> {
  const { verb, path, group = "", resource = "", subresource, namespace, name } = check;
  if (path !== undefined) return { nonResourceAttributes: { verb, path } };
  const { fieldSelector, labelSelector } = check;
  return {
    resourceAttributes: {
      ...{ verb, group, version: "*", resource },
      ...(subresource === undefined ? {} : { subresource }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
      ...(fieldSelector === undefined ? {} : { fieldSelector: { rawSelector: fieldSelector } }),
      ...(labelSelector === undefined ? {} : { labelSelector: { rawSelector: labelSelector } }),
    },
  };
}
