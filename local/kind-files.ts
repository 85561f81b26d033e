/**
 * `npm run kind-files`: what kind-config.yaml mounts into the API server, in .hoop/kind/: its configuration from
 * deploy/apiserver/, and the kubeconfigs by which it calls Hoop. The CAs and keys, with which Hoop in the cluster
 * begins, are in .hoop/kind-certificates/. For another cluster of one's own: `-- --address IP` of Hoop's Service.
 */
import { copyFile, mkdir, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { servingCertificate } from "#certs/directory.ts";
import { serviceNames } from "#certs/leaf.ts";
import { writeKubeconfigs } from "./apiserver-files.ts";
import { writeStaticFiles } from "./static-files.ts";

const ROOT = join(import.meta.dirname, "..");

/**
 * The API server's pod is on the node's network, where no service name resolves: Hoop's Service has this address
 * (deploy/overlays/kind), from the part of kind's default range that is never given out by itself.
 */
const CLUSTER_IP = "10.96.0.250";
const WEBHOOK_PORT = 9443;

/** Writes everything below `directory`; returns the folder to mount. `address`: of Hoop's Service. */
export async function writeKindFiles(directory: string, address = CLUSTER_IP): Promise<string> {
  const mounted = join(directory, "kind");
  await mkdir(mounted, { recursive: true, mode: 0o700 });
  const names = serviceNames("hoop", "hoop-system");
  const certificates = await servingCertificate(join(directory, "kind-certificates"), names);
  const source = join(ROOT, "deploy", "apiserver");
  for (const file of await readdir(source))
    if (file.endsWith(".yaml")) await copyFile(join(source, file), join(mounted, file));
  await writeStaticFiles(mounted, certificates);
  await writeKubeconfigs(mounted, certificates, {
    address: `${address}:${WEBHOOK_PORT}`,
    serverName: "hoop.hoop-system.svc",
    servicePort: WEBHOOK_PORT,
  });
  return mounted;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { address: { type: "string", default: CLUSTER_IP } } });
  const mounted = await writeKindFiles(resolve(ROOT, ".hoop"), values.address);
  console.log(`Written to ${mounted}. How to go on: docs/guides/install.md`);
}
