import { type Flags, flagWords } from "./flags.ts";
import type { Pki } from "./pki.ts";

/** What one kube-apiserver needs. `flags` win over every default. */
export interface ApiserverOptions {
  readonly program: string;
  readonly port: number;
  readonly etcdPort: number;
  readonly keys: Pki;
  readonly flags: Flags;
}

const identityFlags = (keys: Pki): Flags => ({
  "client-ca-file": keys.ca.files.certificate,
  "tls-cert-file": keys.serving.certificate,
  "tls-private-key-file": keys.serving.key,
  "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
  "service-account-key-file": keys.serviceAccount.certificate,
  "service-account-signing-key-file": keys.serviceAccount.key,
});

const aggregationFlags = (keys: Pki): Flags => ({
  "proxy-client-cert-file": keys.frontProxyClient.certificate,
  "proxy-client-key-file": keys.frontProxyClient.key,
  "requestheader-client-ca-file": keys.frontProxyCa.certificate,
  "requestheader-allowed-names": "front-proxy-client",
  "requestheader-username-headers": "X-Remote-User",
  "requestheader-uid-headers": "X-Remote-Uid",
  "requestheader-group-headers": "X-Remote-Group",
  "requestheader-extra-headers-prefix": "X-Remote-Extra-",
});

const kubeletFlags = (keys: Pki): Flags => ({
  "kubelet-client-certificate": keys.kubeletClient.certificate,
  "kubelet-client-key": keys.kubeletClient.key,
  "kubelet-certificate-authority": keys.ca.files.certificate,
  "kubelet-preferred-address-types": "InternalIP",
});

/** kube-apiserver on 127.0.0.1 with RBAC, unless a flag says how else it authorizes. */
export const apiserverCommand = ({ program, port, etcdPort, keys, flags }: ApiserverOptions): string[] => [
  program,
  ...flagWords({
    "bind-address": "127.0.0.1",
    "advertise-address": "127.0.0.1",
    "secure-port": String(port),
    // The Service `kubernetes` may not have a loopback address as its endpoint, and nobody in this cluster dials it.
    "endpoint-reconciler-type": "none",
    "etcd-servers": `https://127.0.0.1:${etcdPort}`,
    "etcd-cafile": keys.etcdCa.certificate,
    "etcd-certfile": keys.etcd.certificate,
    "etcd-keyfile": keys.etcd.key,
    "service-cluster-ip-range": "10.96.0.0/16",
    "allow-privileged": "true",
    ...(flags["authorization-config"] === undefined ? { "authorization-mode": "RBAC" } : {}),
    ...identityFlags(keys),
    ...aggregationFlags(keys),
    ...kubeletFlags(keys),
    ...flags,
  }),
];
