import { mkdir, symlink, unlink } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes `path` a symbolic link to `target`, in place of what was there. */
export async function replaceLink(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await unlink(path).catch(() => undefined);
  await symlink(target, path);
}
