/** The floor: a webhook that allows everything, in a process of its own; in Go, or in Node.js. */
import { spawn, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority } from "#certs/ca.ts";
import { issueServing } from "#certs/leaf.ts";
import { claimPort } from "#controlplane/ports.ts";
import { NODE_FLAGS } from "../../local/node-flags.ts";

export interface NullWebhook {
  pid: number;
  port: number;
  /** PEM, of who signed its certificate. */
  ca: string;
  stop(): void;
}

export const LANGUAGES = { go: "Go", node: "Node.js" } as const;
export type Language = keyof typeof LANGUAGES;

const SOURCE = join(import.meta.dirname, "null-webhook");

/** Program and arguments that come before the port, and how the port is told. */
function programIn(
  language: Language,
  scratch: string,
): { program: string; args: string[]; listen: (port: number) => string } {
  if (language === "node")
    return { program: process.execPath, args: [...NODE_FLAGS, join(SOURCE, "null.ts")], listen: String };
  const program = join(scratch, "null-webhook");
  const built = spawnSync("go", ["build", "-o", program, "."], { cwd: SOURCE, encoding: "utf8" });
  if (built.status !== 0) throw new Error(`go build: ${built.stderr}`);
  return { program, args: [], listen: (port) => `127.0.0.1:${port}` };
}

/** Built and started; it serves as `host`, on a free port. */
export async function startNullWebhook(
  scratch: string,
  host: string,
  language: Language,
): Promise<NullWebhook> {
  const { program, args, listen } = programIn(language, scratch);
  const authority = createAuthority("bench CA", 1);
  const pair = issueServing(authority, { dns: [host], ips: ["127.0.0.1"] }, 7);
  const [certificate, key] = [join(scratch, "null.crt"), join(scratch, "null.key")];
  await writeFile(certificate, pair.certificate);
  await writeFile(key, pair.key, { mode: 0o600 });
  const port = await claimPort();
  const child = spawn(program, [...args, listen(port), certificate, key], { stdio: "ignore" });
  if (child.pid === undefined) throw new Error("the null webhook did not start");
  return { pid: child.pid, port, ca: authority.certificate, stop: () => void child.kill() };
}
