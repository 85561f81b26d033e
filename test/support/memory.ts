/** What a process holds in memory, from /proc. */
import { readFileSync } from "node:fs";

/** MiB: resident now, and the most that ever was. */
export function memoryOf(pid: number): { resident: number; most: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mebibytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) / 1024;
  return { resident: mebibytes("VmRSS"), most: mebibytes("VmHWM") };
}
