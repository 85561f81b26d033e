/** What the API server says to whoever has the token of a session: whether it knows it, and how the session is. */
import { readJson } from "../json.ts";
import { type Answered, answered } from "./http.ts";
import { sessionIn } from "./kubeconfig.ts";

/** An entry `cluster` of a kubeconfig, with its certificates in it. */
export type Cluster = Readonly<Record<string, unknown>> & { server: string };

/** In place of a name: the session that a token is of. */
export const CURRENT = "current";

/** The cluster that client-go tells a credential plugin of; undefined where nothing does. */
export function clusterIn(execInfo: string | undefined): Cluster | undefined {
  if (execInfo === undefined) return undefined;
  const { spec } = readJson(execInfo) as { spec?: { cluster?: { server?: string } } };
  const server = spec?.cluster?.server;
  return server === undefined ? undefined : { ...spec?.cluster, server };
}

/** `dead`: it is good for nothing any more. What cannot be told is `alive`: kubectl will say what is wrong. */
export async function life(cluster: Cluster, token: string): Promise<"alive" | "dead"> {
  const body = JSON.stringify({ apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" });
  const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const { code } = await asked(cluster, path, token, body).catch(() => ({ code: 0 }));
  return code === 401 ? "dead" : "alive";
}

export type State =
  | { kind: "open" }
  | { kind: "pending" }
  | { kind: "over"; phase: string; message: string }
  | { kind: "unknown"; message: string };

/** Whether the session may be used yet. */
export async function stateOf(cluster: Cluster, namespace: string, token: string): Promise<State> {
  const path = `/apis/hoop.dev/v1alpha1/namespaces/${namespace}/sessions/${CURRENT}/proxy/version`;
  let answer: Answered;
  try {
    answer = await asked(cluster, path, token);
  } catch (error) {
    return { kind: "unknown", message: error instanceof Error ? error.message : String(error) };
  }
  if (answer.code === 200) return { kind: "open" };
  const message = String(answer.fields["message"] ?? `the API server answered ${answer.code}`);
  const [, phase] = /\bit is ([A-Z]\w+)/.exec(message) ?? [];
  if (phase === "Pending") return { kind: "pending" };
  if (phase !== undefined || answer.code === 401 || /session of this token is over/.test(message))
    return { kind: "over", phase: phase ?? "Ended", message };
  return { kind: "unknown", message };
}

async function asked(cluster: Cluster, path: string, token: string, body?: string): Promise<Answered> {
  if (cluster["proxy-url"] !== undefined) throw new Error("the API server is behind a proxy (proxy-url)");
  const server = (sessionIn(cluster.server)?.server ?? cluster.server).replace(/\/+$/, "");
  const data = cluster["certificate-authority-data"];
  const name = cluster["tls-server-name"];
  return answered(`${server}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body }),
    ca: typeof data === "string" ? Buffer.from(data, "base64").toString() : undefined,
    servername: typeof name === "string" && name !== "" ? name : undefined,
    isTrusted: cluster["insecure-skip-tls-verify"] === true,
  });
}
