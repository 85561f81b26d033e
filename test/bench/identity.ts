/** The administrator's certificate out of a kubeconfig. */
import { readFile } from "node:fs/promises";
import { parse } from "yaml";
import type { Identity } from "./load.ts";

interface Config {
  clusters: [{ cluster: Record<string, string> }];
  users: [{ user: Record<string, string> }];
}

export async function identityOf(url: string, kubeconfig: string): Promise<Identity> {
  const { clusters, users } = parse(await readFile(kubeconfig, "utf8")) as Config;
  const decode = (data: string | undefined) => Buffer.from(data ?? "", "base64").toString("utf8");
  return {
    url,
    ca: decode(clusters[0].cluster["certificate-authority-data"]),
    cert: decode(users[0].user["client-certificate-data"]),
    key: decode(users[0].user["client-key-data"]),
  };
}
