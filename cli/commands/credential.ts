/** `kubectl hoop credential`: what kubectl and client-go run for the token of a session (client.authentication.k8s.io/v1). */
import type { Context } from "../context.ts";
import { clusterIn } from "../session/door.ts";
import { type Terms, termsOf } from "../session/terms.ts";
import { awaited, ticket } from "../session/ticket.ts";

export type CredentialFlags = { readonly [Name in keyof Terms]: Terms[Name] };

export async function credential(this: Context, flags: CredentialFlags): Promise<void> {
  const terms = termsOf(flags);
  const cluster = clusterIn(this.environment["KUBERNETES_EXEC_INFO"]);
  const kept = await ticket(this, terms, cluster);
  if (cluster !== undefined) await awaited(this, terms, kept, cluster, Number.POSITIVE_INFINITY);
  const credentials = {
    ...{ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential" },
    status: { expirationTimestamp: kept.until, token: kept.token },
  };
  this.process.stdout.write(`${JSON.stringify(credentials)}\n`);
}
