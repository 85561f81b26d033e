/** A client that does nothing by itself: one HTTPS request with the client certificate of a kubeconfig. */
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { parse } from "yaml";

export interface Answered {
  code: number;
  headers: Record<string, string | string[] | undefined>;
  body: { kind?: string; reason?: string; message?: string } & Record<string, unknown>;
}

interface Kubeconfig {
  clusters: [{ cluster: { server: string; "certificate-authority-data": string } }];
  users: [{ user: { "client-certificate-data": string; "client-key-data": string } }];
}

export async function send(
  kubeconfig: string,
  method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE",
  path: string,
  body?: object,
  type = "application/json",
): Promise<Answered> {
  const config = parse(await readFile(kubeconfig, "utf8")) as Kubeconfig;
  const [{ cluster }] = config.clusters;
  const [{ user }] = config.users;
  const pem = (data: string) => Buffer.from(data, "base64");
  const asked = request(new URL(path, cluster.server), {
    method,
    ca: pem(cluster["certificate-authority-data"]),
    cert: pem(user["client-certificate-data"]),
    key: pem(user["client-key-data"]),
    headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": type }) },
    agent: false,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  asked.once("error", reject);
  asked.once("response", (response) => {
    const { statusCode: code = 0, headers } = response;
    text(response).then((answer) => resolve({ code, headers, body: JSON.parse(answer) }), reject);
  });
  asked.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}
