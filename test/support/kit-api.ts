/** An API on the kit behind a real API server, in this process, as an APIService of the cluster. */
import { createAuthority } from "#certs/ca.ts";
import { issueServing } from "#certs/leaf.ts";
import { subjectAccessReview } from "#cluster/access-review.ts";
import { type Client, connect, isNotFound } from "#cluster/client.ts";
import { tokenReview } from "#cluster/token-review.ts";
import type { ControlPlane } from "#controlplane/controlplane.ts";
import { parseAuthenticationConfig } from "#kit/authentication-config.ts";
import { delegatedAuthentication } from "#kit/authn.ts";
import { delegatedAuthorization } from "#kit/authz.ts";
import { listen } from "#kit/listen.ts";
import type { NamespaceState } from "#kit/namespaces.ts";
import type { AnyResource } from "#kit/resource.ts";
import { type ApiHandler, createApi } from "#kit/server.ts";
import { untilDocumented } from "./control-plane.ts";

const NAMESPACE = "kit";

export interface KitApi {
  port: number;
  /** Ends the server; the APIService stays. `grace`: milliseconds in which requests may end by themselves. */
  stop(grace?: number): Promise<void>;
  /** Serves again, on the same port and from the same store. */
  start(): Promise<void>;
  /** What new connections are shown from now on; one that ended `expired` days ago, or a good one. */
  certify(expired?: number): void;
  /** What every request has to wait for. */
  waits: () => Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Resolves when the API server finds the API available. All resources are of one group and version. `failed` is told
 * of requests that went wrong through no fault of their own.
 */
export async function serveBehind(
  plane: ControlPlane,
  resources: readonly AnyResource[],
  failed: (fields: object, message: string) => void = (fields, message) => console.error(message, fields),
): Promise<KitApi> {
  const [first] = resources;
  if (first === undefined) throw new Error("there is nothing to serve");
  const { group, version } = first;
  const client = connect(plane.adminKubeconfig);
  const create = await apiOf(client, resources, failed);
  const ca = createAuthority(group);
  const certificate = (days: number) => {
    const { key, certificate: cert } = issueServing(ca, { dns: [`api.${NAMESPACE}.svc`], ips: [] }, days);
    return { key, cert };
  };
  let pair = certificate(1);
  const serve = async (port: number) => {
    const api = create();
    const handler: ApiHandler = Object.assign(async (...exchange: Parameters<ApiHandler>) => {
      await kit.waits();
      await api(...exchange);
    }, api);
    const server = await listen({ ...pair, host: "127.0.0.1", port, handler });
    return { server, api };
  };
  let serving: Awaited<ReturnType<typeof serve>> | undefined;
  const kit: KitApi = {
    port: 0,
    waits: async () => {},
    async start() {
      serving = await serve(kit.port);
      kit.port = serving.server.port;
    },
    async stop(grace = 2000) {
      const { server, api } = serving ?? {};
      serving = undefined;
      await server?.close(async () => api?.close(), grace);
    },
    certify(expired) {
      pair = certificate(expired === undefined ? 1 : -expired);
      serving?.server.setCertificate(pair);
    },
    async close() {
      await kit.stop();
      await client.close();
    },
  };
  await kit.start();
  await register(plane, { group, version, port: kit.port, ca: ca.certificate });
  await untilDocumented(plane, `apis/${group}/${version}`);
  return kit;
}

/** Makes the API, as often as it is to be started. */
async function apiOf(
  client: Client,
  resources: readonly AnyResource[],
  error: (fields: object, message: string) => void,
): Promise<() => ApiHandler> {
  const { data } = await client.request<{ data: Record<string, string> }>({
    path: "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
  });
  const config = parseAuthenticationConfig(data);
  return () =>
    createApi({
      title: resources[0]?.group ?? "",
      version: VERSION,
      resources,
      authenticate: delegatedAuthentication({
        config: () => config,
        tokenReview: (token) => tokenReview(client, token),
      }),
      authorize: delegatedAuthorization((spec) => subjectAccessReview(client, spec)),
      namespaces: (name) => namespaceState(client, name),
      log: { error },
    });
}

interface Registration {
  group: string;
  version: string;
  port: number;
  /** PEM. */
  ca: string;
}

export async function register(
  plane: ControlPlane,
  { group, version, port, ca }: Registration,
): Promise<void> {
  const kubectl = async (args: string[], object?: object) => {
    const input = object === undefined ? {} : { input: JSON.stringify(object) };
    const { code, stderr } = await plane.kubectl(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
  };
  await kubectl(["apply", "-f", "-"], {
    apiVersion: "v1",
    kind: "List",
    items: [
      { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "api", namespace: NAMESPACE },
        spec: { type: "ExternalName", externalName: "localhost", ports: [{ port }] },
      },
      {
        apiVersion: "apiregistration.k8s.io/v1",
        kind: "APIService",
        metadata: { name: `${version}.${group}` },
        spec: {
          ...{ group, version, groupPriorityMinimum: 1000, versionPriority: 10 },
          service: { namespace: NAMESPACE, name: "api", port },
          caBundle: Buffer.from(ca).toString("base64"),
        },
      },
    ],
  });
  await kubectl(["wait", `apiservice/${version}.${group}`, "--for=condition=Available", "--timeout=300s"]);
}

interface Namespace {
  metadata: { deletionTimestamp?: string };
}

async function namespaceState(client: Client, name: string): Promise<NamespaceState> {
  try {
    const { metadata } = await client.request<Namespace>({ path: `/api/v1/namespaces/${name}` });
    return metadata.deletionTimestamp === undefined ? "active" : "terminating";
  } catch (error) {
    if (isNotFound(error)) return "missing";
    throw error;
  }
}

const VERSION = {
  ...{ major: "0", minor: "1", gitVersion: "v0.1.0", gitCommit: "", gitTreeState: "", buildDate: "" },
  ...{ goVersion: "", compiler: "", platform: "" },
};
