/**
 * The API server's side of Hoop, from the files in deploy/apiserver/: its AuthorizationConfiguration and
 * AdmissionConfiguration, its audit policy, and the kubeconfigs by which it calls Hoop with its client certificate.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { Certificates } from "#certs/directory.ts";

const DEPLOY = join(import.meta.dirname, "..", "deploy", "apiserver");

/** Where the files in deploy/apiserver/ expect the kubeconfigs. */
const EXPECTED = "/etc/kubernetes/hoop/";

export interface ApiServerFiles {
  authorizationConfig: object;
  admissionConfig: object;
  auditPolicy: object;
  /** The kubeconfig by which it sends audit events. */
  auditWebhook: object;
}

export interface WebhookAddress {
  /** HOST:PORT at which the API server's host reaches the webhook server. */
  address: string;
  /** Name in the certificate of the webhook server: SERVICE.NAMESPACE.svc. */
  serverName: string;
  /** Port in the webhook registrations. */
  servicePort: number;
}

/** Writes the kubeconfigs into `directory`, and gives the configurations that name them there. */
export async function apiServerFiles(
  directory: string,
  certificates: Certificates,
  at: WebhookAddress,
): Promise<ApiServerFiles> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeKubeconfigs(directory, certificates, at);
  const parsed = async (file: string) => {
    const text = await readFile(file, "utf8");
    return parse(text.replaceAll(EXPECTED, `${directory}/`)) as object;
  };
  const read = (name: string) => parsed(join(DEPLOY, name));
  return {
    authorizationConfig: await read("authorization-config.yaml"),
    admissionConfig: await read("admission-config.yaml"),
    auditPolicy: await read("audit-policy.yaml"),
    auditWebhook: await parsed(join(directory, AUDIT)),
  };
}

const AUDIT = "audit.kubeconfig";

/** The kubeconfigs alone, with the certificates inside. */
export async function writeKubeconfigs(
  directory: string,
  certificates: Certificates,
  at: WebhookAddress,
): Promise<void> {
  const encode = (pem: string) => Buffer.from(pem).toString("base64");
  const user = {
    "client-certificate-data": encode(certificates.client.certificate),
    "client-key-data": encode(certificates.client.key),
  };
  const base = { apiVersion: "v1", kind: "Config" };
  const calling = (endpoint: string) => ({
    ...base,
    clusters: [
      {
        name: "hoop",
        cluster: {
          server: `https://${at.address}/${endpoint}`,
          "certificate-authority-data": encode(certificates.caBundle),
          "tls-server-name": at.serverName,
        },
      },
    ],
    users: [{ name: "kube-apiserver", user }],
    contexts: [{ name: "hoop", context: { cluster: "hoop", user: "kube-apiserver" } }],
    "current-context": "hoop",
  });
  // Admission finds the credential by the host and port it calls: no other webhook is shown this certificate.
  const admission = { ...base, users: [{ name: `${at.serverName}:${at.servicePort}`, user }] };
  const options = { mode: 0o600 };
  await writeFile(join(directory, "authorization.kubeconfig"), stringify(calling("authorize")), options);
  await writeFile(join(directory, AUDIT), stringify(calling("audit")), options);
  await writeFile(join(directory, "admission.kubeconfig"), stringify(admission), options);
}
