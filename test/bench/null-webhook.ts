/** The floor: a webhook in Go that allows everything, in a process of its own. */
import { spawn, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority } from "#certs/ca.ts";
import { issueServing } from "#certs/leaf.ts";
import { claimPort } from "#controlplane/ports.ts";

export interface NullWebhook {
  pid: number;
  port: number;
  /** PEM, of who signed its certificate. */
  ca: string;
  stop(): void;
}

/** Built and started; it serves as `host`, on a free port. */
export async function startNullWebhook(scratch: string, host: string): Promise<NullWebhook> {
  const source = join(import.meta.dirname, "null-webhook");
  const program = join(scratch, "null-webhook");
  const built = spawnSync("go", ["build", "-o", program, "."], { cwd: source, encoding: "utf8" });
  if (built.status !== 0) throw new Error(`go build: ${built.stderr}`);
  const authority = createAuthority("bench CA", 1);
  const pair = issueServing(authority, { dns: [host], ips: ["127.0.0.1"] }, 7);
  const [certificate, key] = [join(scratch, "null.crt"), join(scratch, "null.key")];
  await writeFile(certificate, pair.certificate);
  await writeFile(key, pair.key, { mode: 0o600 });
  const port = await claimPort();
  const child = spawn(program, [`127.0.0.1:${port}`, certificate, key], { stdio: "ignore" });
  if (child.pid === undefined) throw new Error("the null webhook did not start");
  return { pid: child.pid, port, ca: authority.certificate, stop: () => void child.kill() };
}
