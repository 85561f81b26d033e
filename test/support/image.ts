/** What the image has beside the sources: made as the Containerfile makes it. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "..", "..");
const run = promisify(execFile);

/** Has Node.js keep in the directory what it makes of the sources. @returns the environment that has it used. */
export async function compileCache(directory: string): Promise<Record<string, string>> {
  const environment = { NODE_COMPILE_CACHE: directory };
  const text = (await readFile(join(ROOT, "Containerfile"), "utf8")).replaceAll("\\\n", "");
  for (const [, command = ""] of text.matchAll(/^RUN (\["node".*\])$/gm)) {
    const [, ...args] = JSON.parse(command) as string[];
    const places: Record<string, string> = { "/hoop/": ROOT, "/tmp/": directory };
    const here = args.map((one) => one.replace(/\/(hoop|tmp)\//g, (place) => `${places[place]}/`));
    await run(process.execPath, here, { cwd: ROOT, env: { ...process.env, ...environment } });
  }
  return environment;
}
