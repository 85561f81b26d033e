/** The Secrets of the cluster, read and written with our own credentials. */
import type { BackendQuery, BackendWrite, CoreSecret, SecretsBackend } from "#core/secrets/backend.ts";
import { type Call, type Client, isNotFound, path } from "./client.ts";
import { listSecrets } from "./secrets-list.ts";
import { type OpenStream, refusal } from "./secrets-refusal.ts";
import { SharedEvents, watchSecrets } from "./secrets-watch.ts";

/** Milliseconds for a read, and in a list until it begins and between its parts. */
const PATIENCE = 30_000;
/** An answer of kube-apiserver is compressed where that is allowed, which takes both sides longer than sending it. */
const PLAIN = { "Accept-Encoding": "identity" };

export function secretsBackend(client: Client): SecretsBackend {
  const request = (call: Call): Promise<CoreSecret> => refusing(() => client.request<CoreSecret>(call));
  const stream: OpenStream = (call) =>
    refusing(() => client.stream({ timeout: PATIENCE, ...call, headers: { ...PLAIN, ...call.headers } }));

  const shared = new SharedEvents();
  return {
    async get(namespace, name, resourceVersion, signal) {
      const query = resourceVersion === "" ? {} : { resourceVersion };
      const where = `${secretsPath(namespace)}/${encodeURIComponent(name)}`;
      try {
        return await client.request<CoreSecret>({ path: where, query, signal, timeout: PATIENCE });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw refusal(error);
      }
    },
    list: (namespace, query, detail, signal) =>
      listSecrets(stream, { path: secretsPath(namespace), query }, detail, signal, PATIENCE),
    watch: (namespace, query, signal) =>
      watchSecrets(
        stream,
        { path: secretsPath(namespace), query: { ...query, watch: "true" } },
        shared,
        signal,
      ),
    create: (secret, write) =>
      request({ method: "POST", path: secretsPath(placeOf(secret).namespace), ...written(secret, write) }),
    replace: (secret, write) =>
      request({ method: "PUT", path: secretPath(secret), ...written(secret, write) }),
    apply: (secret, write) =>
      request({
        ...{ method: "PATCH", path: secretPath(secret), contentType: "application/apply-patch+yaml" },
        ...written(secret, write, { force: String(write.force) }),
      }),
  };
}

function secretsPath(namespace: string): string {
  return namespace === "" ? "/api/v1/secrets" : path("api", "v1", "namespaces", namespace, "secrets");
}

function secretPath(secret: CoreSecret): string {
  const { namespace, name } = placeOf(secret);
  return `${secretsPath(namespace)}/${encodeURIComponent(name)}`;
}

function placeOf({ metadata }: CoreSecret): { namespace: string; name: string } {
  const { namespace = "", name = "" } = metadata as { namespace?: string; name?: string };
  return { namespace, name };
}

/** The parameters and the body of a write. How long it may take is up to the signal. */
function written(
  secret: CoreSecret,
  { dryRun, fieldManager, signal }: BackendWrite,
  more: BackendQuery = {},
) {
  const query = { fieldValidation: "Strict", fieldManager, ...(dryRun ? { dryRun: "All" } : {}), ...more };
  const body = { ...secret, apiVersion: "v1", kind: "Secret" };
  return { query, body, signal, timeout: Number.POSITIVE_INFINITY };
}

async function refusing<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw refusal(error);
  }
}
