/** `kubectl hoop version`. */
import { readFile } from "node:fs/promises";
import type { Context } from "../context.ts";

export async function version(this: Context): Promise<void> {
  const manifest: unknown = JSON.parse(
    await readFile(new URL("../../package.json", import.meta.url), "utf8"),
  );
  const { version } = manifest as { version: string };
  this.process.stdout.write(`kubectl-hoop v${version}\n`);
}
