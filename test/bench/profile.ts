/** Where the API server's time goes: its own CPU profile, for `go tool pprof`. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "./load.ts";

/** Taken while `work` runs, which should take a little longer than `seconds`. */
export async function profiled<T>(
  admin: Client,
  { directory, name, seconds }: { directory: string; name: string; seconds: number },
  work: () => Promise<T>,
): Promise<T> {
  if (directory === "") return work();
  const profile = admin.get(`/debug/pprof/profile?seconds=${Math.max(1, Math.floor(seconds))}`);
  const done = await work();
  const file = `apiserver, ${name}.pprof`.replaceAll(/[^\w.]+/g, "-");
  await writeFile(join(directory, file), await profile);
  return done;
}
