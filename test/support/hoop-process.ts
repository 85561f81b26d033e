/** Hoop as `main.ts --config` in a process of its own, in place of the one in the test's process. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { NODE_ENVIRONMENT, NODE_FLAGS } from "../../local/node-flags.ts";
import type { Testbed } from "./testbed.ts";

const MAIN = join(import.meta.dirname, "..", "..", "main.ts");

export interface HoopProcess {
  child: ChildProcess;
  /** Exit code (null: by a signal) and everything it logged. */
  ended: Promise<{ code: number | null; log: string }>;
  /** Resolves when it says that it serves: true; or when it has ended before: false. */
  serves: Promise<boolean>;
}

/** Beside what it is always run with. */
interface More {
  flags?: readonly string[];
  environment?: Readonly<Record<string, string>>;
}

/** The testbed's own Hoop must be stopped. */
export async function launchProcess(bed: Testbed, more: More = {}): Promise<HoopProcess> {
  const file = join(bed.certificates, "..", "settings.yaml");
  await writeFile(file, bed.settingsYaml);
  const child = spawn(process.execPath, [...NODE_FLAGS, ...(more.flags ?? []), MAIN, "--config", file], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...NODE_ENVIRONMENT, ...more.environment },
  });
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);
  const { promise: serves, resolve } = Promise.withResolvers<boolean>();
  let log = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    log += chunk;
    if (log.includes('"hoop serves"')) resolve(true);
  });
  const ended = new Promise<number | null>((done) => child.once("close", done)).then((code) => {
    process.off("exit", killWithUs);
    resolve(false);
    return { code, log };
  });
  return { child, ended, serves };
}

/** Resolves when the API server has it serve. The testbed's own Hoop must be stopped. */
export async function startProcess(bed: Testbed, more: More = {}): Promise<HoopProcess> {
  const launched = await launchProcess(bed, more);
  if (!(await launched.serves)) throw new Error(`main.ts ended: ${(await launched.ended).log}`);
  for (;;) {
    const { code } = await bed.kubectl("human", ["get", "approvals.hoop.dev", "-A"]);
    if (code === 0) return launched;
    await delay(250);
  }
}
