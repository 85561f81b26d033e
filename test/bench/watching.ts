/** Watches in a process of their own: what its clients take is none of the measured ones'. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Measured, Task } from "./watch-client.ts";

export async function watched(task: Task): Promise<Measured> {
  const program = join(import.meta.dirname, "watch-client.ts");
  const child = spawn(process.execPath, [program, JSON.stringify(task)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let last = "";
  for await (const line of createInterface({ input: child.stdout })) last = line;
  return JSON.parse(last);
}
