/** Hoop as `main.ts --config` in a process of its own, in place of the one in the test's process. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { Testbed } from "./testbed.ts";

const MAIN = join(import.meta.dirname, "..", "..", "main.ts");

export interface HoopProcess {
  child: ChildProcess;
  /** Exit code (null: by a signal) and everything it logged. */
  ended: Promise<{ code: number | null; log: string }>;
}

/** Resolves when it serves. The testbed's own Hoop must be stopped. */
export async function startProcess(bed: Testbed): Promise<HoopProcess> {
  const file = join(bed.certificates, "..", "settings.yaml");
  await writeFile(file, bed.settingsYaml);
  const child = spawn(process.execPath, [MAIN, "--config", file], { stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => child.kill("SIGKILL"));
  const log = text(child.stdout);
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve)).then(async (code) => ({
    code,
    log: await log,
  }));
  let over = false;
  void ended.then(() => {
    over = true;
  });
  for (;;) {
    const { code } = await bed.kubectl("human", ["get", "approvals.hoop.dev", "-A"]);
    if (code === 0) return { child, ended };
    if (over) throw new Error(`main.ts ended: ${(await ended).log}`);
    await delay(250);
  }
}
