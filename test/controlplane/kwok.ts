import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { flagWords } from "./flags.ts";
import type { CertificateFiles } from "./pki.ts";

/** `stages` is a file of kwok Stages; `address` the loopback IP that every node has. */
export interface KwokOptions {
  readonly program: string;
  readonly directory: string;
  readonly stages: string;
  readonly address: string;
  readonly port: number;
  readonly kubeconfig: string;
  readonly serving: CertificateFiles;
}

const httpAnswer = `while IFS= read -r line && [ "\${#line}" -gt 1 ]; do :; done
printf 'HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: 17\\r\\nConnection: close\\r\\n\\r\\nhello from a pod\\n'`;

const kind = (name: string, spec: Record<string, unknown>): string =>
  stringify({ apiVersion: "kwok.x-k8s.io/v1alpha1", kind: name, metadata: { name: "all" }, spec });

/** What kwok does for every pod of every node: exec runs on this host, in a directory of its own. */
const behaviour = (directory: string, log: string): string =>
  [
    kind("ClusterExec", { execs: [{ local: { workDir: join(directory, "root") } }] }),
    kind("ClusterLogs", { logs: [{ logsFile: log }] }),
    kind("ClusterAttach", { attaches: [{ logsFile: log }] }),
    kind("ClusterPortForward", { forwards: [{ command: ["sh", "-c", httpAnswer] }] }),
  ].join("---\n");

/**
 * The log that every pod shows: a file in the format of container runtimes, so that lines appended to it
 * (`TIME stdout F TEXT`, TIME as RFC 3339) come out of `kubectl logs -f`.
 */
export const podLog = (directory: string): string => join(directory, "pod.log");

/** Writes kwok's configuration into its directory. */
export const prepareKwok = async ({ directory, stages }: KwokOptions): Promise<void> => {
  await mkdir(join(directory, "root"), { recursive: true });
  const line = `${new Date().toISOString()} stdout F hello from a pod\n`;
  await writeFile(podLog(directory), line, { flag: "wx" }).catch(() => undefined);
  const config = `${await readFile(stages, "utf8")}\n---\n${behaviour(directory, podLog(directory))}`;
  await writeFile(join(directory, "kwok.yaml"), config);
};

/** kwok as the node agent of every Node there is. */
export const kwokCommand = (options: KwokOptions): string[] => [
  options.program,
  ...flagWords({
    config: join(options.directory, "kwok.yaml"),
    kubeconfig: options.kubeconfig,
    "manage-all-nodes": "true",
    "node-ip": options.address,
    "node-port": String(options.port),
    "server-address": `${options.address}:${options.port}`,
    "node-lease-duration-seconds": "40",
    "tls-cert-file": options.serving.certificate,
    "tls-private-key-file": options.serving.key,
  }),
];

/** A Node for kwok to bring to life. */
export const nodeObject = (name: string): Record<string, unknown> => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: {
    name,
    labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" },
    annotations: { "kwok.x-k8s.io/node": "fake" },
  },
});
