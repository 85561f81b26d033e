/** Asks the API server whether somebody may do something. */
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
