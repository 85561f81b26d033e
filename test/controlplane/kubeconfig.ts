import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parse, stringify } from "yaml";
import type { Certificate } from "./certificates.ts";

/** How a kubeconfig's user proves who it is. */
export type Credential = { readonly certificate: Certificate } | { readonly token: string };

/** Where a kubeconfig leads to, and as whom. `ca` is PEM. */
export interface KubeconfigParts {
  readonly server: string;
  readonly ca: string;
  readonly user: string;
  readonly credential: Credential;
}

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");

const userOf = (credential: Credential): Record<string, string> =>
  "token" in credential
    ? { token: credential.token }
    : {
        "client-certificate-data": base64(credential.certificate.certificate),
        "client-key-data": base64(credential.certificate.key),
      };

/** A kubeconfig (YAML) with everything inside it, so that the file can be moved. */
export const kubeconfigYaml = ({ server, ca, user, credential }: KubeconfigParts): string =>
  stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "local", cluster: { server, "certificate-authority-data": base64(ca) } }],
    users: [{ name: user, user: userOf(credential) }],
    contexts: [{ name: user, context: { cluster: "local", user } }],
    "current-context": user,
  });

interface Parsed {
  clusters?: { cluster?: { server?: string; "certificate-authority-data"?: string } }[];
  users?: { user?: { "client-certificate-data"?: string } }[];
}

const sameMembers = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && [...a].sort().join("\n") === [...b].sort().join("\n");

/**
 * Whether `file` already is a kubeconfig for this server, CA, user and groups by client certificate. Then it can
 * stay: Kubernetes knows a credential by its certificate's hash, and a new certificate is a new credential.
 */
export const isKubeconfigFor = async (
  file: string,
  wanted: {
    readonly server: string;
    readonly ca: string;
    readonly user: string;
    readonly groups: readonly string[];
  },
): Promise<boolean> => {
  try {
    const config = parse(await readFile(file, "utf8")) as Parsed;
    const cluster = config.clusters?.[0]?.cluster;
    const data = config.users?.[0]?.user?.["client-certificate-data"];
    if (cluster?.server !== wanted.server || cluster["certificate-authority-data"] !== base64(wanted.ca))
      return false;
    const subject = new X509Certificate(Buffer.from(data ?? "", "base64")).toLegacyObject().subject;
    const organizations = [subject.O ?? []].flat();
    return subject.CN === wanted.user && sameMembers(organizations, wanted.groups);
  } catch {
    return false;
  }
};
