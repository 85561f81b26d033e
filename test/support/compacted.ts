/** etcd forgets the past. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import type { ControlPlane } from "#controlplane/controlplane.ts";

/** What was before this version cannot be read any more. An API server that runs may still know it. */
export async function compacted(plane: ControlPlane, revision: string): Promise<void> {
  const file = (name: string) => readFile(join(plane.directory, "pki", name));
  const tls = { ca: await file("etcd-ca.crt"), cert: await file("etcd.crt"), key: await file("etcd.key") };
  const url = `https://127.0.0.1:${plane.ports.etcd}/v3/kv/compaction`;
  const asked = request(url, { method: "POST", ...tls });
  asked.end(JSON.stringify({ revision, physical: true }));
  const [response] = await once(asked, "response");
  response.resume();
  await once(response, "end");
  if (response.statusCode !== 200) throw new Error(`etcd: ${response.statusCode}`);
}
