/** Small files that are read as a whole, and written so that nobody ever finds half of one. */
import { chmod, open, readFile, rename } from "node:fs/promises";

/** Undefined where there is none. Rejects where it cannot be read. */
export async function readWhole(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new Error(`cannot read ${file}`, { cause: error });
  }
}

/**
 * Whole or not at all, also when the machine stops: written aside, synced, then renamed. `mode`: its permissions. `aside`:
 * what may be left of it where the process is killed; on the same file system.
 */
export async function writeWhole(
  file: string,
  content: string | Uint8Array,
  mode: number,
  aside = `${file}.${process.pid}.new`,
): Promise<void> {
  const handle = await open(aside, "w", mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  // The mode given to open is cut by the umask, and ignored where the file was already there.
  await chmod(aside, mode);
  await rename(aside, file);
}
