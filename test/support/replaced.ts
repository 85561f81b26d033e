/** Hoop in processes that take over from one another. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Testbed } from "./testbed.ts";

const MAIN = join(import.meta.dirname, "..", "..", "main.ts");

export interface HoopProcess {
  child: ChildProcess;
  pid: number;
  /** Does something, and resolves when it has logged these words since. Rejects when it ends before. */
  until(words: string, act?: () => unknown): Promise<void>;
  log(): string;
  ended: Promise<number | null>;
}

/** `main.ts` with these settings; `args` come after them. */
export async function spawnHoop(bed: Testbed, settingsYaml: string, ...args: string[]): Promise<HoopProcess> {
  const file = join(bed.certificates, "..", `settings-${process.hrtime.bigint()}.yaml`);
  await writeFile(file, settingsYaml);
  const command = [MAIN, "--config", file, ...args];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);
  let log = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    log += chunk;
  });
  const ended = new Promise<number | null>((done) => child.once("close", done));
  let over = false;
  void ended.then(() => {
    over = true;
    process.off("exit", killWithUs);
  });
  return {
    child,
    pid: child.pid ?? 0,
    ended,
    log: () => log,
    async until(words, act = () => {}) {
      const from = log.length;
      await act();
      while (!log.slice(from).includes(words)) {
        if (over) throw new Error(`main.ts ended before it said "${words}": ${log}`);
        await delay(10);
      }
    },
  };
}
