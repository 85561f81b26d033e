/** Tokens of the doorway's ServiceAccount, each bound to a Secret of its own that holds nothing. */
import { type Client, isNotFound, path } from "./client.ts";

export interface DoorwayAccount {
  namespace: string;
  name: string;
}

/** The API server makes none that is good for less. */
const SHORTEST_SECONDS = 600;

interface Made {
  status: { token: string };
}

export function doorway(client: Client, { namespace, name }: DoorwayAccount) {
  const secrets = `/api/v1${path("namespaces", namespace, "secrets")}`;
  const secretName = (uid: string) => `session-${uid}`;
  return {
    async open(sessionUid: string, seconds: number) {
      const secret = await client.request<{ metadata: { uid: string } }>({
        method: "POST",
        path: secrets,
        body: {
          ...{ apiVersion: "v1", kind: "Secret", type: "hoop.dev/session" },
          metadata: { name: secretName(sessionUid), namespace },
        },
      });
      const boundObjectRef = {
        ...{ apiVersion: "v1", kind: "Secret", name: secretName(sessionUid) },
        uid: secret.metadata.uid,
      };
      const { status } = await client.request<Made>({
        method: "POST",
        path: `/api/v1${path("namespaces", namespace, "serviceaccounts", name, "token")}`,
        body: {
          ...{ apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest" },
          spec: { expirationSeconds: Math.max(SHORTEST_SECONDS, seconds), boundObjectRef },
        },
      });
      const username = `system:serviceaccount:${namespace}:${name}`;
      return { token: status.token, username, credentialID: `JTI=${tokenIdIn(status.token)}` };
    },
    async close(sessionUid: string) {
      try {
        await client.request({ method: "DELETE", path: `${secrets}${path(secretName(sessionUid))}` });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}

/** Throws where it has none: then nothing could tell it from another. */
function tokenIdIn(token: string): string {
  const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
  if (typeof claims === "object" && claims !== null && "jti" in claims && typeof claims.jti === "string")
    return claims.jti;
  throw new Error("the API server's tokens have no jti: Kubernetes 1.30 or later is needed");
}
