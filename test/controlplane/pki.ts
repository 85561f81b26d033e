import { createPublicKey } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Certificate,
  issue,
  newAuthority,
  newKey,
  newSigningKey,
  type Subject,
} from "./certificates.ts";

/** Paths of the PEM files of one certificate. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

/** All keys of one control plane, as files. */
export interface Pki {
  /** Signs the clients and the serving certificates of the API server. */
  readonly ca: Certificate & { readonly files: CertificateFiles };
  readonly etcdCa: CertificateFiles;
  readonly frontProxyCa: CertificateFiles;
  readonly serving: CertificateFiles;
  readonly etcd: CertificateFiles;
  readonly frontProxyClient: CertificateFiles;
  readonly kubeletClient: CertificateFiles;
  /** `certificate` is the public key that ServiceAccount tokens are checked with. */
  readonly serviceAccount: CertificateFiles;
}

const paths = (directory: string, name: string): CertificateFiles => ({
  certificate: join(directory, `${name}.crt`),
  key: join(directory, `${name}.key`),
});

const write = async (directory: string, name: string, pair: Certificate): Promise<void> => {
  const files = paths(directory, name);
  await writeFile(files.certificate, pair.certificate);
  await writeFile(files.key, pair.key, { mode: 0o600 });
};

const create = async (directory: string, nodeAddress: string): Promise<void> => {
  // etcd has an authority of its own: it would take every client of the API server's for its own otherwise.
  const [ca, etcdCa, frontProxyCa, componentsKey, serviceAccountKey] = await Promise.all([
    newAuthority("hoop-test-ca"),
    newAuthority("hoop-test-etcd-ca"),
    newAuthority("hoop-test-front-proxy-ca"),
    newKey(),
    newSigningKey(),
  ]);
  const names = { dns: ["localhost", "kubernetes.default.svc"], ip: ["127.0.0.1", nodeAddress] };
  // The components all run as one user on one host: they share a key.
  const component = (authority: Certificate, subject: Subject): Promise<Certificate> =>
    issue(authority, subject, componentsKey);
  const pairs: Record<string, Certificate> = {
    ca,
    "etcd-ca": etcdCa,
    "front-proxy-ca": frontProxyCa,
    serving: await component(ca, { commonName: "control-plane", names }),
    etcd: await component(etcdCa, { commonName: "etcd", names }),
    "front-proxy-client": await component(frontProxyCa, { commonName: "front-proxy-client" }),
    "kubelet-client": await component(ca, { commonName: "kube-apiserver-kubelet-client" }),
    "service-account": {
      certificate: createPublicKey(serviceAccountKey).export({ type: "spki", format: "pem" }).toString(),
      key: serviceAccountKey,
    },
  };
  for (const [name, pair] of Object.entries(pairs)) await write(directory, name, pair);
};

/** The keys kept in `directory`, made there if it does not exist. `nodeAddress` is the IP that nodes answer on. */
export const pki = async (directory: string, nodeAddress: string): Promise<Pki> => {
  if (!existsSync(directory)) {
    // All or nothing: a start that was interrupted leaves no half of it behind.
    const unfinished = `${directory}.${process.pid}`;
    await mkdir(unfinished, { recursive: true, mode: 0o700 });
    await create(unfinished, nodeAddress);
    await rename(unfinished, directory);
  }
  const ca = paths(directory, "ca");
  return {
    ca: {
      files: ca,
      certificate: await readFile(ca.certificate, "utf8"),
      key: await readFile(ca.key, "utf8"),
    },
    etcdCa: paths(directory, "etcd-ca"),
    frontProxyCa: paths(directory, "front-proxy-ca"),
    serving: paths(directory, "serving"),
    etcd: paths(directory, "etcd"),
    frontProxyClient: paths(directory, "front-proxy-client"),
    kubeletClient: paths(directory, "kubelet-client"),
    serviceAccount: paths(directory, "service-account"),
  };
};
