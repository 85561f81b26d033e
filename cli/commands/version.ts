/** `kubectl hoop version`. */
import { readFile } from "node:fs/promises";
import type { Context } from "../context.ts";

export async function version(this: Context): Promise<void> {
  this.process.stdout.write(`kubectl-hoop v${await pluginVersion()}\n`);
}

export async function pluginVersion(): Promise<string> {
  const manifest: unknown = JSON.parse(
    await readFile(new URL("../../package.json", import.meta.url), "utf8"),
  );
  const { version } = manifest as { version: string };
  return version;
}
