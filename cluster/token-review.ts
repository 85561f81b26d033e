/** Asks the API server whose bearer token this is. */
import type { UserInfo } from "#core/admission.ts";
import type { Client } from "./client.ts";
import { withRetries } from "./retry.ts";

export type TokenReview =
  | { authenticated: true; user: UserInfo; audiences: readonly string[] }
  | { authenticated: false; why: string };

interface Status {
  authenticated?: boolean;
  error?: string;
  audiences?: string[];
  user?: { username?: string; uid?: string; groups?: string[]; extra?: Record<string, string[]> };
}

/**
 * `audiences`: the token must be meant for one of them; without any, for the API server. Rejects with a KubeError
 * where the API server could not tell.
 */
export async function tokenReview(
  client: Client,
  token: string,
  audiences: readonly string[] = [],
): Promise<TokenReview> {
  const review = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenReview",
    spec: { token, ...(audiences.length > 0 && { audiences }) },
  };
  const { status } = await withRetries(() =>
    client.request<{ status?: Status }>({
      method: "POST",
      path: "/apis/authentication.k8s.io/v1/tokenreviews",
      body: review,
    }),
  );
  const user = status?.user;
  if (status?.authenticated !== true || !user?.username) {
    return { authenticated: false, why: status?.error ?? "the token was not accepted" };
  }
  const granted = status.audiences ?? [];
  // An authenticator that knows nothing of audiences leaves them out; then the token is the API server's alone.
  if (audiences.length > 0 && !audiences.some((audience) => granted.includes(audience))) {
    return { authenticated: false, why: "the token is not meant for this audience" };
  }
  return {
    authenticated: true,
    audiences: granted,
    user: {
      username: user.username,
      uid: user.uid ?? "",
      groups: user.groups ?? [],
      extra: new Map(Object.entries(user.extra ?? {})),
    },
  };
}
