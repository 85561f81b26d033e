/**
 * deploy/apiserver/static for one cluster: what an API server reads in place of registrations that are kept in the API.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const SOURCE = join(import.meta.dirname, "..", "deploy", "apiserver", "static");

/** Where the files expect the folder that `directory` will be. */
const EXPECTED = "/etc/kubernetes/hoop/";
const URL = "https://hoop.hoop-system.svc:9443/validate";

export interface StaticFiles {
  /** PEM: what the API server must trust to believe Hoop. */
  caBundle: string;
  /** Of /validate, where it is not that of Hoop's Service. */
  url?: string;
  /** Where the API server finds what is beside `static`, if not in /etc/kubernetes/hoop. */
  mountedAt?: string;
}

/** Writes `directory`/static. */
export async function writeStaticFiles(
  directory: string,
  { caBundle, url = URL, mountedAt = EXPECTED }: StaticFiles,
): Promise<void> {
  const encoded = Buffer.from(caBundle).toString("base64");
  const names = await readdir(SOURCE, { recursive: true });
  for (const name of names.filter((file) => file.endsWith(".yaml"))) {
    const text = await readFile(join(SOURCE, name), "utf8");
    const target = join(directory, "static", name);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const filled = text
      .replaceAll(EXPECTED, mountedAt)
      .replace(URL, url)
      .replace('caBundle: ""', `caBundle: ${encoded}`);
    await writeFile(target, filled, { mode: 0o600 });
  }
}
