import { flagWords } from "./flags.ts";
import type { CertificateFiles, Pki } from "./pki.ts";

/** Where etcd keeps its data, its ports on 127.0.0.1, and whether every commit waits for the disk. */
export interface EtcdOptions {
  readonly program: string;
  readonly dataDirectory: string;
  readonly port: number;
  readonly peerPort: number;
  readonly fsync: boolean;
  readonly keys: Pick<Pki, "etcdCa" | "etcd">;
}

const tls = (prefix: string, own: CertificateFiles, ca: CertificateFiles): Record<string, string> => ({
  [`${prefix}cert-file`]: own.certificate,
  [`${prefix}key-file`]: own.key,
  [`${prefix}trusted-ca-file`]: ca.certificate,
  [`${prefix}client-cert-auth`]: "true",
});

/** One member, which only holders of a certificate of its own authority can talk to. */
export const etcdCommand = ({
  program,
  dataDirectory,
  port,
  peerPort,
  fsync,
  keys,
}: EtcdOptions): string[] => {
  const client = `https://127.0.0.1:${port}`;
  const peer = `https://127.0.0.1:${peerPort}`;
  return [
    program,
    ...flagWords({
      "data-dir": dataDirectory,
      name: "default",
      "listen-client-urls": client,
      "advertise-client-urls": client,
      "listen-peer-urls": peer,
      "initial-advertise-peer-urls": peer,
      "initial-cluster": `default=${peer}`,
      ...tls("", keys.etcd, keys.etcdCa),
      ...tls("peer-", keys.etcd, keys.etcdCa),
      // A single member elects itself: the sooner, the sooner it serves.
      "heartbeat-interval": "30",
      "election-timeout": "150",
      "log-level": "warn",
      ...(fsync ? {} : { "unsafe-no-fsync": "true" }),
    }),
  ];
};
