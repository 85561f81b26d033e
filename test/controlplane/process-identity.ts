import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

const hasProc = existsSync("/proc/self/stat");

const ps = (pid: number, columns: string): string =>
  spawnSync("ps", ["-ww", "-o", columns, "-p", String(pid)], { encoding: "utf8" }).stdout?.trim() ?? "";

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
};

const linuxIdentity = (pid: number): string | undefined => {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the command in parentheses and may hold anything; after it come state (0 here),
  // number of threads (17) and start time (19).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A killed process is a zombie while some of its threads still end, and hold its ports until then.
  const ended = fields[0] === "X" || (fields[0] === "Z" && Number(fields[17]) <= 1);
  return ended ? undefined : `${pid} ${fields[19]}`;
};

const psIdentity = (pid: number): string | undefined => {
  const line = ps(pid, "stat=,lstart=");
  return line === "" || line.startsWith("Z") ? undefined : `${pid} ${line.replace(/^\S+\s+/, "")}`;
};

/**
 * One line that names this very process (pid and start), so that a pid given to another process later is not
 * mistaken for it; undefined when no such process lives (a zombie does not).
 */
export const processIdentity = (pid: number): string | undefined =>
  !Number.isInteger(pid) || pid <= 0 ? undefined : hasProc ? linuxIdentity(pid) : psIdentity(pid);

/** The process's command line, words joined by one blank; undefined when it does not live or may not be read. */
export const commandLine = (pid: number): string | undefined => {
  const line = hasProc ? read(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ") : ps(pid, "command=");
  return line?.trim() || undefined;
};
