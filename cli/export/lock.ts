/** Who is writing to a file: one process at a time. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { CommandError } from "../failure.ts";

const held = new Set<string>();

/** Holds FILE.lock until the function is called. That of a process which has ended on this machine is taken over. */
export function lock(file: string): () => void {
  const path = `${file}.lock`;
  const own = `${process.pid} ${hostname()}\n`;
  if (!written(path, own)) {
    const other = readFileSync(path, "utf8");
    if (held.has(path) || isAtIt(other))
      throw new CommandError(
        `another export writes to ${file} (process ${other.trim().replace(" ", " on ")}): wait for it, name another ` +
          `file, or, where it has ended, remove ${path}`,
      );
    rmSync(path, { force: true });
    if (!written(path, own)) throw new CommandError(`another export has just begun to write to ${file}`);
  }
  held.add(path);
  return () => {
    held.delete(path);
    rmSync(path, { force: true });
  };
}

function written(path: string, own: string): boolean {
  try {
    writeFileSync(path, own, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw new CommandError(`${path} cannot be written: ${error instanceof Error ? error.message : error}`);
  }
}

/** Of another machine that cannot be told. */
function isAtIt(holder: string): boolean {
  const [pid, host] = holder.trim().split(" ");
  // Left by a kill before it was written.
  if (!/^[1-9]\d*$/.test(pid ?? "") || host === undefined) return false;
  if (host !== hostname()) return true;
  // In a container it may be the number that the one before had.
  if (Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
